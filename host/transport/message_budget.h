#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

namespace pillard::transport {

/// How much one client may send: a burst of messages, after that so many a second. Long messages count as several.
class MessageBudget {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBytes = 4096;           // count as one message
  static constexpr std::chrono::seconds kPatience{10};  // over it for so long, without a pause, is a flood

  MessageBudget(unsigned per_second, unsigned burst)
      : cost_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second), burst_(cost_ * burst) {}

  /// Charges one message. Zero, or how long nothing more should be read from this client.
  Clock::duration charge(Clock::time_point now, std::size_t bytes) {
    // Never more than all of it: one message is no flood, however long.
    whole_at_ = std::max(whole_at_, now) + std::min(cost_ * static_cast<std::int64_t>(1 + bytes / kBytes), burst_);
    const auto over = whole_at_ - now - burst_;
    if (over > Clock::duration::zero()) {
      if (!over_since_) over_since_ = now;
      return over;
    }
    if (whole_at_ - now < burst_ - burst_ / 4) over_since_.reset();
    return Clock::duration::zero();
  }
  /// Whether the client kept sending more than it may for kPatience.
  bool flooded(Clock::time_point now) const { return over_since_ && now - *over_since_ > kPatience; }

 private:
  const std::chrono::nanoseconds cost_;
  const std::chrono::nanoseconds burst_;
  Clock::time_point whole_at_{};
  std::optional<Clock::time_point> over_since_;
};

}  // namespace pillard::transport
