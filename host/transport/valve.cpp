#include "transport/valve.h"

#include <algorithm>
#include <utility>

namespace pillard::transport {

namespace {
constexpr std::int64_t kMostCredit = std::int64_t{1} << 53;  // what a client can count

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

void Valve::add(Held held) {
  cost_ += kHeldCost + (held.batch ? held.batch->bytes.size() : 0);
  held_.push_back(std::move(held));
}

/// Of which no frame is left.
void Valve::drop_front() {
  cost_ -= kHeldCost;
  held_.pop_front();
}

void Valve::offer(const fanout::SharedBatch& batch, std::size_t most, Outlet& outlet) {
  if (batch->bytes.empty()) return;
  if (overflow_ == Overflow::kDrop) {
    add({.batch = batch});
    release(outlet);
    return hold(most);
  }
  held_.clear();
  cost_ = 0;
  std::size_t first = 0;
  for (auto events = static_cast<std::int64_t>(batch->events_from(0)); events > credit_ && first + 1 < batch->size();)
    events -= static_cast<std::int64_t>(batch->events_of(first++));
  add({.batch = part_of(batch, first, batch->size())});
  release(outlet);
}

void Valve::gap(std::uint64_t dropped, Outlet& outlet) {
  if (overflow_ == Overflow::kNewest) return;
  if (held_.empty()) {
    dropped_ += dropped;
  } else if (!held_.back().batch) {
    held_.back().dropped += dropped;
  } else {
    add({.batch = nullptr, .first = 0, .dropped = dropped});
  }
  release(outlet);
}

void Valve::grant(std::int64_t credit, Outlet& outlet) {
  credit_ = std::min(credit_ + credit, kMostCredit);
  release(outlet);
}

void Valve::refund(std::uint64_t events) {
  credit_ = std::min(credit_ + static_cast<std::int64_t>(std::min<std::uint64_t>(events, kMostCredit)), kMostCredit);
}

void Valve::open(Outlet& outlet) { release(outlet, true); }

void Valve::release(Outlet& outlet, bool all) {
  while (all || credit_ > 0) {
    if (dropped_ > 0) outlet.tell_gap(std::exchange(dropped_, 0));
    if (held_.empty()) return;
    auto& front = held_.front();
    if (!front.batch) {
      dropped_ = front.dropped;
      drop_front();
      continue;
    }
    const auto first = front.first;
    while (front.first < front.batch->size() && (all || credit_ > 0))
      credit_ -= static_cast<std::int64_t>(front.batch->events_of(front.first++));
    const auto part = part_of(front.batch, first, front.first);
    cost_ -= part->bytes.size();
    if (front.first == front.batch->size()) drop_front();
    outlet.pass(part);
  }
}

void Valve::hold(std::size_t most) {
  if (overflow_ == Overflow::kNewest) return;
  while (cost_ > most && !held_.empty()) {
    auto& front = held_.front();
    if (front.batch) {
      const auto before = bytes_from(*front.batch, front.first);
      dropped_ += front.batch->events_of(front.first++);
      const bool gone = front.first == front.batch->size();
      cost_ -= before - (gone ? 0 : bytes_from(*front.batch, front.first));
      if (!gone) continue;
    } else {
      dropped_ += front.dropped;
    }
    drop_front();
  }
  // A gap that now comes first is part of what is told before all.
  if (!held_.empty() && !held_.front().batch) {
    dropped_ += held_.front().dropped;
    drop_front();
  }
}

}  // namespace pillard::transport
