#include "pillard/fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "utf8.h"

namespace pillard::detail {

namespace {
constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

std::string integer_in_words(const FieldOptions& options) {
  if (options.min == kLowest && options.max == kHighest) return "an integer";
  if (options.max == kHighest) return fmt::format("an integer of at least {}", options.min);
  if (options.min == kLowest) return fmt::format("an integer of at most {}", options.max);
  return fmt::format("an integer from {} to {}", options.min, options.max);
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

bool is_one_of(std::string_view text, std::string_view words) {
  if (text.empty() || text.find(' ') != std::string_view::npos) return false;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == text) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

bool is_number(std::string_view raw) {
  return !raw.empty() && (raw.front() == '-' || (raw.front() >= '0' && raw.front() <= '9'));
}
}  // namespace

void refuse(std::string_view where, std::string_view expected, std::string_view raw, bool secret) {
  if (secret) throw Error(Code::kBadRequest, fmt::format("{}: expected {}", where, expected));
  throw Error(Code::kBadRequest, fmt::format("{}: expected {}, got {}", where, expected, excerpt(trimmed(raw))));
}

std::int64_t decode_integer(std::string_view where, std::string_view raw, const FieldOptions& options) {
  raw = trimmed(raw);
  if (!is_number(raw)) refuse(where, integer_in_words(options), raw, options.secret);
  const auto exact = exact_integer(raw);
  if (options.clamp) return std::clamp(exact ? *exact : nearest_integer(raw), options.min, options.max);
  if (!exact || *exact < options.min || *exact > options.max)
    refuse(where, integer_in_words(options), raw, options.secret);
  return *exact;
}

bool decode_bool(std::string_view where, std::string_view raw, const FieldOptions& options) {
  raw = trimmed(raw);
  if (raw != "true" && raw != "false") refuse(where, "true or false", raw, options.secret);
  return raw == "true";
}

double decode_number(std::string_view where, std::string_view raw, const FieldOptions& options) {
  try {
    return json::Reader(raw).read_number();
  } catch (const json::ParseError&) {
    refuse(where, "a number", raw, options.secret);
  }
}

std::string decode_string(std::string_view where, std::string_view raw, const FieldOptions& options) {
  std::string text;
  try {
    text = json::Reader(raw).read_string();
  } catch (const json::ParseError&) {
    refuse(where, "a string", raw, options.secret);
  }
  if (text.size() > options.max_length)
    refuse(where, fmt::format("a string of at most {} bytes", options.max_length), raw, options.secret);
  if (options.one_of && !is_one_of(text, options.one_of))
    refuse(where, fmt::format("one of: {}", options.one_of), raw, options.secret);
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
