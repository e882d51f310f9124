#pragma once
// Those who come back with the cursor of the last event they saw, when the topic no longer keeps that event.
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/on_footing.h"
#include "fanout/ring.h"
#include "fanout/subscriber.h"
#include "loader/registry.h"
#include "reactor/reactor.h"

namespace pillard::fanout {

/// One place in a topic's audience, as the topic knows it.
struct Member {
  unsigned reactor = 0;
  std::uint64_t id = 0;
  const Encoder* encoder = nullptr;
  std::optional<std::int64_t> pace_ms;
  std::string resume;                     // the cursor of the last event that it has
  reactor::Clock::time_point patience{};  // until then it waits rather than hear of a gap
};

struct LatecomersOptions {
  Milliseconds settle{2'000};     // a Source that has begun gets so long to publish its history
  Milliseconds quiet{250};        // or so long after the first of it
  Milliseconds patience{30'000};  // for a member to reach what the topic keeps
  Milliseconds retry{1'000};      // before a catch-up that failed is tried again
  std::size_t most = 10'000;      // members that wait; one more hears of a gap at once
  std::size_t at_once = 4;        // catch-ups of a topic; each is a Source of its own
  std::size_t bytes = 4 << 20;    // of one catch-up; what is behind that is a gap
};

/// A member with a cursor waits here until it can join without a line lost or repeated. Either the topic publishes that
/// very event (its history reaches back to it), or a Source of its own, which resumes behind the cursor, publishes what
/// is in between for this member, up to an event that the topic keeps. Whoever waits behind an event that such a
/// catch-up publishes goes along with it: many who come back at once need few. What can't be bridged is told. [lane]
class Latecomers {
 public:
  /// What the topic does for them.
  class Host {
   public:
    virtual const Ring& ring() const = 0;
    /// Joins the audience; the replay begins behind `behind`, or with the newest few if that is empty. Where the ring
    /// does not know it (any more), the member is added again.
    virtual void admit(Member member, std::string_view behind) = 0;
    /// To one member alone, which has not joined yet.
    virtual void hand(const Member& member, SharedBatch batch) = 0;
    virtual void tell(const Member& member, const Error& error) = 0;
    /// One more Source was started for them.
    virtual void catching_up() = 0;

   protected:
    ~Host() = default;
  };
  /// `topic`: its topic_name().
  Latecomers(Host& host, reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream,
             std::string topic, LatecomersOptions options);
  ~Latecomers();

  void add(Member member);
  /// True if it was here.
  bool remove(unsigned reactor, std::uint64_t id);
  /// What a member asks for when it joins. True if it is here.
  bool pace(unsigned reactor, std::uint64_t id, std::int64_t pace_ms);
  /// How it wants events written. True if it is here.
  bool recode(unsigned reactor, std::uint64_t id, const Encoder& encoder);
  bool heard() const noexcept { return heard_; }
  bool empty() const noexcept { return waiting_.empty() && catch_ups_.empty(); }
  template <class Fn>
  void for_each(Fn fn) const;

  /// The topic's Source runs, with these params; or it does not: catch-ups end with it and begin anew with the next.
  void source_started(std::shared_ptr<const StreamType> type, const Query& query);
  void source_stopped();
  /// Forgets all; nobody is told. Not from inside a Source's code.
  void clear();
  /// The ring has these new events. Not from inside a Source's code.
  void published(const std::vector<SharedEvent>& events);

 private:
  class CatchUp;
  template <class Fn>
  bool change(unsigned reactor, std::uint64_t id, Fn fn);
  void settled();
  void start_some();
  void pick_up(CatchUp& by, const std::string& cursor);
  void arrived(CatchUp& catch_up);
  void gave_up(CatchUp& catch_up);
  void failed(CatchUp& catch_up, const Error& error);
  void wait_again(CatchUp& catch_up);
  void bury(CatchUp& catch_up);

  Host& host_;
  reactor::Reactor& reactor_;
  ssh::Lane& lane_;
  const loader::StreamEntry& stream_;
  const std::string topic_;
  const LatecomersOptions options_;
  std::shared_ptr<const StreamType> type_;  // of the topic's Source
  std::optional<Query> query_;              // while that runs
  bool settled_ = false;
  bool heard_ = false;  // something of the Source, since it started
  bool starting_ = false;
  reactor::Timer settle_;
  std::multimap<std::string, Member> waiting_;  // by cursor
  reactor::Timer retry_;
  std::list<std::unique_ptr<CatchUp>> catch_ups_;
  std::vector<std::unique_ptr<CatchUp>> graveyard_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A Source of a few members, on its way to where the topic is.
class Latecomers::CatchUp final : private OnFooting<Context> {
 public:
  CatchUp(Latecomers& home, Member first);
  ~CatchUp() override;
  void start(const Query& query);

  std::vector<Member>& members() noexcept { return members_; }
  /// Of the last event that all members have.
  const std::string& cursor() const noexcept { return cursor_; }
  bool published() const noexcept { return published_; }
  /// Hands over what was published since the last time.
  void flush();
  /// Nothing of its Source is heard any more.
  void end() noexcept;

 private:
  void publish_json(std::string json, std::string_view cursor) override;
  void notice(const Error& error) override;
  const std::string& resume_from() const override { return resume_from_; }

  void append(std::string json, std::string_view cursor);
  void turn_over();

  Latecomers& home_;
  const std::shared_ptr<const StreamType> type_;  // what its Source is of
  std::vector<Member> members_;
  const std::string resume_from_;
  std::string cursor_;
  bool published_ = false;
  bool over_ = false;
  bool met_ = false;       // the topic: what comes now the topic has as well
  bool too_much_ = false;  // was published
  bool flushing_ = false;  // at the end of this turn
  std::size_t bytes_ = 0;
  std::vector<SharedEvent> pending_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  reactor::Timer patience_;
};

template <class Fn>
void Latecomers::for_each(Fn fn) const {
  for (const auto& [cursor, member] : waiting_) fn(member);
  for (const auto& catch_up : catch_ups_)
    for (const auto& member : catch_up->members()) fn(member);
}

/// [any] A batch of `events` as `encoder` writes them.
SharedBatch encode_batch(const Encoder& encoder, const Label& label, std::span<const SharedEvent> events);

}  // namespace pillard::fanout
