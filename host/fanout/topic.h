#pragma once
// One upstream for any audience: a Source on its node's lane, the ring for late ones, the members.
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "fanout/latecomers.h"
#include "fanout/on_footing.h"
#include "fanout/ring.h"
#include "fanout/subscriber.h"
#include "loader/registry.h"
#include "reactor/reactor.h"
#include "ssh/pool.h"

namespace pillard::fanout {

/// Names a topic for all reactors. `life` tells a topic from an earlier one of the same key.
struct TopicId {
  std::shared_ptr<const std::string> key;
  std::uint64_t life = 0;
};

/// What a topic sends to the reactors of its members. Called on the topic's lane.
class Outlet {
 public:
  using Batches = std::vector<std::pair<const Encoder*, SharedBatch>>;
  /// To one new member: what it missed, and the Problem that lasts, if one does.
  virtual void welcome(unsigned reactor, std::uint64_t member, const TopicId& topic, SharedBatch replay,
                       std::optional<Error> problem) = 0;
  /// To one that was not welcomed yet: what it missed so far, or a Problem.
  virtual void hand(unsigned reactor, std::uint64_t member, SharedBatch batch) = 0;
  virtual void tell(unsigned reactor, std::uint64_t member, const Error& error, bool ended) = 0;
  virtual void spread(unsigned reactor, const TopicId& topic, const Batches& batches, Overflow overflow) = 0;
  virtual void problem(unsigned reactor, const TopicId& topic, const Error& error, bool ended) = 0;
  /// To be counted.
  virtual void published(std::size_t events) = 0;
  virtual void catching_up() = 0;
  /// The topic is over; it may be destroyed after this call has returned to the loop.
  virtual void over(const TopicId& topic) = 0;

 protected:
  ~Outlet() = default;
};

/// How hard a topic tries and how often it speaks.
struct TopicOptions {
  Milliseconds flush_every{5};          // under load; the first event after a pause leaves at once
  Milliseconds retry_first{1'000};      // before a failed Source is built again; doubled up to
  Milliseconds retry_most{30'000};      //
  std::size_t ring_bytes = 512 << 10;   // of the events kept for late ones, whatever their number: less than an outbox
  std::size_t resume_events = 1'000;    // with cursors so many are kept, for those who come back
  std::size_t pending_bytes = 1 << 20;  // then a flush does not wait
  std::size_t topics_a_lane = 256;      // on one node with one credential; one more is refused
  std::size_t mailbox_bytes = 4 << 20;  // on their way from the topics of one loop to the subscribers of another
  LatecomersOptions latecomers{};
};

/// Everything here runs on one lane.
class Topic final : private ssh::Lane::User, private OnFooting<Context>, private Latecomers::Host {
 public:
  /// `query` was decoded by `type`, which stood behind `stream` then.
  Topic(TopicId id, reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream,
        std::shared_ptr<const StreamType> type, Query query, Outlet& outlet, TopicOptions options);
  ~Topic() override;

  void join(Member member);
  void leave(unsigned reactor, std::uint64_t member);
  void pace(unsigned reactor, std::uint64_t member, std::int64_t pace_ms);
  void recode(unsigned reactor, std::uint64_t member, const Encoder& encoder);
  bool has_members() const noexcept { return !members_.empty() || !latecomers_.empty(); }
  /// Ends at once if nobody listens, instead of after the linger.
  void end_if_unused();
  /// Something else may stand behind its stream now: goes on with that, behind the last event, or ends where nothing
  /// does. Not from inside a Source's code.
  void refresh();
  const loader::StreamEntry& stream() const noexcept { return stream_; }

 private:
  // ssh::Lane::User
  void lane_up() override;
  void lane_down(const Error& error) override;
  // Context
  void publish_json(std::string json, std::string_view cursor) override;
  void notice(const Error& error) override;
  const std::string& resume_from() const override { return last_cursor_; }
  // Latecomers::Host
  const Ring& ring() const override { return ring_; }
  void admit(Member member, std::string_view behind) override;
  void hand(const Member& member, SharedBatch batch) override;
  void tell(const Member& member, const Error& error) override;
  void catching_up() override { outlet_.catching_up(); }

  void count_out(const Member& member);
  void start_source();
  void stop_source();
  void source_failed(const Error& error);
  void retune();
  void tell_all(const Error& error, bool ended);
  void end(const Error& error);
  void linger();
  void over();
  void schedule_flush();
  void flush();
  SharedBatch replay(const Encoder& encoder, std::string_view behind);
  SharedBatch encode(const Encoder& encoder, std::span<const SharedEvent> events) const;

  const TopicId id_;
  reactor::Reactor& reactor_;
  ssh::Lane& ssh_;
  const loader::StreamEntry& stream_;
  std::shared_ptr<const StreamType> type_;  // what query_ and its Source are of
  Outlet& outlet_;
  const TopicOptions options_;
  Query query_;
  const std::string name_;  // topic_name()

  std::map<std::pair<unsigned, std::uint64_t>, Member> members_;
  std::map<std::int64_t, std::size_t> paces_;                           // how many ask for which
  std::map<unsigned, std::map<const Encoder*, std::size_t>> audience_;  // by reactor, how many use which encoder

  ssh::Lane::Use use_;
  bool up_ = false;
  bool over_ = false;
  std::optional<Error> trouble_;  // what subscribers were told and is not over yet
  Milliseconds retry_;
  std::minstd_rand random_{std::random_device{}()};
  reactor::Clock::time_point started_{};
  reactor::Timer retry_timer_;
  reactor::Timer linger_timer_;

  struct Replay {
    std::string behind;
    std::weak_ptr<const Batch> batch;
  };
  Ring ring_;
  std::map<const Encoder*, Replay> replays_;  // the last one of each: many who come at once are given the same
  std::string last_cursor_;
  std::vector<SharedEvent> pending_;
  std::size_t pending_bytes_ = 0;
  bool flush_scheduled_ = false;
  reactor::Clock::time_point flushed_{};
  reactor::Timer flush_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  Latecomers latecomers_;
};

}  // namespace pillard::fanout
