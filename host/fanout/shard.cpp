#include "fanout/shard.h"

#include "fanout/hub.h"

namespace pillard::fanout {

Subscription::Subscription(Shard& shard, const loader::StreamEntry& stream, std::string key, Subscriber& subscriber,
                           const Encoder& encoder, std::optional<std::int64_t> pace_ms)
    : shard_(shard),
      stream_(stream),
      key_(std::move(key)),
      subscriber_(&subscriber),
      encoder_(&encoder),
      pace_ms_(pace_ms),
      number_(++shard.last_number_) {
  shard_.add(*this);
}

Subscription::~Subscription() { shard_.remove(*this); }

void Subscription::set_encoder(const Encoder& encoder) {
  if (encoder_ == &encoder) return;
  std::erase(former_, &encoder);
  former_.push_back(std::exchange(encoder_, &encoder));
  shard_.encoder_changed(*this);
}

void Subscription::set_pace(std::int64_t pace_ms) {
  if (pace_ms_ == pace_ms) return;
  pace_ms_ = pace_ms;
  shard_.pace_changed(*this);
}

void Shard::add(Subscription& subscription) {
  auto& places = audiences_[subscription.key_].places;
  subscription.place_ = places.size();
  places.push_back(&subscription);
  by_number_.emplace(subscription.number_, &subscription);
}

void Shard::remove(Subscription& subscription) {
  by_number_.erase(subscription.number_);
  const auto found = audiences_.find(subscription.key_);
  auto& [places, left, telling] = found->second;
  if (telling > 0) {
    places[subscription.place_] = nullptr;
    ++left;
  } else {
    places[subscription.place_] = places.back();
    places[subscription.place_]->place_ = subscription.place_;
    places.pop_back();
    if (places.empty()) audiences_.erase(found);
  }
  hub_.leave(subscription.stream_, subscription.key_, reactor_.index(), subscription.number_);
}

void Shard::pace_changed(const Subscription& subscription) {
  hub_.pace(subscription.key_, reactor_.index(), subscription.number_, *subscription.pace_ms_);
}

void Shard::encoder_changed(const Subscription& subscription) {
  hub_.recode(subscription.key_, reactor_.index(), subscription.number_, *subscription.encoder_);
}

/// Calls `tell` for each subscriber that the topic has welcomed. Subscriptions may come and go meanwhile.
template <class Tell>
void Shard::for_each(const TopicId& topic, Tell tell) {
  auto found = audiences_.find(*topic.key);
  if (found == audiences_.end()) return;
  auto& audience = found->second;  // stays where it is: references into an unordered_map survive insertions
  ++audience.telling;
  for (std::size_t i = 0, count = audience.places.size(); i < count; ++i)
    if (auto* subscription = audience.places[i]; subscription && subscription->life_ == topic.life) tell(*subscription);
  if (--audience.telling > 0 || audience.left == 0) return;
  std::erase(audience.places, nullptr);
  audience.left = 0;
  for (std::size_t i = 0; i < audience.places.size(); ++i) audience.places[i]->place_ = i;
  if (audience.places.empty()) audiences_.erase(*topic.key);
}

void Shard::welcome(const TopicId& topic, std::uint64_t member, const SharedBatch& replay,
                    const std::optional<Error>& problem) {
  const auto found = by_number_.find(member);
  if (found == by_number_.end()) return;  // it left meanwhile
  auto& subscription = *found->second;
  subscription.life_ = topic.life;
  if (replay) {
    subscription.last_ = reactor_.now();
    subscription.subscriber_->deliver(replay);
  }
  if (!problem) return;
  if (const auto still = by_number_.find(member); still != by_number_.end())
    still->second->subscriber_->problem(*problem, false);
}

void Shard::hand(std::uint64_t member, const SharedBatch& batch) {
  const auto found = by_number_.find(member);
  if (found != by_number_.end()) found->second->subscriber_->deliver(batch);
}

void Shard::tell(std::uint64_t member, const Error& error, bool ended) {
  const auto found = by_number_.find(member);
  if (found != by_number_.end()) found->second->subscriber_->problem(error, ended);
}

void Shard::gap(const TopicId& topic, std::uint64_t dropped) {
  for_each(topic, [&](Subscription& subscription) { subscription.subscriber_->gap(dropped); });
}

void Shard::spread(const TopicId& topic, const Outlet::Batches& batches) {
  const auto now = reactor_.now();
  for_each(topic, [&](Subscription& subscription) {
    if (subscription.pace_ms_) {
      // A tenth early is on time: the Source's own interval is never exact.
      const Milliseconds pace(*subscription.pace_ms_ - *subscription.pace_ms_ / 10);
      if (now - subscription.last_ < pace) return;
      subscription.last_ = now;
    }
    const auto in = [&](const Encoder* wanted) {
      return std::find_if(batches.begin(), batches.end(), [&](const auto& one) { return one.first == wanted; });
    };
    auto found = in(subscription.encoder_);
    for (auto former = subscription.former_.rbegin(); found == batches.end() && former != subscription.former_.rend();
         ++former)
      found = in(*former);
    if (found != batches.end()) subscription.subscriber_->deliver(found->second);
  });
}

void Shard::problem(const TopicId& topic, const Error& error, bool ended) {
  for_each(topic, [&](Subscription& subscription) { subscription.subscriber_->problem(error, ended); });
}

}  // namespace pillard::fanout
