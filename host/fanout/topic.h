#pragma once
// One upstream for any audience: a Source on its node's lane, the ring for late ones, the members.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/footing.h"
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
  virtual void spread(unsigned reactor, const TopicId& topic, const Batches& batches) = 0;
  virtual void problem(unsigned reactor, const TopicId& topic, const Error& error, bool ended) = 0;
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
  std::size_t ring_bytes = 512 << 10;   // of the events kept for late ones, whatever their number: half an outbox
  std::size_t pending_bytes = 1 << 20;  // then a flush does not wait
};

/// Everything here runs on one lane.
class Topic final : private ssh::Lane::User, private Context {
 public:
  struct Member {
    unsigned reactor = 0;
    std::uint64_t id = 0;
    const Encoder* encoder = nullptr;
    std::optional<std::int64_t> pace_ms;
    std::string resume;
  };
  Topic(TopicId id, reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream, Query query,
        Outlet& outlet, TopicOptions options);
  ~Topic() override;

  void join(Member member);
  void leave(unsigned reactor, std::uint64_t member);
  void pace(unsigned reactor, std::uint64_t member, std::int64_t pace_ms);
  bool has_members() const noexcept { return !members_.empty(); }

 private:
  // ssh::Lane::User
  void lane_up() override;
  void lane_down(const Error& error) override;
  // Context
  Node& node() override { return *footing_; }
  Handle after(Milliseconds delay, Function<void()> fn) override { return footing_->after(delay, std::move(fn)); }
  std::int64_t unix_ms() const override { return footing_->unix_ms(); }
  void count(std::string_view metric, std::int64_t by) override { footing_->count(metric, by); }
  void log(Level level, std::string_view message) override { footing_->log(level, message); }
  Lane lane() override { return footing_->lane(); }
  void fail(Error error) override { footing_->fail(error); }
  void publish_json(std::string json, std::string_view cursor) override;
  void notice(const Error& error) override;
  const std::string& resume_from() const override { return last_cursor_; }

  void start_source();
  void stop_source();
  void source_failed(const Error& error);
  void retune();
  void tell(const Error& error, bool ended);
  void end(const Error& error);
  void schedule_flush();
  void flush();
  SharedBatch replay_for(const Member& member, bool& gap);

  const TopicId id_;
  reactor::Reactor& reactor_;
  ssh::Lane& ssh_;
  const loader::StreamEntry& stream_;
  Outlet& outlet_;
  const TopicOptions options_;
  Query query_;

  std::map<std::pair<unsigned, std::uint64_t>, Member> members_;
  std::map<std::int64_t, std::size_t> paces_;                           // how many ask for which
  std::map<unsigned, std::map<const Encoder*, std::size_t>> audience_;  // by reactor, how many use which encoder

  ssh::Lane::Use use_;
  bool up_ = false;
  bool over_ = false;
  std::optional<Error> trouble_;  // what subscribers were told and is not over yet
  Milliseconds retry_;
  reactor::Clock::time_point started_{};
  reactor::Timer retry_timer_;
  reactor::Timer linger_timer_;

  Ring ring_;
  std::string last_cursor_;
  std::vector<std::shared_ptr<Event>> pending_;
  std::size_t pending_bytes_ = 0;
  bool flush_scheduled_ = false;
  reactor::Clock::time_point flushed_{};
  reactor::Timer flush_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::unique_ptr<Footing> footing_;
  std::unique_ptr<Source> source_;  // last: it goes first, and uses all of the above
};

}  // namespace pillard::fanout
