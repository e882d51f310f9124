#include "transport/outbox.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pillard::transport {

void Outbox::add(Entry entry) {
  bytes_ += entry.size();
  if (entry.flow == nullptr) control_ += entry.size() + kEntryCost;
  entries_.push_back(std::move(entry));
}

void Outbox::push(SharedBatch batch) {
  if (!batch->bytes.empty()) add({.batch = std::move(batch)});
}

std::uint64_t Outbox::push(SharedBatch batch, const Flow& flow) {
  std::uint64_t replaced = 0;
  if (flow.overflow() == Overflow::kNewest) {
    for (auto i = entries_.size(); i > first_waiting(); --i) {
      const auto& entry = entries_[i - 1];
      if (entry.flow != &flow) continue;
      replaced += entry.batch->events_from(entry.first);
      take_out(i - 1);
    }
  }
  if (!batch->bytes.empty()) add({.batch = std::move(batch), .flow = &flow});
  return replaced;
}

void Outbox::gap(const Flow& flow, std::uint64_t dropped) {
  if (flow.overflow() == Overflow::kNewest) return;
  if (!empty() && entries_.back().flow == &flow && !entries_.back().batch) {
    entries_.back().dropped += dropped;
  } else {
    add({.batch = nullptr, .flow = &flow, .first = 0, .dropped = dropped});
  }
}

void Outbox::take_out(std::size_t index) {
  bytes_ -= entries_[index].size();
  if (entries_[index].flow == nullptr) control_ -= entries_[index].size() + kEntryCost;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
}

/// Drops frames from the front of one entry: as many as make up for `excess`.
std::uint64_t Outbox::shed_entry(Entry& entry, std::size_t excess) {
  const auto frames = static_cast<std::uint32_t>(entry.batch->size());
  std::uint64_t dropped = 0;
  const auto size = entry.size();
  while (entry.first < frames && size - entry.size() < excess) dropped += entry.batch->events_of(entry.first++);
  if (entry.first == frames) entry.batch = nullptr;
  bytes_ -= size - entry.size();
  return dropped;
}

std::uint64_t Outbox::shed(std::size_t most, std::vector<Lost>* lost) {
  struct Place {
    const Flow* flow;
    std::size_t at;
  };
  std::vector<Place> gaps;  // of each flow, where what is told stands
  std::uint64_t total = 0;
  std::size_t empty = 0;  // entries that compact() will remove
  for (auto i = first_waiting(); i < entries_.size(); ++i) {
    const auto cost = waiting_cost() - empty * kEntryCost;
    if (cost <= most) break;
    if (entries_[i].flow == nullptr || entries_[i].flow->overflow() != Overflow::kDrop) continue;
    const auto* flow = entries_[i].flow;
    const auto place = std::find_if(gaps.begin(), gaps.end(), [&](const Place& gap) { return gap.flow == flow; });
    const auto dropped = entries_[i].batch ? shed_entry(entries_[i], cost - most) : 0;
    total += dropped;
    if (lost && dropped > 0) {
      const auto of = std::find_if(lost->begin(), lost->end(), [&](const Lost& one) { return one.flow == flow; });
      (of != lost->end() ? *of : lost->emplace_back(Lost{flow, 0})).events += dropped;
    }
    if (place != gaps.end()) {  // one gap that follows another is part of it
      entries_[place->at].dropped += dropped + std::exchange(entries_[i].dropped, 0);
      if (!entries_[i].batch) ++empty;
    } else if (!entries_[i].batch) {
      entries_[i].dropped += dropped;
      gaps.push_back({flow, i});
    } else {
      const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(i);
      entries_.insert(at, Entry{.batch = nullptr, .flow = flow, .first = 0, .dropped = dropped});
      break;  // only the last one is shed in part
    }
  }
  compact();
  return total;
}

Outbox::Bounded Outbox::hold(std::size_t most) {
  Bounded result;
  // A batch that was begun does not count, however large it is: it is finished, and the client has to show that it
  // reads it. Below the bound by a quarter, so that not every further batch has to be looked through again.
  if (waiting_cost() > most) result.dropped = shed(most - most / 4, &result.lost);
  // A single entry may be larger than the bound: whoever is up to date gets it.
  result.over = waiting_cost() > most && size() > 1;
  return result;
}

/// Removes the entries of which nothing is left.
void Outbox::compact() {
  const auto from = entries_.begin() + static_cast<std::ptrdiff_t>(first_waiting());
  entries_.erase(std::remove_if(from, entries_.end(), [](const Entry& e) { return !e.batch && e.dropped == 0; }),
                 entries_.end());
}

/// What becomes an answer must not be so much that the client is closed for it.
void Outbox::keep_newest(const Flow& flow) {
  constexpr std::size_t kMost = 64 * 1024;
  if (flow.overflow() == Overflow::kNewest) return;  // only one waits
  std::size_t kept = 0;
  std::uint64_t dropped = 0;
  for (auto i = entries_.size(); i > first_waiting(); --i) {
    auto& entry = entries_[i - 1];
    if (entry.flow != &flow) continue;
    kept += entry.size();
    if (kept <= kMost) continue;
    if (entry.batch) dropped += entry.batch->events_from(entry.first);
    bytes_ -= entry.size();
    entry.batch = nullptr;
    // The oldest one tells of all.
    dropped += std::exchange(entry.dropped, 0);
    const bool oldest = std::none_of(entries_.begin() + static_cast<std::ptrdiff_t>(first_waiting()),
                                     entries_.begin() + static_cast<std::ptrdiff_t>(i - 1),
                                     [&](const Entry& other) { return other.flow == &flow; });
    if (oldest) entry.dropped = dropped;
  }
}

void Outbox::forget(const Flow& flow, bool deliver) {
  if (deliver) keep_newest(flow);
  for (auto i = head_; i < entries_.size(); ++i) {
    auto& entry = entries_[i];
    if (entry.flow != &flow) continue;
    const bool is_begun = i < first_waiting();
    if (deliver && !entry.batch) {
      if (entry.dropped > 0) materialise(entry);
    } else if (deliver || is_begun) {
      entry.flow = nullptr;
      control_ += entry.size() + kEntryCost;
    } else {
      bytes_ -= entry.size();
      entry = Entry{};
    }
  }
  compact();
}

void Outbox::clear() {
  while (entries_.size() > first_waiting()) take_out(entries_.size() - 1);
}

/// From here on it is an answer like others.
void Outbox::materialise(Entry& entry) {
  entry.batch = entry.flow->gap(std::exchange(entry.dropped, 0));
  entry.first = 0;
  entry.flow = nullptr;
  bytes_ += entry.size();
  control_ += entry.size() + kEntryCost;
}

Sink::Result Outbox::flush(Sink& sink) {
  constexpr std::size_t kParts = 256;  // of one writev
  constexpr std::size_t kKeep = 16;    // entries for which an idle outbox keeps room
  auto result = Sink::Result::kOk;
  while (!empty() && result == Sink::Result::kOk) {
    std::array<iovec, kParts> parts;  // NOLINT: filled below, as far as used
    std::size_t count = 0;
    std::size_t skip = offset_;
    for (std::size_t i = head_; i < entries_.size() && count < kParts; ++i) {
      if (!entries_[i].batch) materialise(entries_[i]);
      const auto& bytes = entries_[i].batch->bytes;
      skip += entries_[i].batch->begin_of(entries_[i].first);
      parts[count++] = {const_cast<char*>(bytes.data()) + skip, bytes.size() - skip};  // writev never writes there
      skip = 0;
    }
    std::size_t written = 0;
    result = sink.write({parts.data(), count}, written);
    drop(written);
  }
  if (empty()) {
    entries_.clear();
    head_ = offset_ = 0;
    if (entries_.capacity() > kKeep) entries_.shrink_to_fit();
  }
  return result;
}

void Outbox::settle() {
  if (!begun()) return;
  auto& entry = entries_[head_];
  const auto before = entry.size();
  const auto begin = entry.batch->begin_of(entry.first) + offset_;
  while (entry.batch->begin_of(entry.first) < begin) ++entry.first;
  if (entry.flow == nullptr) control_ -= before - entry.size();
  offset_ = 0;
}

void Outbox::append(Outbox&& other) {
  other.settle();
  for (auto i = other.head_; i < other.entries_.size(); ++i) add(std::move(other.entries_[i]));
  other = Outbox{};
}

void Outbox::drop(std::size_t written) {
  bytes_ -= written;
  offset_ += written;
  while (head_ < entries_.size() && entries_[head_].batch && offset_ >= entries_[head_].size()) {
    auto& gone = entries_[head_++];
    offset_ -= gone.size();
    if (gone.flow == nullptr) control_ -= gone.size() + kEntryCost;
    gone = Entry{};
  }
  // A client that is always a little behind must not make the list of what is gone grow.
  if (head_ > 1024 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace pillard::transport
