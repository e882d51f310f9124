#pragma once
// From the topics of one loop to the subscribers of another: in order, and bounded.
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "fanout/shard.h"
#include "fanout/topic.h"
#include "pillard/function.h"

namespace pillard::fanout {

/// Events that find it full are not kept: of a state the newest one is, of lines their number. What is said to single
/// members (to each no more than one replay, or catch-up) and Problems always find room.
class Mailbox {
 public:
  explicit Mailbox(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  Mailbox(const Mailbox&) = delete;

  /// [lane of the topics] True if it was empty: somebody has to be told to drain it.
  [[nodiscard]] bool spread(const TopicId& topic, const Outlet::Batches& batches, Overflow overflow);
  [[nodiscard]] bool put(Function<void(Shard&)> letter);
  /// Behind what was left out of the topic: a Problem follows it, and one that joins is not concerned by it.
  [[nodiscard]] bool put(const TopicId& topic, Function<void(Shard&)> letter);

  /// [lane of the subscribers] Hands over all that has come, in its order; then what was left out.
  void drain(Shard& shard);

  /// [any] How full it has been at most, in bytes; and the events it left out.
  std::size_t high_water() const;
  std::uint64_t dropped() const;

 private:
  struct Letter {
    TopicId topic;
    Outlet::Batches batches;
    Function<void(Shard&)> other;  // instead, if there is one
  };
  struct LeftOut {
    TopicId topic;
    std::uint64_t dropped = 0;
    Outlet::Batches newest;
  };
  bool idle() const { return letters_.empty() && left_out_.empty(); }

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Letter> letters_;
  std::size_t bytes_ = 0;
  std::map<std::pair<std::string, std::uint64_t>, LeftOut> left_out_;  // by topic
  std::size_t high_water_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace pillard::fanout
