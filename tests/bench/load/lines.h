#pragma once
// The lines that a log source of a benchmark writes: `seq=000000000123 t=1764051234567890123 ...`, a number that grows
// by one with each line, in 12 digits, and the nanoseconds of CLOCK_REALTIME when it was written, in 19.
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pillard::bench {

struct Line {
  std::uint64_t sequence = 0;
  std::uint64_t written = 0;  // ns
};

template <std::size_t kDigits>
bool read_digits(const char* at, std::uint64_t& number) noexcept {
  std::uint64_t sum = 0;
  unsigned bad = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const unsigned digit = static_cast<unsigned char>(at[i]) - unsigned{'0'};
    bad |= digit > 9 ? 1U : 0U;
    sum = sum * 10 + digit;
  }
  number = sum;
  return bad == 0;
}

/// Calls `visit` with each line that lies anywhere in `text`, in their order.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  constexpr std::size_t kBehindName = 12 + 3 + 19;
  const char* at = text.data();
  const char* const end = at + text.size();
  // Hardly anything in JSON is a '=', so looking for it goes faster than looking for the whole name.
  while ((at = static_cast<const char*>(std::memchr(at, '=', static_cast<std::size_t>(end - at)))) != nullptr) {
    ++at;
    if (static_cast<std::size_t>(end - at) < kBehindName) return;
    if (at - text.data() < 4 || std::memcmp(at - 4, "seq=", 4) != 0) continue;
    Line line;
    if (!read_digits<12>(at, line.sequence) || std::memcmp(at + 12, " t=", 3) != 0 ||
        !read_digits<19>(at + 15, line.written))
      continue;
    visit(line);
    at += kBehindName;
  }
}

}  // namespace pillard::bench
