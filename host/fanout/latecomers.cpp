#include "fanout/latecomers.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pillard::fanout {

namespace {
Error gap_error() {
  return {Code::kNotFound, "Earlier events may be missing: the last one that was seen is not kept any more."};
}
}  // namespace

SharedBatch encode_batch(const Encoder& encoder, const Label& label, std::span<const SharedEvent> events) {
  auto batch = std::make_shared<Batch>();
  encoder.encode_all(*batch, label, events);
  return batch;
}

Latecomers::Latecomers(Host& host, reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream,
                       std::string topic, LatecomersOptions options)
    : host_(host), reactor_(reactor), lane_(lane), stream_(stream), topic_(std::move(topic)), options_(options) {}

Latecomers::~Latecomers() { *alive_ = false; }

void Latecomers::add(Member member) {
  if (waiting_.size() >= options_.most) {
    host_.tell(member, gap_error());
    return host_.admit(std::move(member), {});
  }
  if (member.patience == reactor::Clock::time_point{}) member.patience = reactor_.now() + options_.patience;
  auto cursor = member.resume;
  waiting_.emplace(std::move(cursor), std::move(member));
  if (settled_) start_some();
}

bool Latecomers::remove(unsigned reactor, std::uint64_t id) {
  const auto is_it = [&](const Member& member) { return member.reactor == reactor && member.id == id; };
  if (std::erase_if(waiting_, [&](const auto& one) { return is_it(one.second); }) > 0) return true;
  for (auto& catch_up : catch_ups_) {
    if (std::erase_if(catch_up->members(), is_it) == 0) continue;
    if (!catch_up->members().empty()) return true;
    bury(*catch_up);
    start_some();  // its place is free
    return true;
  }
  return false;
}

template <class Fn>
bool Latecomers::change(unsigned reactor, std::uint64_t id, Fn fn) {
  bool here = false;
  const auto visit = [&](Member& member) {
    if (member.reactor != reactor || member.id != id) return;
    fn(member);
    here = true;
  };
  for (auto& [cursor, member] : waiting_) visit(member);
  for (auto& catch_up : catch_ups_)
    for (auto& member : catch_up->members()) visit(member);
  return here;
}

bool Latecomers::pace(unsigned reactor, std::uint64_t id, std::int64_t pace_ms) {
  return change(reactor, id, [&](Member& member) { member.pace_ms = pace_ms; });
}

bool Latecomers::recode(unsigned reactor, std::uint64_t id, const Encoder& encoder) {
  return change(reactor, id, [&](Member& member) { member.encoder = &encoder; });
}

void Latecomers::source_started(std::shared_ptr<const StreamType> type, const Query& query) {
  type_ = std::move(type);
  query_ = query;
  heard_ = false;
  // Nobody could reach anything while there was no Source: that time was not theirs.
  for (auto& [cursor, member] : waiting_) member.patience = reactor_.now() + options_.patience;
  settle_ = reactor_.after(options_.settle, [this] { settled(); });
}

void Latecomers::source_stopped() {
  query_.reset();
  type_.reset();
  settled_ = false;
  settle_.reset();
  retry_.reset();
  while (!catch_ups_.empty()) wait_again(*catch_ups_.front());
}

void Latecomers::clear() {
  query_.reset();
  retry_.reset();
  settle_.reset();
  waiting_.clear();
  catch_ups_.clear();
}

void Latecomers::settled() {
  settled_ = true;
  settle_.reset();
  start_some();
}

void Latecomers::published(const std::vector<SharedEvent>& events) {
  if (!std::exchange(heard_, true) && !settled_) settle_ = reactor_.after(options_.quiet, [this] { settled(); });
  std::vector<Member> known;
  std::vector<CatchUp*> there;
  for (const auto& event : events) {
    if (empty()) break;
    if (event->cursor.empty()) continue;
    const auto [begin, end] = waiting_.equal_range(event->cursor);
    for (auto at = begin; at != end; ++at) known.push_back(std::move(at->second));
    waiting_.erase(begin, end);
    for (auto& catch_up : catch_ups_)
      if (catch_up->cursor() == event->cursor) there.push_back(catch_up.get());
  }
  for (auto& member : known) {
    const auto behind = member.resume;
    host_.admit(std::move(member), behind);
  }
  for (auto* catch_up : there) arrived(*catch_up);
}

void Latecomers::start_some() {
  if (std::exchange(starting_, true)) return;  // one that fails at once comes back here
  while (query_ && !retry_.pending() && !waiting_.empty() && catch_ups_.size() < options_.at_once) {
    auto first = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    catch_ups_.push_back(std::make_unique<CatchUp>(*this, std::move(first)));
    auto& catch_up = *catch_ups_.back();
    pick_up(catch_up, catch_up.cursor());
    host_.catching_up();
    catch_up.start(Query(*query_));  // its own: what it leads to may stop the topic's Source
  }
  starting_ = false;
}

void Latecomers::pick_up(CatchUp& by, const std::string& cursor) {
  const auto [begin, end] = waiting_.equal_range(cursor);
  for (auto at = begin; at != end; ++at) by.members().push_back(std::move(at->second));
  waiting_.erase(begin, end);
}

/// What it has handed over reaches to an event that the ring knows.
void Latecomers::arrived(CatchUp& catch_up) {
  catch_up.flush();
  const auto behind = catch_up.cursor();
  auto members = std::exchange(catch_up.members(), {});
  bury(catch_up);
  for (auto& member : members) {
    member.resume = behind;
    host_.admit(std::move(member), behind);
  }
  start_some();
}

/// Its time is over, or there is too much between it and the topic.
void Latecomers::gave_up(CatchUp& catch_up) {
  catch_up.flush();
  // Where neither has anything, there is nothing that could be missing.
  const bool gap = catch_up.published() || !host_.ring().events().empty();
  auto members = std::exchange(catch_up.members(), {});
  bury(catch_up);
  for (auto& member : members) {
    if (gap) host_.tell(member, gap_error());
    host_.admit(std::move(member), {});
  }
  start_some();
}

/// What passes is tried again, behind what was handed over, as long as its members have patience.
void Latecomers::failed(CatchUp& catch_up, const Error& error) {
  const auto now = reactor_.now();
  const bool again = passing(error.code()) && std::all_of(catch_up.members().begin(), catch_up.members().end(),
                                                          [&](const Member& m) { return m.patience > now; });
  if (!again) return gave_up(catch_up);
  wait_again(catch_up);
  retry_ = reactor_.after(options_.retry, [this] { start_some(); });
}

void Latecomers::wait_again(CatchUp& catch_up) {
  catch_up.flush();
  for (auto& member : catch_up.members()) {
    member.resume = catch_up.cursor();
    waiting_.emplace(catch_up.cursor(), std::move(member));
  }
  bury(catch_up);
}

/// It may be its own code that runs: it goes when this turn is over.
void Latecomers::bury(CatchUp& catch_up) {
  const auto found =
      std::find_if(catch_ups_.begin(), catch_ups_.end(), [&](const auto& one) { return one.get() == &catch_up; });
  if (found == catch_ups_.end()) return;
  catch_up.end();
  graveyard_.push_back(std::move(*found));
  catch_ups_.erase(found);
  reactor_.at_turn_end([this, alive = alive_] {
    if (*alive) graveyard_.clear();
  });
}

Latecomers::CatchUp::CatchUp(Latecomers& home, Member first)
    : home_(home), type_(home.type_), resume_from_(first.resume), cursor_(first.resume) {
  members_.push_back(std::move(first));
}

Latecomers::CatchUp::~CatchUp() {
  *alive_ = false;
  take_down();
}

void Latecomers::CatchUp::start(const Query& query) {
  patience_ = home_.reactor_.at(members_.front().patience, [this] { home_.gave_up(*this); });
  stand_up(
      home_.reactor_, home_.lane_, home_.stream_.plugin(),
      [this](const Error& error) { met_ ? home_.arrived(*this) : home_.failed(*this, error); },
      [&] { return type_->start(*this, query); });
}

void Latecomers::CatchUp::end() noexcept {
  over_ = true;
  patience_.reset();
  if (footing_) footing_->close();
}

void Latecomers::CatchUp::publish_json(std::string json, std::string_view cursor) {
  if (!footing_->may_say(json) || over_ || met_ || too_much_) return;
  published_ = true;
  // Events come in the topic's order: who comes from before the ring meets it at its oldest event. What the ring no
  // longer has when this turn is over is asked for again.
  const auto& kept = home_.host_.ring().events();
  met_ = !cursor.empty() && !kept.empty() && kept.front()->cursor == cursor;
  append(std::move(json), cursor);
  too_much_ = bytes_ > home_.options_.bytes;
  if (std::exchange(flushing_, true)) return;
  home_.reactor_.at_turn_end([this, alive = alive_] {
    if (*alive) turn_over();
  });
}

void Latecomers::CatchUp::turn_over() {
  flushing_ = false;
  if (over_) return;
  if (met_) return home_.arrived(*this);
  if (too_much_) return home_.gave_up(*this);
  flush();
  if (home_.host_.ring().knows(cursor_)) home_.arrived(*this);
}

void Latecomers::CatchUp::append(std::string json, std::string_view cursor) {
  bytes_ += json.size();
  pending_.push_back(std::make_shared<const Event>(Event{.json = std::move(json), .cursor = std::string(cursor)}));
  if (cursor.empty()) return;
  cursor_ = cursor;
  if (home_.waiting_.empty()) return;
  // Those who wait behind this event begin with the next one.
  const auto before = members_.size();
  home_.pick_up(*this, cursor_);
  if (members_.size() == before) return;
  std::vector<Member> fresh(std::make_move_iterator(members_.begin() + static_cast<std::ptrdiff_t>(before)),
                            std::make_move_iterator(members_.end()));
  members_.resize(before);
  flush();
  std::move(fresh.begin(), fresh.end(), std::back_inserter(members_));
}

void Latecomers::CatchUp::flush() {
  const auto events = std::exchange(pending_, {});
  if (events.empty()) return;
  std::vector<std::pair<const Encoder*, SharedBatch>> made;
  for (const auto& member : members_) {
    auto found = std::find_if(made.begin(), made.end(), [&](const auto& one) { return one.first == member.encoder; });
    if (found == made.end()) {
      const auto& options = home_.stream_.options();
      made.emplace_back(member.encoder,
                        encode_batch(*member.encoder, {options.event, options.batch, home_.topic_}, events));
      found = std::prev(made.end());
    }
    home_.host_.hand(member, found->second);
  }
}

void Latecomers::CatchUp::notice(const Error& error) {
  if (!footing_->at_work("notice()") || over_) return;
  flush();
  const auto told = loader::presentable(error);
  for (const auto& member : members_) home_.host_.tell(member, told);
}

}  // namespace pillard::fanout
