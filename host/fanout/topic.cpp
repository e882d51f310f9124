#include "fanout/topic.h"

#include <cassert>

namespace pillard::fanout {

Topic::Topic(TopicId id, reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream, Query query,
             Outlet& outlet, TopicOptions options)
    : id_(std::move(id)),
      reactor_(reactor),
      ssh_(lane),
      stream_(stream),
      outlet_(outlet),
      options_(options),
      query_(std::move(query)),
      retry_(options.retry_first),
      ring_(stream.type->options().replay, options.ring_bytes) {
  use_ = ssh_.use(*this);
}

Topic::~Topic() {
  *alive_ = false;
  stop_source();
}

void Topic::join(Member member) {
  linger_timer_.reset();
  if (source_) trouble_.reset();  // it runs again: what lasted is over, even if there was nothing to publish yet
  flush();                        // so that the ring holds exactly what the others have been sent
  ++audience_[member.reactor][member.encoder];
  if (member.pace_ms) ++paces_[*member.pace_ms];
  bool gap = false;
  auto replay = replay_for(member, gap);
  auto problem = trouble_;
  if (gap && !problem)
    problem = Error(Code::kNotFound, "Earlier events may be missing: the last one that was seen is not kept any more.");
  outlet_.welcome(member.reactor, member.id, id_, std::move(replay), std::move(problem));
  members_.insert_or_assign({member.reactor, member.id}, std::move(member));
  retune();
}

void Topic::leave(unsigned reactor, std::uint64_t id) {
  const auto found = members_.find({reactor, id});
  if (found == members_.end()) return;
  const auto& member = found->second;
  if (auto& encoders = audience_[reactor]; --encoders[member.encoder] == 0) {
    encoders.erase(member.encoder);
    if (encoders.empty()) audience_.erase(reactor);
  }
  if (member.pace_ms && --paces_[*member.pace_ms] == 0) paces_.erase(*member.pace_ms);
  members_.erase(found);
  retune();
  if (members_.empty() && !over_)
    linger_timer_ = reactor_.after(stream_.type->options().linger, [this] {
      over_ = true;
      outlet_.over(id_);
    });
}

void Topic::pace(unsigned reactor, std::uint64_t id, std::int64_t pace_ms) {
  const auto found = members_.find({reactor, id});
  if (found == members_.end() || found->second.pace_ms == pace_ms) return;
  if (auto& before = found->second.pace_ms; before && --paces_[*before] == 0) paces_.erase(*before);
  found->second.pace_ms = pace_ms;
  ++paces_[pace_ms];
  retune();
}

/// The Source polls for the most impatient member.
void Topic::retune() {
  if (paces_.empty() || query_.pace_ms == paces_.begin()->first) return;
  query_ = stream_.type->with_pace(query_, paces_.begin()->first);
  if (source_) footing_->enter([this] { stream_.type->retune(*source_, query_); });
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
  tell(error, false);
}

void Topic::start_source() {
  if (over_ || source_) return;
  started_ = reactor_.now();
  footing_ =
      std::make_unique<Footing>(reactor_, ssh_, *stream_.plugin, [this](const Error& error) { source_failed(error); });
  footing_->enter([this] {
    auto source = stream_.type->start(*this, query_);
    source_ = std::move(source);
  });
}

void Topic::stop_source() {
  if (!footing_) return;
  footing_->close();
  loader::guard(*stream_.plugin, [this] { source_.reset(); });
  footing_.reset();
}

void Topic::source_failed(const Error& error) {
  stop_source();
  if (!passing(error.code())) return end(error);
  tell(error, false);
  // What ran well for long enough starts again quickly; what fails at once is tried less and less often.
  if (reactor_.now() - started_ > options_.retry_most) retry_ = options_.retry_first;
  retry_timer_ = reactor_.after(retry_, [this] {
    if (up_) start_source();
  });
  retry_ = std::min(retry_ * 2, options_.retry_most);
}

void Topic::tell(const Error& error, bool ended) {
  flush();
  const bool known = trouble_ && trouble_->code() == error.code() && std::string_view(trouble_->what()) == error.what();
  trouble_ = error;
  if (known && !ended) return;
  for (const auto& [reactor, encoders] : audience_) outlet_.problem(reactor, id_, error, ended);
}

void Topic::end(const Error& error) {
  if (std::exchange(over_, true)) return;
  tell(error, true);
  linger_timer_.reset();
  retry_timer_.reset();
  outlet_.over(id_);
}

void Topic::notice(const Error& error) {
  if (!footing_->open()) return;
  flush();
  for (const auto& [reactor, encoders] : audience_) outlet_.problem(reactor, id_, error, false);
}

void Topic::publish_json(std::string json, std::string_view cursor) {
  assert(reactor_.on_lane());
  if (!footing_->open() || over_) return;
  trouble_.reset();
  auto event = std::make_shared<Event>();
  event->json = std::move(json);
  event->cursor = cursor;
  if (!cursor.empty()) last_cursor_ = cursor;
  if (stream_.type->options().overflow == Overflow::kNewest) {
    pending_.clear();
    pending_bytes_ = 0;
  }
  pending_bytes_ += event->json.size();
  pending_.push_back(event);
  ring_.push(std::move(event));
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
  std::map<const Encoder*, SharedBatch> made;
  for (const auto& [reactor, encoders] : audience_) {
    Outlet::Batches batches;
    for (const auto& [encoder, users] : encoders) {
      auto& batch = made[encoder];
      if (!batch) {
        auto fresh = std::make_shared<Batch>();
        fresh->frames.reserve(events.size());
        for (const auto& event : events) {
          fresh->frames.push_back(event->frame(*encoder, stream_.type->options().event));
          fresh->bytes += fresh->frames.back()->size();
        }
        batch = std::move(fresh);
      }
      batches.emplace_back(encoder, batch);
    }
    outlet_.spread(reactor, id_, batches);
  }
}

/// What a late one missed; behind the cursor that it presents, if the ring still knows it. Else there may be a gap.
SharedBatch Topic::replay_for(const Member& member, bool& gap) {
  auto batch = std::make_shared<Batch>();
  const auto& events = ring_.events();
  auto from = events.begin();
  if (!member.resume.empty()) {
    const auto known =
        std::find_if(events.begin(), events.end(), [&](const auto& event) { return event->cursor == member.resume; });
    if (known != events.end()) {
      from = std::next(known);
    } else {
      gap = !events.empty();
    }
  }
  for (; from != events.end(); ++from) {
    batch->frames.push_back((*from)->frame(*member.encoder, stream_.type->options().event));
    batch->bytes += batch->frames.back()->size();
  }
  return batch;
}

}  // namespace pillard::fanout
