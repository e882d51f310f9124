#pragma once
// One reactor's own subscribers, by topic.
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fanout/subscriber.h"
#include "fanout/topic.h"
#include "reactor/reactor.h"

namespace pillard::fanout {

class Hub;
class Shard;

/// A place in a topic's audience. Destroyed, its Subscriber hears nothing more, also if its own call is running.
/// [lane of the reactor that made it]
class Subscription {
 public:
  Subscription(Shard& shard, const loader::StreamEntry& stream, std::string key, Subscriber& subscriber,
               const Encoder& encoder, std::optional<std::int64_t> pace_ms);
  Subscription(const Subscription&) = delete;
  ~Subscription();
  /// Wants events in another form from now on. Until its topic knows, batches still come in a former one.
  void set_encoder(const Encoder& encoder);
  /// Asks for events no more often than this, in ms.
  void set_pace(std::int64_t pace_ms);
  /// Names it to its topic; unique on its reactor.
  std::uint64_t number() const noexcept { return number_; }

 private:
  friend class Shard;
  Shard& shard_;
  const loader::StreamEntry& stream_;
  const std::string key_;
  Subscriber* subscriber_;
  const Encoder* encoder_;
  std::vector<const Encoder*> former_;  // the newest last
  std::optional<std::int64_t> pace_ms_;
  const std::uint64_t number_;
  std::uint64_t life_ = 0;  // of the topic, once it has welcomed this one
  std::size_t place_ = 0;   // in its audience
  reactor::Clock::time_point last_{};
};

/// Everything here runs on one reactor.
class Shard {
 public:
  Shard(Hub& hub, reactor::Reactor& reactor) : hub_(hub), reactor_(reactor) {}

  /// `replay` may be null.
  void welcome(const TopicId& topic, std::uint64_t member, const SharedBatch& replay,
               const std::optional<Error>& problem);
  /// To one, welcomed or not.
  void hand(std::uint64_t member, const SharedBatch& batch);
  void tell(std::uint64_t member, const Error& error, bool ended);
  void spread(const TopicId& topic, const Outlet::Batches& batches);
  void gap(const TopicId& topic, std::uint64_t dropped);
  void problem(const TopicId& topic, const Error& error, bool ended);
  reactor::Reactor& reactor() noexcept { return reactor_; }
  std::size_t size() const noexcept { return by_number_.size(); }

 private:
  friend class Subscription;
  struct Audience {
    std::vector<Subscription*> places;  // null where one left while all were being told
    std::size_t left = 0;               // how many are null
    int telling = 0;
  };
  void add(Subscription& subscription);
  void remove(Subscription& subscription);
  void pace_changed(const Subscription& subscription);
  void encoder_changed(const Subscription& subscription);
  template <class Tell>
  void for_each(const TopicId& topic, Tell tell);

  Hub& hub_;
  reactor::Reactor& reactor_;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, Subscription*> by_number_;
  std::unordered_map<std::string, Audience> audiences_;
};

}  // namespace pillard::fanout
