#pragma once
// Cutting text into lines, words and numbers, without a throw and without a copy.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace node_metrics {

/// Takes what stands before `separator` off `text`, and the separator.
inline std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// Takes the next word off `text`, and the blanks before it; empty when there is none.
inline std::string_view take_word(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const auto end = std::min(text.find_first_of(kBlanks), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

/// A whole word that is a decimal number and fits; nothing for anything else.
template <class Number>
std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The next word as a number. A word that is none is taken all the same.
template <class Number>
std::optional<Number> take_number(std::string_view& text) {
  return to_number<Number>(take_word(text));
}

}  // namespace node_metrics
