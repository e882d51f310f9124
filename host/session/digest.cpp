#include "session/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include "session/secret.h"

namespace pillard::session {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

using Key = std::array<std::byte, 32>;

const Key& process_key() {
  static const Key kKey = [] {
    Key bytes;
    fill_random(bytes);
    return bytes;
  }();
  return kKey;
}

void append_field(std::string& to, std::string_view field) {
  for (unsigned shift = 64; shift != 0; shift -= 8) {
    to.push_back(static_cast<char>((static_cast<std::uint64_t>(field.size()) >> (shift - 8)) & 0xffU));
  }
  to.append(field);
}

}  // namespace

void fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto got = getrandom(bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
  }
}

std::string keyed_digest(std::string_view purpose, std::initializer_list<std::string_view> fields) {
  std::size_t size = 8 + purpose.size();
  for (const auto field : fields) size += 8 + field.size();
  std::string text;
  text.reserve(size);  // a buffer that grew would leave a copy of a password behind
  append_field(text, purpose);
  for (const auto field : fields) append_field(text, field);

  std::array<unsigned char, 32> mac{};
  unsigned length = 0;
  const auto* const made = HMAC(EVP_sha256(), process_key().data(), static_cast<int>(process_key().size()),
                                reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
  wipe(text);
  if (!made || length != mac.size()) throw std::runtime_error("HMAC-SHA256 failed");

  std::string hex;
  hex.reserve(2 * mac.size());
  for (const auto byte : mac) {
    hex.push_back(kDigits[byte >> 4U]);
    hex.push_back(kDigits[byte & 0xfU]);
  }
  return hex;
}

}  // namespace pillard::session
