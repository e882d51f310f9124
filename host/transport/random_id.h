#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "session/digest.h"

namespace pillard::transport {

/// [any] An identifier that nobody can guess: 20 characters of A-Z a-z 0-9 - _, 120 random bits.
inline std::string random_id() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 20> bytes{};
  session::fill_random(std::as_writable_bytes(std::span(bytes)));
  std::string id;
  for (const auto byte : bytes) id += kAlphabet[byte % kAlphabet.size()];
  return id;
}

}  // namespace pillard::transport
