#include "fanout/topic.h"

namespace pillard::fanout {

namespace {
/// What a client would send to ask for the same. (The key lacks how often, and behind which event.)
std::string params_of(const StreamType& type, const Query& query) {
  auto params = query.key;
  params.pop_back();  // the brace
  const auto add = [&](const std::string& name, const auto& value) {
    if (params.size() > 1) params += ',';
    encode(params, std::string_view(name));
    params += ':';
    encode(params, value);
  };
  for (const auto& field : type.params().fields) {
    if (field.options.pace && query.pace_ms) add(field.name, *query.pace_ms);
    if (field.options.resume && !query.resume.empty()) add(field.name, query.resume);
  }
  return params + '}';
}
}  // namespace

Topic::Topic(TopicId id, reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream,
             std::shared_ptr<const StreamType> type, Query query, Outlet& outlet, TopicOptions options)
    : id_(std::move(id)),
      reactor_(reactor),
      ssh_(lane),
      stream_(stream),
      type_(std::move(type)),
      outlet_(outlet),
      options_(options),
      query_(std::move(query)),
      name_(topic_name(stream.options(), query_.key)),
      retry_(options.retry_first),
      ring_(options.ring_bytes),
      latecomers_(*this, reactor, lane, stream, name_, options.latecomers) {
  use_ = ssh_.use(*this);
}

Topic::~Topic() {
  *alive_ = false;
  latecomers_.clear();
  stop_source();
}

void Topic::join(Member member) {
  linger_timer_.reset();
  if (work_) trouble_.reset();  // it runs again: what lasted is over, even if there was nothing to publish yet
  flush();                      // so that the ring holds exactly what the others have been sent
  if (member.resume.empty()) return admit(std::move(member), {});
  if (ring_.knows(member.resume)) {
    const auto behind = member.resume;
    return admit(std::move(member), behind);
  }
  if (trouble_) tell(member, *trouble_);
  latecomers_.add(std::move(member));
}

void Topic::admit(Member member, std::string_view behind) {
  if (over_) {  // it ended while a crowd was let in
    return outlet_.tell(member.reactor, member.id,
                        trouble_.value_or(Error(Code::kDisconnected, "The stream has ended.")), true);
  }
  if (work_) trouble_.reset();
  flush();
  if (!behind.empty() && !ring_.knows(behind)) return latecomers_.add(std::move(member));
  ++audience_[member.reactor][member.encoder];
  if (member.pace_ms) ++paces_[*member.pace_ms];
  outlet_.welcome(member.reactor, member.id, id_, replay(*member.encoder, behind), trouble_);
  members_.insert_or_assign({member.reactor, member.id}, std::move(member));
  retune();
}

void Topic::hand(const Member& member, SharedBatch batch) { outlet_.hand(member.reactor, member.id, std::move(batch)); }

void Topic::tell(const Member& member, const Error& error) { outlet_.tell(member.reactor, member.id, error, false); }

void Topic::leave(unsigned reactor, std::uint64_t id) {
  if (latecomers_.remove(reactor, id)) return linger();
  const auto found = members_.find({reactor, id});
  if (found == members_.end()) return;
  const auto& member = found->second;
  count_out(member);
  if (member.pace_ms && --paces_[*member.pace_ms] == 0) paces_.erase(*member.pace_ms);
  members_.erase(found);
  retune();
  linger();
}

/// Of those who use its encoder.
void Topic::count_out(const Member& member) {
  auto& encoders = audience_[member.reactor];
  if (--encoders[member.encoder] > 0) return;
  encoders.erase(member.encoder);
  if (encoders.empty()) audience_.erase(member.reactor);
}

void Topic::linger() {
  if (has_members() || over_) return;
  linger_timer_ = reactor_.after(type_->options().linger, [this] { over(); });
}

void Topic::end_if_unused() {
  if (!has_members() && !over_) over();
}

void Topic::refresh() {
  auto type = stream_.type();
  if (over_ || type == type_) return;
  if (!type) return end(loader::not_offered(stream_));
  retry_timer_.reset();
  retry_ = options_.retry_first;
  stop_source();
  const auto params = params_of(*type_, query_);
  query_.params.reset();  // the former version's
  type_ = std::move(type);
  if (const auto refusal = loader::guard(stream_.plugin(), [&] { query_ = type_->decode(params); }))
    return end(*refusal);
  replays_.clear();
  if (up_) start_source();
}

void Topic::over() {
  over_ = true;
  linger_timer_.reset();
  retry_timer_.reset();
  outlet_.over(id_);
}

void Topic::pace(unsigned reactor, std::uint64_t id, std::int64_t pace_ms) {
  if (latecomers_.pace(reactor, id, pace_ms)) return;
  const auto found = members_.find({reactor, id});
  if (found == members_.end() || found->second.pace_ms == pace_ms) return;
  if (auto& before = found->second.pace_ms; before && --paces_[*before] == 0) paces_.erase(*before);
  found->second.pace_ms = pace_ms;
  ++paces_[pace_ms];
  retune();
}

void Topic::recode(unsigned reactor, std::uint64_t id, const Encoder& encoder) {
  if (latecomers_.recode(reactor, id, encoder)) return;
  const auto found = members_.find({reactor, id});
  if (found == members_.end() || found->second.encoder == &encoder) return;
  count_out(found->second);
  found->second.encoder = &encoder;
  ++audience_[reactor][&encoder];
}

/// The Source polls for the most impatient member.
void Topic::retune() {
  if (paces_.empty() || query_.pace_ms == paces_.begin()->first) return;
  query_ = type_->with_pace(query_, paces_.begin()->first);
  if (work_) footing_->enter([this] { type_->retune(*work_, query_); });
}

void Topic::lane_up() {
  up_ = true;
  trouble_.reset();  // the next outage is told again, also in the same words
  start_source();
}

void Topic::lane_down(const Error& error) {
  up_ = false;
  retry_timer_.reset();
  retry_ = options_.retry_first;
  stop_source();
  if (!passing(error.code())) return end(error);
  tell_all(error, false);
}

void Topic::start_source() {
  if (over_ || work_) return;
  started_ = reactor_.now();
  stand_up(
      reactor_, ssh_, stream_.plugin(), [this](const Error& error) { source_failed(error); },
      [this] { return type_->start(*this, query_); });
  if (work_) latecomers_.source_started(type_, query_);
}

void Topic::stop_source() {
  if (!footing_) return;
  latecomers_.source_stopped();
  take_down();
}

void Topic::source_failed(const Error& error) {
  stop_source();
  if (!passing(error.code())) return end(error);
  tell_all(error, false);
  // What ran well for long enough starts again quickly; what fails at once is tried less and less often.
  if (reactor_.now() - started_ > options_.retry_most) retry_ = options_.retry_first;
  // Shortened at random: what failed together is not built again in step.
  const auto pause = retry_ - retry_ * std::uniform_int_distribution<int>(0, 500)(random_) / 1000;
  retry_timer_ = reactor_.after(pause, [this] {
    if (up_) start_source();
  });
  retry_ = std::min(retry_ * 2, options_.retry_most);
}

void Topic::tell_all(const Error& error, bool ended) {
  flush();
  const bool known = trouble_ && trouble_->code() == error.code() && std::string_view(trouble_->what()) == error.what();
  trouble_ = error;
  if (known && !ended) return;
  for (const auto& [reactor, encoders] : audience_) outlet_.problem(reactor, id_, error, ended);
  latecomers_.for_each([&](const Member& member) { outlet_.tell(member.reactor, member.id, error, ended); });
}

void Topic::end(const Error& error) {
  if (over_) return;
  tell_all(error, true);
  over();
}

void Topic::notice(const Error& error) {
  if (!footing_->at_work("notice()")) return;
  flush();
  const auto told = loader::presentable(error);
  for (const auto& [reactor, encoders] : audience_) outlet_.problem(reactor, id_, told, false);
}

void Topic::publish_json(std::string json, std::string_view cursor) {
  if (!footing_->may_say(json) || over_) return;
  trouble_.reset();
  auto event = std::make_shared<const Event>(Event{.json = std::move(json), .cursor = std::string(cursor)});
  if (!cursor.empty()) last_cursor_ = cursor;
  if (type_->options().overflow == Overflow::kNewest) {
    pending_.clear();
    pending_bytes_ = 0;
  }
  pending_bytes_ += event->json.size();
  pending_.push_back(event);
  const auto replay_events = type_->options().replay;
  replays_.clear();
  ring_.push(std::move(event), cursor.empty() ? replay_events : std::max(replay_events, options_.resume_events));
  schedule_flush();
}

void Topic::schedule_flush() {
  if (pending_bytes_ > options_.pending_bytes) return flush();
  if (std::exchange(flush_scheduled_, true)) return;
  const auto due = flushed_ + options_.flush_every;
  if (due <= reactor_.now()) {
    reactor_.at_turn_end([this, alive = alive_] {
      if (*alive) flush();
    });
  } else {
    flush_timer_ = reactor_.at(due, [this] { flush(); });
  }
}

void Topic::flush() {
  flush_scheduled_ = false;
  flush_timer_.reset();
  if (pending_.empty()) return;
  flushed_ = reactor_.now();
  const auto events = std::exchange(pending_, {});
  pending_bytes_ = 0;
  outlet_.published(events.size());
  const auto& options = type_->options();
  std::map<const Encoder*, SharedBatch> made;
  for (const auto& [reactor, encoders] : audience_) {
    Outlet::Batches batches;
    for (const auto& [encoder, users] : encoders) {
      auto& batch = made[encoder];
      if (!batch) batch = encode(*encoder, events);
      batches.emplace_back(encoder, batch);
    }
    outlet_.spread(reactor, id_, batches, options.overflow);
  }
  if (latecomers_.empty() && latecomers_.heard()) return;
  // It may be the Source's own code that runs, and who joins may lead there.
  reactor_.at_turn_end([this, alive = alive_, events] {
    if (*alive) latecomers_.published(events);
  });
}

SharedBatch Topic::encode(const Encoder& encoder, std::span<const SharedEvent> events) const {
  const auto& options = type_->options();
  return encode_batch(encoder, {.type = options.event, .batch = options.batch, .topic = name_}, events);
}

/// What a late one missed: all behind an event that the ring knows, else the newest few.
SharedBatch Topic::replay(const Encoder& encoder, std::string_view behind) {
  auto& last = replays_[&encoder];
  if (auto same = last.batch.lock(); same && last.behind == behind) return same;
  const auto& kept = ring_.events();
  const auto most = static_cast<std::ptrdiff_t>(type_->options().replay);
  const auto known = behind.empty() ? kept.end() : ring_.find(behind);
  const auto from = known != kept.end() ? std::next(known) : kept.end() - std::min(std::ssize(kept), most);
  const std::vector<SharedEvent> events(from, kept.end());
  if (events.empty()) return nullptr;
  auto batch = encode(encoder, events);
  last = {.behind = std::string(behind), .batch = batch};
  return batch;
}

}  // namespace pillard::fanout
