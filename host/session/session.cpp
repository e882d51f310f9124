#include "session/session.h"

#include <array>
#include <cstddef>

#include "session/digest.h"

namespace pillard::session {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kTokenSize = 36;
constexpr std::size_t kLogIdSize = 12;

bool is_dash_at(std::size_t place) { return place == 8 || place == 13 || place == 18 || place == 23; }

}  // namespace

std::string new_token() {
  std::array<std::byte, 16> bytes{};
  fill_random(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};  // the variant of RFC 4122
  std::string token;
  token.reserve(kTokenSize);
  for (const auto byte : bytes) {
    if (is_dash_at(token.size())) token.push_back('-');
    token.push_back(kDigits[std::to_integer<std::size_t>(byte) >> 4U]);
    token.push_back(kDigits[std::to_integer<std::size_t>(byte) & 0xfU]);
  }
  return token;
}

bool valid_token(std::string_view token) noexcept {
  if (token.size() != kTokenSize || token[14] != '4') return false;
  if (std::string_view("89abAB").find(token[19]) == std::string_view::npos) return false;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char c = token[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_dash_at(i) ? c != '-' : !hex) return false;
  }
  return true;
}

std::string log_id(std::string_view token) { return keyed_digest("log", {token}).substr(0, kLogIdSize); }

}  // namespace pillard::session
