#pragma once
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

namespace pillard::transport {

/// [any] An identifier that nobody can guess: 20 characters of A-Z a-z 0-9 - _, 120 random bits.
inline std::string random_id() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 20> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::system_error(errno, std::generic_category(), "getrandom");
  std::string id;
  for (const auto byte : bytes) id += kAlphabet[byte % kAlphabet.size()];
  return id;
}

}  // namespace pillard::transport
