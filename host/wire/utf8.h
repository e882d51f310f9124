#pragma once
// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#include <cstdint>
#include <string_view>

namespace pillard::wire {

/// [any] Checks a text that arrives in pieces, cut anywhere, even inside a character. Keeps 4 bytes of state.
class Utf8Validator {
 public:
  /// Takes the next bytes. False from the first byte on that no continuation could make valid, and then until reset().
  bool feed(std::string_view bytes) noexcept;
  /// True if all that was fed is valid and ends with a whole character.
  bool complete() const noexcept { return !failed_ && pending_ == 0; }
  void reset() noexcept { *this = Utf8Validator(); }

 private:
  bool step(unsigned char byte) noexcept;

  bool failed_ = false;
  std::uint8_t pending_ = 0;  // continuation bytes that are still to come
  std::uint8_t low_ = 0x80;   // the range of the next one
  std::uint8_t high_ = 0xBF;
};

/// [any] True if `text` is valid UTF-8 from its first to its last byte.
bool is_utf8(std::string_view text) noexcept;

}  // namespace pillard::wire
