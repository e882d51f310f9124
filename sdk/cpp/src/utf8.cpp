#include "utf8.h"

#include <algorithm>

namespace pillard::detail {

namespace {
unsigned char byte(char c) { return static_cast<unsigned char>(c); }

/// Bytes that belong together in front of `text`: a character or a JSON escape; 0 for an ill-formed byte.
std::size_t unit_length(std::string_view text) {
  if (text[0] == '\\' && text.size() > 1) return std::min<std::size_t>(text[1] == 'u' ? 6 : 2, text.size());
  return utf8_length(text);
}

bool is_control(std::string_view unit) {
  if (unit.size() == 1) return byte(unit[0]) < 0x20 || byte(unit[0]) == 0x7F;
  // C1 controls: U+0080 to U+009F.
  return unit.size() == 2 && byte(unit[0]) == 0xC2 && byte(unit[1]) < 0xA0;
}
}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const unsigned char lead = byte(text[0]);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned char second = byte(text[1]);
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (second < low || second > high) return 0;
  const auto continues = [](char c) { return (byte(c) & 0xC0U) == 0x80; };
  return std::all_of(text.begin() + 2, text.begin() + static_cast<std::ptrdiff_t>(length), continues) ? length : 0;
}

bool valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string excerpt(std::string_view text, std::size_t max) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(unit_length(text), 1);
    if (out.size() + length > max) return out + "...";
    const std::string_view unit = text.substr(0, length);
    const bool shown = unit_length(unit) != 0 && !is_control(unit);
    out += shown ? unit : std::string_view("?");
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace pillard::detail
