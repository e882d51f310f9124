#pragma once
// What programs and /proc print, cut into lines, words, numbers and properties: no throw, and no copy, so that what
// comes back is part of the text that was given. Text is what it is on the node; nothing here looks at its encoding.
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "pillard/export.h"

namespace pillard {

/// [any] Takes what stands before the first `separator` off the front of `text`, and the separator; all of it where
/// there is none. An empty `text` gives an empty part: loop with `while (!text.empty())`.
PILLARD_API std::string_view take_until(std::string_view& text, char separator) noexcept;

/// [any] Takes the next line, without its "\n" (a "\r" before it stays).
PILLARD_API std::string_view take_line(std::string_view& text) noexcept;

/// [any] Takes the next word, and the blanks, tabs and line ends before it; empty when there is none.
PILLARD_API std::string_view take_word(std::string_view& text) noexcept;

/// [any] All of `text` as a decimal number: no blanks, no "+", nothing behind it. Nothing when it is none or does not
/// fit, so that "-1" is no unsigned. Floating point takes "inf" and "nan" as well: check the range.
template <class Number>
requires(std::integral<Number> || std::floating_point<Number>) std::optional<Number> to_number(std::string_view text)
noexcept {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// [any] The next word as a number. A word that is none is taken all the same.
template <class Number>
std::optional<Number> take_number(std::string_view& text) noexcept {
  return to_number<Number>(take_word(text));
}

/// A `KEY=VALUE` line, as `systemctl show`, /etc/os-release and `env` print them.
struct Property {
  std::string_view key;
  std::string_view value;  // as it stands, quotation marks included
};

/// [any] Parts a line at its first "="; without one all of it is the key.
PILLARD_API Property to_property(std::string_view line) noexcept;

/// [any] The value of the first line with this key; empty if there is none.
PILLARD_API std::string_view find_property(std::string_view text, std::string_view key) noexcept;

/// [any] The first line, at most 200 bytes of it: enough of a program's complaint for the message of an Error.
PILLARD_API std::string first_line(std::string_view text);

}  // namespace pillard
