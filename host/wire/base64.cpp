#include "wire/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace pillard::wire {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    out += kAlphabet[group >> 18];
    out += kAlphabet[group >> 12 & 63];
    out += count > 1 ? kAlphabet[group >> 6 & 63] : '=';
    out += count > 2 ? kAlphabet[group & 63] : '=';
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::size_t digits = text.size() - padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t at = 0; at < digits; ++at) {
    const std::int8_t value = kValues[static_cast<unsigned char>(text[at])];
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint8_t>(value);
    if (at % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(group >> shift & 0xFF);
    group = 0;
  }
  if (padding == 0) return out;
  // The bits that no byte takes must be zero, or one value would have many spellings.
  const unsigned unused = padding == 1 ? 2 : 4;
  if ((group & ((1U << unused) - 1)) != 0) return std::nullopt;
  group >>= unused;
  if (padding == 1) out += static_cast<char>(group >> 8 & 0xFF);
  out += static_cast<char>(group & 0xFF);
  return out;
}

}  // namespace pillard::wire
