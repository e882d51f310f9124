#pragma once
// Clocks in nanoseconds.
#include <cstdint>
#include <ctime>

namespace pillard::bench {

inline std::uint64_t nanoseconds(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

inline std::uint64_t wall_ns() noexcept { return nanoseconds(CLOCK_REALTIME); }
inline std::uint64_t steady_ns() noexcept { return nanoseconds(CLOCK_MONOTONIC); }
/// What this process has used, of all its threads.
inline std::uint64_t cpu_ns() noexcept { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace pillard::bench
