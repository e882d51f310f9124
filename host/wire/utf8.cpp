#include "wire/utf8.h"

#include <algorithm>
#include <cstring>

namespace pillard::wire {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;

/// First position in [at, size) of a byte from 0x80, or one at most 15 bytes before it, or size.
std::size_t skip_ascii(const char* bytes, std::size_t at, std::size_t size) {
  for (; at + 16 <= size; at += 16) {
    std::uint64_t words[2];
    std::memcpy(words, bytes + at, sizeof words);
    if (((words[0] | words[1]) & kHighBits) != 0) break;
  }
  return at;
}

}  // namespace

bool Utf8Validator::step(unsigned char byte) noexcept {
  if (pending_ > 0) {
    if (byte < low_ || byte > high_) return false;
    --pending_;
    low_ = 0x80;
    high_ = 0xBF;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  pending_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  // The first continuation byte decides on overlong forms, surrogates and the end of Unicode.
  if (byte == 0xE0) low_ = 0xA0;
  if (byte == 0xED) high_ = 0x9F;
  if (byte == 0xF0) low_ = 0x90;
  if (byte == 0xF4) high_ = 0x8F;
  return true;
}

bool Utf8Validator::feed(std::string_view bytes) noexcept {
  if (failed_) return false;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (pending_ == 0) {
      at = skip_ascii(bytes.data(), at, bytes.size());
      if (at == bytes.size()) break;
    }
    // Up to the end of a block, so that text in other scripts does not try the fast path at every character.
    const std::size_t block = std::min(bytes.size(), at + 16);
    while (at < block) {
      if (!step(static_cast<unsigned char>(bytes[at++]))) {
        failed_ = true;
        return false;
      }
    }
  }
  return true;
}

bool is_utf8(std::string_view text) noexcept {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

}  // namespace pillard::wire
