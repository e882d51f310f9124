#include "session/limiter.h"

#include <fmt/format.h>

#include <algorithm>

#include "session/digest.h"

namespace pillard::session {

namespace {

std::string account_key(std::string_view node, std::string_view username) {
  // A digest: two fields become one key of a fixed size without a separator that could be forged.
  return keyed_digest("account", {node, username});
}

}  // namespace

std::optional<LoginLimiter::Refusal> LoginLimiter::attempt(const wire::Address& client, std::string_view node,
                                                           std::string_view username) {
  const auto address = client.group();
  const auto account = account_key(node, username);
  const std::string machine(node);
  const auto now = options_.now();

  const std::lock_guard lock(mutex_);
  const auto by_address = addresses_.wait(address, now);
  const auto by_node = std::max(accounts_.wait(account, now), nodes_.wait(machine, now));
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max(by_address, by_node));
  if (wait.count() == 0) {
    addresses_.charge(address, now);
    accounts_.charge(account, now);
    nodes_.charge(machine, now);
    return std::nullopt;
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return Refusal{wait, Error(Code::kOverloaded, fmt::format("Too many login attempts{}. Try again in {} second{}.",
                                                            by_address >= by_node ? "" : " for this node", seconds,
                                                            seconds == 1 ? "" : "s"))};
}

void LoginLimiter::succeeded(std::string_view node, std::string_view username) {
  const auto account = account_key(node, username);
  const std::lock_guard lock(mutex_);
  accounts_.refund(account);
  nodes_.refund(std::string(node));
}

std::chrono::nanoseconds LoginLimiter::Budgets::wait(const std::string& key, Clock::time_point now) {
  const auto known = whole_at_.find(key);
  if (known == whole_at_.end()) {
    if (whole_at_.size() >= max_keys_) forget_whole(now);
    if (whole_at_.size() < max_keys_) return std::chrono::nanoseconds(0);
    return std::chrono::seconds(1);
  }
  // One attempt moves the moment by cost(); the budget is used up when it lies a whole window ahead.
  const auto ahead = std::max(known->second, now) - now + cost();
  return std::max<std::chrono::nanoseconds>(ahead - cost() * rate_.attempts, std::chrono::nanoseconds(0));
}

void LoginLimiter::Budgets::charge(const std::string& key, Clock::time_point now) {
  auto& whole_at = whole_at_.try_emplace(key, now).first->second;
  whole_at = std::max(whole_at, now) + cost();
}

void LoginLimiter::Budgets::refund(const std::string& key) {
  const auto known = whole_at_.find(key);
  if (known != whole_at_.end()) known->second -= cost();
}

void LoginLimiter::Budgets::forget_whole(Clock::time_point now) {
  // A full table is searched four times a second at most, or a flood would make every attempt walk all of it.
  if (now - cleaned_ < std::chrono::milliseconds(250)) return;
  cleaned_ = now;
  std::erase_if(whole_at_, [now](const auto& entry) { return entry.second <= now; });
}

}  // namespace pillard::session
