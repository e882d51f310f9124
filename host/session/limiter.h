#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pillard/problem.h"
#include "wire/address.h"

namespace pillard::session {

/// So many at once, and after that one more each `window` / `attempts`.
struct Rate {
  unsigned attempts;                 // 1 or more
  std::chrono::milliseconds window;  // in which a used-up budget is whole again
};

/// Login attempts, limited three ways: by who asks, by the account that is tried, by the node that is tried. An attempt
/// is charged before it is made, so that parallel guesses count; one that succeeded is refunded to account and node, so
/// that only failures (an unreachable node is one) use these up. Nothing is refunded to the address: whoever owns one
/// working login must not buy guesses at others with it.
class LoginLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    Rate address{10, std::chrono::minutes(1)};  // attempts of one IPv4 address or IPv6 /64
    Rate account{5, std::chrono::minutes(1)};   // failures of one username on one node, whoever tries
    Rate node{30, std::chrono::minutes(1)};     // failures on one node over all usernames
    std::size_t max_keys = 65'536;              // remembered of each kind, see attempt()
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
  };
  explicit LoginLimiter(Options options) : options_(std::move(options)) {}
  LoginLimiter() : LoginLimiter(Options{}) {}

  /// Why an attempt was refused.
  struct Refusal {
    std::chrono::milliseconds retry_after;  // an attempt made then is allowed if no other comes between
    Error error;                            // kOverloaded, with the time in words
  };

  /// [any] Charges one attempt, or says why it may not be made; a refused one is not charged. `node` is node_key().
  /// A key is forgotten only when its budget is whole again, when remembering it changes nothing. While all `max_keys`
  /// places are taken by keys that count, new keys are refused: a flood of them resets nobody's budget.
  [[nodiscard]] std::optional<Refusal> attempt(const wire::Address& client, std::string_view node,
                                               std::string_view username);

  /// [any] The attempt led to a login: account and node get it back.
  void succeeded(std::string_view node, std::string_view username);

 private:
  /// Per key the moment at which its budget is whole again.
  class Budgets {
   public:
    Budgets(Rate rate, std::size_t max_keys) : rate_(rate), max_keys_(max_keys) {}
    /// How long until one attempt is allowed; 0 is now.
    std::chrono::nanoseconds wait(const std::string& key, Clock::time_point now);
    void charge(const std::string& key, Clock::time_point now);
    void refund(const std::string& key);

   private:
    std::chrono::nanoseconds cost() const { return std::chrono::nanoseconds(rate_.window) / rate_.attempts; }
    void forget_whole(Clock::time_point now);

    Rate rate_;
    std::size_t max_keys_;
    std::unordered_map<std::string, Clock::time_point> whole_at_;
    Clock::time_point cleaned_{};
  };

  const Options options_;
  std::mutex mutex_;  // guards all below
  Budgets addresses_{options_.address, options_.max_keys};
  Budgets accounts_{options_.account, options_.max_keys};
  Budgets nodes_{options_.node, options_.max_keys};
};

}  // namespace pillard::session
