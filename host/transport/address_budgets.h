#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "wire/address.h"

namespace pillard::transport {

/// How much may be asked by HTTP from one address: as much as by the messages of one socket. A request that is refused
/// costs nothing. [any]
class AddressBudgets {
 public:
  using Clock = std::chrono::steady_clock;

  AddressBudgets(unsigned per_second, unsigned burst)
      : cost_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second), burst_(cost_ * burst) {}

  /// Charges one request with so many bytes. Zero, or after how long it may be asked again.
  Clock::duration charge(const wire::Address& client, Clock::time_point now, std::size_t bytes);

 private:
  static constexpr std::size_t kSweepAt = 4096;  // addresses, before those that owe nothing are forgotten

  const std::chrono::nanoseconds cost_;
  const std::chrono::nanoseconds burst_;
  std::mutex mutex_;  // guards all below
  std::unordered_map<std::string, Clock::time_point> whole_at_;
  std::size_t sweep_at_ = kSweepAt;
};

}  // namespace pillard::transport
