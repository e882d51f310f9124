#include "pillard/text.h"

#include <algorithm>

namespace pillard {

std::string_view take_until(std::string_view& text, char separator) noexcept {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::string_view take_line(std::string_view& text) noexcept { return take_until(text, '\n'); }

std::string_view take_word(std::string_view& text) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const auto word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

Property to_property(std::string_view line) noexcept {
  const auto key = take_until(line, '=');
  return {.key = key, .value = line};
}

std::string_view find_property(std::string_view text, std::string_view key) noexcept {
  while (!text.empty()) {
    const auto line = take_line(text);
    if (line.starts_with(key) && line.substr(key.size()).starts_with('=')) return line.substr(key.size() + 1);
  }
  return {};
}

std::string first_line(std::string_view text) {
  constexpr std::size_t kMax = 200;
  return std::string(take_line(text).substr(0, kMax));
}

}  // namespace pillard
