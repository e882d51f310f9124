#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace pillard::fanout {

/// One published event. Immutable, shared by what waits for a flush and what is kept for late ones.
struct Event {
  std::string json;
  std::string cursor;
};
using SharedEvent = std::shared_ptr<const Event>;

/// The newest events of a topic, for those who come late: bounded in number and in bytes.
class Ring {
 public:
  using Events = std::deque<SharedEvent>;
  explicit Ring(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  /// `capacity`: so many are kept from now on.
  void push(SharedEvent event, std::size_t capacity) {
    if (capacity == 0) return;
    bytes_ += event->json.size();
    events_.push_back(std::move(event));
    // The newest stays, however large it is.
    while (events_.size() > capacity || (bytes_ > max_bytes_ && events_.size() > 1)) {
      bytes_ -= events_.front()->json.size();
      events_.pop_front();
    }
  }
  const Events& events() const noexcept { return events_; }
  /// The event of this cursor, or the end. The newest are looked at first.
  Events::const_iterator find(std::string_view cursor) const {
    const auto found = std::find_if(events_.rbegin(), events_.rend(),
                                    [&](const SharedEvent& event) { return event->cursor == cursor; });
    return found == events_.rend() ? events_.end() : std::prev(found.base());
  }
  bool knows(std::string_view cursor) const { return !cursor.empty() && find(cursor) != events_.end(); }

 private:
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Events events_;
};

}  // namespace pillard::fanout
