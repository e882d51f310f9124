#pragma once
// What the fuzz targets share. Each defines run() and checks with FUZZ_REQUIRE what must hold beyond "does not crash".
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace pillard::fuzz {

/// One input. Must neither crash, hang nor let an exception out.
void run(std::string_view input);

[[noreturn]] void broken(const char* promise, const char* file, int line);

/// Where to cut an input. Depends on nothing but its bytes, so that a find is reproduced by its file alone.
class Cuts {
 public:
  explicit Cuts(std::string_view input) {
    for (const char c : input) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    most_ = (state_ & 3U) == 0 ? 1 : std::size_t{1} << (2 * (state_ & 3U));  // byte by byte, or up to 4, 16, 64
  }
  /// The size of the next piece, 1 to `left`; `left` is not 0.
  std::size_t next(std::size_t left) {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return std::min<std::size_t>(left, 1 + state_ % most_);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
  std::size_t most_;
};

/// Calls `take` with the input in pieces, each in memory of its own, so that a read behind its end is seen.
template <class Take>
void in_pieces(std::string_view input, Take&& take) {
  Cuts cuts(input);
  while (!input.empty()) {
    const std::string piece(input.substr(0, cuts.next(input.size())));
    input.remove_prefix(piece.size());
    take(piece);
  }
}

/// Takes what stands before the next `separator` off `text`, and the separator.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace pillard::fuzz

#define FUZZ_REQUIRE(promise)                                              \
  do {                                                                     \
    if (!(promise)) ::pillard::fuzz::broken(#promise, __FILE__, __LINE__); \
  } while (false)
