#include "fanout/mailbox.h"

#include <algorithm>
#include <utility>

namespace pillard::fanout {

namespace {
constexpr std::size_t kLetterCost = 128;
}

bool Mailbox::spread(const TopicId& topic, const Outlet::Batches& batches, Overflow overflow) {
  std::size_t bytes = kLetterCost;
  for (const auto& [encoder, batch] : batches) bytes += batch->bytes.size();
  const std::lock_guard lock(mutex_);
  const bool first = idle();
  const auto left_out = left_out_.find({*topic.key, topic.life});
  const bool behind = left_out != left_out_.end();  // nothing may overtake what is told of a gap
  if (!behind && (bytes_ + bytes <= max_bytes_ || letters_.empty())) {
    bytes_ += bytes;
    high_water_ = std::max(high_water_, bytes_);
    letters_.push_back({.topic = topic, .batches = batches, .other = {}});
    return first;
  }
  auto& entry = left_out_[{*topic.key, topic.life}];
  entry.topic = topic;
  const auto events = batches.front().second->events_from(0);
  if (overflow == Overflow::kNewest) {
    entry.newest = batches;
  } else {
    entry.dropped += events;
    dropped_ += events;
  }
  return first;
}

bool Mailbox::put(Function<void(Shard&)> letter) {
  const std::lock_guard lock(mutex_);
  const bool first = idle();
  letters_.push_back({.topic = {}, .batches = {}, .other = std::move(letter)});
  return first;
}

bool Mailbox::put(const TopicId& topic, Function<void(Shard&)> letter) {
  const std::lock_guard lock(mutex_);
  const bool first = idle();
  if (const auto found = left_out_.find({*topic.key, topic.life}); found != left_out_.end()) {
    auto& entry = found->second;
    if (entry.dropped > 0)
      letters_.push_back({.topic = {}, .batches = {}, .other = [topic, dropped = entry.dropped](Shard& shard) {
                            shard.gap(topic, dropped);
                          }});
    if (!entry.newest.empty()) letters_.push_back({.topic = topic, .batches = std::move(entry.newest), .other = {}});
    left_out_.erase(found);
  }
  letters_.push_back({.topic = {}, .batches = {}, .other = std::move(letter)});
  return first;
}

void Mailbox::drain(Shard& shard) {
  std::vector<Letter> letters;
  decltype(left_out_) left_out;
  {
    const std::lock_guard lock(mutex_);
    letters.swap(letters_);
    left_out.swap(left_out_);
    bytes_ = 0;
  }
  for (auto& letter : letters) {
    if (letter.other) {
      letter.other(shard);
    } else {
      shard.spread(letter.topic, letter.batches);
    }
  }
  for (const auto& [key, entry] : left_out) {
    if (entry.dropped > 0) shard.gap(entry.topic, entry.dropped);
    if (!entry.newest.empty()) shard.spread(entry.topic, entry.newest);
  }
}

std::size_t Mailbox::high_water() const {
  const std::lock_guard lock(mutex_);
  return high_water_;
}

std::uint64_t Mailbox::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace pillard::fanout
