#pragma once
// JSON as the wire needs it: a bounded pull reader over text that somebody else sent, and an appending writer.
// No tree is built: what only passes through stays a validated slice of the original text, so key order and
// numbers arrive as they were sent.
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "pillard/export.h"

namespace pillard::json {

/// The deepest nesting of arrays and objects that is read; deeper text is refused before anything recurses.
inline constexpr int kMaxDepth = 64;

/// What a value is, told from its first character.
enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

/// [any] "null", "a boolean", "a number", "a string", "an array", "an object": for messages.
PILLARD_API std::string_view kind_name(Kind kind);

/// Text that is not JSON (RFC 8259), is too deep, or is of another kind than was asked for.
/// `what()` says what was found and at which byte, and never repeats more than 32 bytes of the text.
class PILLARD_API ParseError : public std::runtime_error {
 public:
  ParseError(const std::string& message, std::size_t offset) : std::runtime_error(message), offset_(offset) {}
  /// Byte offset in the text that was given to the Reader.
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::size_t offset_;
};

/// [any] A cursor over one JSON text, which must outlive it. Strict RFC 8259: UTF-8 is checked, lone surrogate
/// escapes, control characters, leading zeros, trailing commas and trailing text are refused. Never recurses.
class PILLARD_API Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// The kind of the value at the cursor. Throws ParseError at the end of the text or at a character that starts none.
  Kind peek();
  /// Reads one scalar. Throws ParseError if it is of another kind.
  void read_null();
  bool read_bool();
  /// A string, unescaped.
  std::string read_string();
  /// A number without fraction or exponent that fits 64 bits; anything else throws.
  std::int64_t read_integer();
  double read_number();

  /// Steps over any one value, validating it whole, and returns its exact slice of the text.
  std::string_view read_raw();

  /// Iteration: `enter_array(); while (next_element()) {...read one value...}`. Each returns false after the last one
  /// has been consumed, having stepped over the closing bracket. Between the calls exactly one value must be read.
  void enter_array();
  bool next_element();
  /// `enter_object(); while (auto key = next_key()) {...read one value...}`; keys are unescaped. Repeated keys are
  /// handed out as they come.
  void enter_object();
  std::optional<std::string> next_key();

  /// Throws ParseError unless only white space is left.
  void finish();

  std::size_t offset() const noexcept { return at_; }

 private:
  [[noreturn]] void fail(std::string_view what) const;
  void expect(Kind kind);
  void enter(Kind kind);
  bool step(char close);
  std::optional<std::string_view> next_raw_key();
  void skip_space();
  void skip_string();
  void skip_digits();
  void skip_number();
  void skip_literal(std::string_view literal);
  void skip_scalar(Kind kind);

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool first_ = false;  // the cursor stands behind an opening bracket
};

/// [any] True when `text` is exactly one valid JSON value no deeper than kMaxDepth.
PILLARD_API bool valid(std::string_view text) noexcept;

/// [any] Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, one for each maximal
/// ill-formed part (the WHATWG rule); control characters are escaped; nothing is dropped.
PILLARD_API void append_string(std::string& out, std::string_view text);

/// A piece of JSON that is already encoded and valid: written as it is.
struct Raw {
  std::string text;
};

}  // namespace pillard::json
