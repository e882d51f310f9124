#include "pillard/json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

namespace pillard::json {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
// The letters behind a backslash, and what they stand for.
constexpr std::string_view kLetters = "\"\\/bfnrt";
constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr unsigned char byte(char c) { return static_cast<unsigned char>(c); }

/// ASCII that a JSON string holds as it is: no control character, quote or backslash.
constexpr bool is_plain(char c) { return byte(c) >= 0x20 && byte(c) < 0x80 && c != '"' && c != '\\'; }

/// First position in [at, text.size()) that is not plain, or text.size().
std::size_t skip_plain(std::string_view text, std::size_t at) {
  const auto zero_bytes = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighBits; };
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    // A borrow can only mark bytes above a byte that is marked rightly, so the lowest mark is exact.
    const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighBits;
    const std::uint64_t marked =
        control | (word & kHighBits) | zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\'));
    if (marked == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      return at + static_cast<std::size_t>(std::countr_zero(marked)) / 8;
    }
    break;
  }
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

// In the order of Kind.
constexpr std::array<std::string_view, 6> kKindNames{"null",     "a boolean", "a number",
                                                     "a string", "an array",  "an object"};

struct Utf8Part {
  std::size_t length;  // of the character, or of the maximal ill-formed part; at least 1
  bool valid;
};

/// The non-ASCII character at `at`, by table 3-7 of the Unicode standard.
Utf8Part utf8_part(std::string_view text, std::size_t at) {
  const unsigned char lead = byte(text[at]);
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= text.size() || byte(text[at + i]) < low || byte(text[at + i]) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

/// The value of four hexadecimal digits at `at`, or -1.
int hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, value, 16);
  if (error != std::errc{} || end != text.data() + at + 4) return -1;
  return static_cast<int>(value);
}

constexpr bool is_high_surrogate(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low_surrogate(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// Length of the valid escape at `at` (which holds a backslash), or 0. A surrogate pair is one escape.
std::size_t escape_length(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return 0;
  if (text[at + 1] != 'u') return kLetters.find(text[at + 1]) != std::string_view::npos ? 2 : 0;
  const int unit = hex4(text, at + 2);
  if (unit < 0 || is_low_surrogate(unit)) return 0;
  if (!is_high_surrogate(unit)) return 6;
  const bool paired = text.substr(at + 6, 2) == "\\u" && is_low_surrogate(hex4(text, at + 8));
  return paired ? 12 : 0;
}

/// Appends what the valid escape at `at` stands for; returns its length.
std::size_t append_unescaped(std::string& out, std::string_view text, std::size_t at) {
  if (text[at + 1] != 'u') {
    out += kMeanings[kLetters.find(text[at + 1])];
    return 2;
  }
  const int unit = hex4(text, at + 2);
  if (!is_high_surrogate(unit)) {
    append_utf8(out, static_cast<std::uint32_t>(unit));
    return 6;
  }
  const int low = hex4(text, at + 8);
  append_utf8(out, static_cast<std::uint32_t>(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)));
  return 12;
}

/// Unescapes the inside of a string that was checked before.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t run = std::min(text.find('\\', at), text.size());
    out.append(text, at, run - at);
    at = run;
    if (at < text.size()) at += append_unescaped(out, text, at);
  }
  return out;
}

/// True if the valid number `text`, which is out of a double's range, is so for being too near to zero.
bool underflows(std::string_view text) {
  const std::size_t exponent_at = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, exponent_at);
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  std::string_view digits = text.substr(std::min(exponent_at + 1, text.size()));
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t exponent = 0;
  for (const char digit : digits) exponent = std::min<std::int64_t>(exponent * 10 + (digit - '0'), 1LL << 50);
  return magnitude + (negative ? -exponent : exponent) < 0;
}

void append_escape(std::string& out, char c) {
  out += '\\';
  if (const std::size_t known = kMeanings.find(c); known != std::string_view::npos) {
    out += kLetters[known];
    return;
  }
  out += "u00";
  out += kHex[byte(c) >> 4];
  out += kHex[byte(c) & 15];
}

}  // namespace

std::string_view kind_name(Kind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

// Only a single printable character of the text is ever repeated: it may be a secret, or terminal escapes.
void Reader::fail(std::string_view what) const {
  std::string message{what};
  if (at_ >= text_.size()) {
    message += ", found the end of the text";
  } else if (text_[at_] > ' ' && text_[at_] < 0x7F) {
    message += ", found '";
    message += text_[at_];
    message += '\'';
  } else {
    message += ", found byte " + std::to_string(byte(text_[at_]));
  }
  throw ParseError(message + " at byte " + std::to_string(at_), at_);
}

void Reader::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++at_;
  }
}

Kind Reader::peek() {
  skip_space();
  switch (at_ < text_.size() ? text_[at_] : '\0') {
    case 'n': return Kind::kNull;
    case 't':
    case 'f': return Kind::kBool;
    case '"': return Kind::kString;
    case '[': return Kind::kArray;
    case '{': return Kind::kObject;
    default: break;
  }
  if (at_ < text_.size() && (text_[at_] == '-' || is_digit(text_[at_]))) return Kind::kNumber;
  fail("expected a value");
}

void Reader::expect(Kind kind) {
  const Kind found = peek();
  if (found == kind) return;
  throw ParseError("expected " + std::string(kind_name(kind)) + ", found " + std::string(kind_name(found)) +
                       " at byte " + std::to_string(at_),
                   at_);
}

void Reader::skip_literal(std::string_view literal) {
  if (text_.substr(at_, literal.size()) != literal) fail("expected null, true or false");
  at_ += literal.size();
}

void Reader::skip_string() {
  for (++at_;;) {
    at_ = skip_plain(text_, at_);
    if (at_ == text_.size()) fail("expected the end of a string");
    const char c = text_[at_];
    if (c == '"') break;
    if (c == '\\') {
      const std::size_t length = escape_length(text_, at_);
      if (length == 0) fail("expected a valid escape (surrogates only in pairs)");
      at_ += length;
    } else if (byte(c) < 0x20) {
      fail("expected control characters to be escaped");
    } else {
      const Utf8Part part = utf8_part(text_, at_);
      if (!part.valid) fail("expected UTF-8");
      at_ += part.length;
    }
  }
  ++at_;
}

void Reader::skip_digits() {
  if (at_ >= text_.size() || !is_digit(text_[at_])) fail("expected a digit");
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
}

void Reader::skip_number() {
  const auto next_is = [this](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (next_is('-')) ++at_;
  if (next_is('0')) {
    ++at_;
    if (at_ < text_.size() && is_digit(text_[at_])) fail("expected no digit behind a leading zero");
  } else {
    skip_digits();
  }
  if (next_is('.')) {
    ++at_;
    skip_digits();
  }
  if (next_is('e') || next_is('E')) {
    ++at_;
    if (next_is('+') || next_is('-')) ++at_;
    skip_digits();
  }
}

void Reader::read_null() {
  expect(Kind::kNull);
  skip_literal("null");
}

bool Reader::read_bool() {
  expect(Kind::kBool);
  const bool value = text_[at_] == 't';
  skip_literal(value ? "true" : "false");
  return value;
}

std::string Reader::read_string() {
  expect(Kind::kString);
  const std::size_t begin = at_;
  skip_string();
  return unescape(text_.substr(begin + 1, at_ - begin - 2));
}

std::int64_t Reader::read_integer() {
  expect(Kind::kNumber);
  const std::size_t begin = at_;
  skip_number();
  const char* const end = text_.data() + at_;
  std::int64_t value = 0;
  const auto [last, error] = std::from_chars(text_.data() + begin, end, value);
  if (error == std::errc{} && last == end) return value;
  at_ = begin;
  throw ParseError("expected an integer of 64 bits at byte " + std::to_string(begin), begin);
}

double Reader::read_number() {
  expect(Kind::kNumber);
  const std::size_t begin = at_;
  skip_number();
  const std::string_view number = text_.substr(begin, at_ - begin);
  double value = 0;
  const auto [last, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc{} && std::isfinite(value)) return value;
  if (underflows(number)) return number.front() == '-' ? -0.0 : 0.0;
  at_ = begin;
  throw ParseError("expected a number in the range of a double at byte " + std::to_string(begin), begin);
}

void Reader::enter(Kind kind) {
  expect(kind);
  if (depth_ >= kMaxDepth) fail("expected at most " + std::to_string(kMaxDepth) + " nested arrays and objects");
  ++depth_;
  ++at_;
  first_ = true;
}

void Reader::enter_array() { enter(Kind::kArray); }
void Reader::enter_object() { enter(Kind::kObject); }

bool Reader::step(char close) {
  skip_space();
  const bool first = std::exchange(first_, false);
  if (at_ < text_.size() && text_[at_] == close) {
    ++at_;
    --depth_;
    return false;
  }
  if (first) return true;
  if (at_ >= text_.size() || text_[at_] != ',') fail(close == ']' ? "expected ',' or ']'" : "expected ',' or '}'");
  ++at_;
  return true;
}

bool Reader::next_element() { return step(']'); }

std::optional<std::string_view> Reader::next_raw_key() {
  if (!step('}')) return std::nullopt;
  expect(Kind::kString);
  const std::size_t begin = at_;
  skip_string();
  const std::string_view key = text_.substr(begin + 1, at_ - begin - 2);
  skip_space();
  if (at_ >= text_.size() || text_[at_] != ':') fail("expected ':' behind a key");
  ++at_;
  return key;
}

std::optional<std::string> Reader::next_key() {
  const auto key = next_raw_key();
  if (!key) return std::nullopt;
  return unescape(*key);
}

void Reader::skip_scalar(Kind kind) {
  switch (kind) {
    case Kind::kNull: return skip_literal("null");
    case Kind::kBool: return skip_literal(text_[at_] == 't' ? "true" : "false");
    case Kind::kNumber: return skip_number();
    default: return skip_string();
  }
}

std::string_view Reader::read_raw() {
  skip_space();
  const std::size_t begin = at_;
  static_assert(kMaxDepth <= 64, "one bit a level");
  std::uint64_t objects = 0;  // the lowest bit tells whether the innermost container is an object
  int open = 0;
  do {
    const Kind kind = peek();
    if (kind == Kind::kArray || kind == Kind::kObject) {
      enter(kind);
      objects = objects << 1 | (kind == Kind::kObject ? 1U : 0U);
      ++open;
    } else {
      skip_scalar(kind);
    }
    while (open > 0 && !((objects & 1) != 0 ? next_raw_key().has_value() : next_element())) {
      objects >>= 1;
      --open;
    }
  } while (open > 0);
  return text_.substr(begin, at_ - begin);
}

void Reader::finish() {
  skip_space();
  if (at_ < text_.size()) fail("expected the end of the text");
}

bool valid(std::string_view text) noexcept {
  try {
    Reader reader(text);
    reader.read_raw();
    reader.finish();
    return true;
  } catch (const ParseError&) {
    return false;
  }
}

void append_string(std::string& out, std::string_view text) {
  if (out.capacity() - out.size() < text.size() + 2) out.reserve(out.size() + text.size() + 2);
  out += '"';
  std::size_t copied = 0;  // all before it is in `out`
  std::size_t at = 0;
  while ((at = skip_plain(text, at)) < text.size()) {
    std::size_t length = 1;
    if (byte(text[at]) >= 0x80) {
      const Utf8Part part = utf8_part(text, at);
      length = part.length;
      if (part.valid) {
        at += length;
        continue;
      }
    }
    out.append(text, copied, at - copied);
    if (byte(text[at]) >= 0x80) {
      out += kReplacement;
    } else {
      append_escape(out, text[at]);
    }
    at += length;
    copied = at;
  }
  out.append(text, copied);
  out += '"';
}

}  // namespace pillard::json
