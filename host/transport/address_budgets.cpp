#include "transport/address_budgets.h"

#include <algorithm>

#include "transport/message_budget.h"

namespace pillard::transport {

AddressBudgets::Clock::duration AddressBudgets::charge(const wire::Address& client, Clock::time_point now,
                                                       std::size_t bytes) {
  const auto cost = std::min(cost_ * static_cast<std::int64_t>(1 + bytes / MessageBudget::kBytes), burst_);
  const std::lock_guard lock(mutex_);
  if (whole_at_.size() >= sweep_at_) {
    std::erase_if(whole_at_, [now](const auto& entry) { return entry.second <= now; });
    sweep_at_ = std::max(kSweepAt, 2 * whole_at_.size());  // each sweep is paid for by as many new addresses
  }
  auto& whole_at = whole_at_[client.group()];
  const auto then = std::max(whole_at, now) + cost;
  if (const auto over = then - now - burst_; over > Clock::duration::zero()) return over;
  whole_at = then;
  return Clock::duration::zero();
}

}  // namespace pillard::transport
