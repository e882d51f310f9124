#pragma once
// How busy a loop is, counted without slowing it.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace pillard::reactor {

/// What a loop has done since it was made. Times of turns are in buckets with these upper ends, in seconds; the last
/// count is of those beyond.
inline constexpr std::array<double, 9> kTurnBounds{0.0001, 0.0005, 0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 2};
struct Load {
  std::uint64_t turns = 0;
  std::chrono::nanoseconds busy{0};     // in turns that have ended
  std::chrono::nanoseconds longest{0};  // of these
  std::array<std::uint64_t, kTurnBounds.size() + 1> turn_counts{};
  std::uint64_t tasks = 0;       // that were posted
  std::uint64_t most_tasks = 0;  // that waited together
  std::uint64_t timers = 0;      // that are armed
  std::uint64_t fired = 0;
  std::chrono::nanoseconds late{0};    // of all that fired, together, behind their time
  std::chrono::nanoseconds latest{0};  // the worst of them
};

/// Written by one thread, or under a lock, and read by any.
class Tally {
 public:
  void add(std::uint64_t by) noexcept { value_.store(get() + by, std::memory_order_relaxed); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void raise(std::uint64_t value) noexcept {
    if (value > get()) set(value);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};
}  // namespace pillard::reactor
