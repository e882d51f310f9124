#include "joiner.h"

#include <algorithm>
#include <utility>

namespace client_logs {

std::vector<Entry> Joiner::add(Entry entry, std::int64_t now_ms) {
  std::vector<Entry> whole;
  const bool last = !entry.is_part;
  const auto held =
      std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.line.stream == entry.stream; });
  if (held != held_.end() && held->line.message.size() + entry.message.size() <= kMaxLine) {
    held->line.message += entry.message;
    held->line.lost += entry.lost;
    held->line.cursor = std::move(entry.cursor);
    held->since_ms = now_ms;
    if (last) {
      whole.push_back(std::move(held->line));
      held_.erase(held);
    }
    return whole;
  }
  if (held != held_.end()) {
    whole.push_back(std::move(held->line));
    held_.erase(held);
  }
  if (last) {
    whole.push_back(std::move(entry));
    return whole;
  }
  if (held_.size() == kMaxHeld) {
    whole.push_back(std::move(held_.front().line));
    held_.erase(held_.begin());
  }
  held_.push_back({std::move(entry), now_ms});
  return whole;
}

std::vector<Entry> Joiner::flush(std::int64_t before_ms) {
  std::vector<Entry> due;
  for (auto& held : held_)
    if (held.since_ms <= before_ms) due.push_back(std::move(held.line));
  std::erase_if(held_, [&](const Held& held) { return held.since_ms <= before_ms; });
  return due;
}

}  // namespace client_logs
