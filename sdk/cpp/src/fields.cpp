#include "pillard/fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "utf8.h"

namespace pillard::detail {

namespace {
constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

/// `kind` is "an integer" or "a number".
std::string in_words(std::string_view kind, const FieldOptions& options) {
  if (options.min == kLowest && options.max == kHighest) return std::string(kind);
  if (options.max == kHighest) return fmt::format("{} of at least {}", kind, options.min);
  if (options.min == kLowest) return fmt::format("{} of at most {}", kind, options.max);
  return fmt::format("{} from {} to {}", kind, options.min, options.max);
}

/// For an integer that 64 bits do not hold: their limit is told as well.
std::string integer_in_words(std::string_view raw, const FieldOptions& options) {
  const bool negative = raw.starts_with('-');
  const bool integer = raw.find_first_not_of("0123456789", negative ? 1 : 0) == std::string_view::npos;
  const bool open = negative ? options.min == kLowest : options.max == kHighest;
  return integer && open ? fmt::format("an integer from {} to {}", options.min, options.max)
                         : in_words("an integer", options);
}

std::optional<std::int64_t> exact_integer(std::string_view raw) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc{} || end != raw.data() + raw.size()) return std::nullopt;
  return value;
}

/// The nearest integer to any JSON number; halves go away from zero, and what 64 bits do not hold ends at their limit.
std::int64_t nearest_integer(std::string_view raw) {
  double value = 0;
  try {
    value = json::Reader(raw).read_number();
  } catch (const json::ParseError&) {  // a number, but beyond a double
    return raw.front() == '-' ? kLowest : kHighest;
  }
  constexpr double kLimit = 9223372036854775808.0;
  const double rounded = std::round(value);
  if (rounded >= kLimit) return kHighest;
  if (rounded < -kLimit) return kLowest;
  return static_cast<std::int64_t>(rounded);
}

std::string_view trimmed(std::string_view raw) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = raw.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return raw.substr(begin, raw.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> all;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (end > 0) all.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return all;
}

bool is_number(std::string_view raw) {
  return !raw.empty() && (raw.front() == '-' || (raw.front() >= '0' && raw.front() <= '9'));
}
}  // namespace

void refuse(std::string_view where, std::string_view expected, std::string_view raw, bool secret) {
  if (secret) throw Error(Code::kBadRequest, fmt::format("{}: expected {}", where, expected));
  throw Error(Code::kBadRequest, fmt::format("{}: expected {}, got {}", where, expected, excerpt(trimmed(raw))));
}

void refuse_length(std::string_view where, std::size_t max, std::string_view raw, bool secret) {
  refuse(where, fmt::format("a list of at most {} element{}", max, max == 1 ? "" : "s"), raw, secret);
}

void refuse_word(std::string_view where, std::string_view raw, const FieldOptions& options) {
  refuse(where, fmt::format("one of \"{}\"", fmt::join(split(options.one_of), "\", \"")), raw, options.secret);
}

std::int64_t decode_integer(std::string_view where, std::string_view raw, const FieldOptions& options) {
  raw = trimmed(raw);
  if (!is_number(raw)) refuse(where, in_words("an integer", options), raw, options.secret);
  const auto exact = exact_integer(raw);
  if (options.clamp) return std::clamp(exact ? *exact : nearest_integer(raw), options.min, options.max);
  if (!exact) refuse(where, integer_in_words(raw, options), raw, options.secret);
  if (*exact < options.min || *exact > options.max) refuse(where, in_words("an integer", options), raw, options.secret);
  return *exact;
}

bool decode_bool(std::string_view where, std::string_view raw, const FieldOptions& options) {
  raw = trimmed(raw);
  if (raw != "true" && raw != "false") refuse(where, "true or false", raw, options.secret);
  return raw == "true";
}

double decode_number(std::string_view where, std::string_view raw, const FieldOptions& options, double largest) {
  raw = trimmed(raw);
  if (!is_number(raw)) refuse(where, in_words("a number", options), raw, options.secret);
  double value = 0;
  try {
    value = json::Reader(raw).read_number();
  } catch (const json::ParseError&) {  // a number, but beyond a double
    value = raw.front() == '-' ? -HUGE_VAL : HUGE_VAL;
  }
  if (options.clamp) {
    if (options.min != kLowest) value = std::max(value, static_cast<double>(options.min));
    if (options.max != kHighest) value = std::min(value, static_cast<double>(options.max));
  }
  if ((options.min != kLowest && value < static_cast<double>(options.min)) ||
      (options.max != kHighest && value > static_cast<double>(options.max)))
    refuse(where, in_words("a number", options), raw, options.secret);
  if (std::abs(value) > largest)
    refuse(where, fmt::format("a number from {0:.17g} to {1:.17g}", -largest, largest), raw, options.secret);
  return value;
}

std::string decode_string(std::string_view where, std::string_view raw, const FieldOptions& options) {
  std::string text;
  try {
    text = json::Reader(raw).read_string();
  } catch (const json::ParseError&) {
    if (options.one_of) refuse_word(where, raw, options);
    refuse(where, "a string", raw, options.secret);
  }
  if (options.one_of) {
    const auto words = split(options.one_of);
    if (std::find(words.begin(), words.end(), text) == words.end()) refuse_word(where, raw, options);
  } else if (text.size() > options.max_length) {
    refuse(where, fmt::format("a string of at most {} bytes", options.max_length), raw, options.secret);
  }
  return text;
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace pillard::detail
