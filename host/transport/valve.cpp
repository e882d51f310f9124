#include "transport/valve.h"

#include <algorithm>
#include <limits>

namespace pillard::transport {

namespace {
std::size_t bytes_from(const fanout::Batch& batch, std::size_t first) {
  return batch.bytes.size() - batch.begin_of(first);
}

/// Frames `first` to `last`, that one not included, as a batch of their own.
fanout::SharedBatch part_of(const fanout::SharedBatch& batch, std::size_t first, std::size_t last) {
  if (first == 0 && last == batch->size()) return batch;
  fanout::Batch part;
  const auto begin = batch->begin_of(first);
  part.bytes = batch->bytes.substr(begin, batch->end_of(last - 1) - begin);
  for (auto frame = first; frame < last; ++frame) {
    part.ends.push_back(static_cast<std::uint32_t>(batch->end_of(frame) - begin));
    part.events.push_back(static_cast<std::uint32_t>(batch->events_of(frame)));
  }
  return std::make_shared<const fanout::Batch>(std::move(part));
}
}  // namespace

void Valve::offer(const fanout::SharedBatch& batch, std::size_t most, Outlet& outlet) {
  if (batch->bytes.empty()) return;
  if (overflow_ == Overflow::kNewest) {
    held_.clear();
    bytes_ = 0;
  }
  held_.push_back({.batch = batch});
  bytes_ += batch->bytes.size();
  release(outlet);
  if (overflow_ == Overflow::kDrop) shed(most);
}

void Valve::gap(std::uint64_t dropped, Outlet& outlet) {
  if (overflow_ == Overflow::kNewest) return;
  if (held_.empty()) {
    dropped_ += dropped;
  } else if (!held_.back().batch) {
    held_.back().dropped += dropped;
  } else {
    held_.push_back({.batch = nullptr, .first = 0, .dropped = dropped});
  }
  release(outlet);
}

void Valve::grant(std::int64_t credit, Outlet& outlet) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;  // what a client can count
  credit_ = std::min(credit_ + credit, kMost);
  release(outlet);
}

void Valve::open(Outlet& outlet) {
  const auto credit = std::exchange(credit_, std::numeric_limits<std::int64_t>::max());
  release(outlet);
  credit_ = credit;
}

void Valve::release(Outlet& outlet) {
  while (credit_ > 0) {
    if (dropped_ > 0) outlet.tell_gap(std::exchange(dropped_, 0));
    if (held_.empty()) return;
    auto& front = held_.front();
    if (!front.batch) {
      dropped_ = front.dropped;
      held_.pop_front();
      continue;
    }
    const auto first = front.first;
    while (front.first < front.batch->size() && credit_ > 0)
      credit_ -= static_cast<std::int64_t>(front.batch->events_of(front.first++));
    const auto part = part_of(front.batch, first, front.first);
    bytes_ -= part->bytes.size();
    if (front.first == front.batch->size()) held_.pop_front();
    outlet.pass(part);
  }
}

void Valve::shed(std::size_t most) {
  while (bytes_ > most && !held_.empty()) {
    auto& front = held_.front();
    if (front.batch) {
      const auto before = bytes_from(*front.batch, front.first);
      dropped_ += front.batch->events_of(front.first++);
      const bool gone = front.first == front.batch->size();
      bytes_ -= before - (gone ? 0 : bytes_from(*front.batch, front.first));
      if (!gone) continue;
    } else {
      dropped_ += front.dropped;
    }
    held_.pop_front();
  }
  // A gap that now comes first is part of what is told before all.
  if (!held_.empty() && !held_.front().batch) {
    dropped_ += held_.front().dropped;
    held_.pop_front();
  }
}

}  // namespace pillard::transport
