#pragma once
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "fanout/subscriber.h"

namespace pillard::fanout {

/// One published event: JSON for encoders to come, and the frames made so far. Touched on its topic's lane only.
struct Event {
  std::string json;
  std::string cursor;
  std::vector<std::pair<const Encoder*, Frame>> frames;

  /// Encoded once for each encoder.
  const Frame& frame(const Encoder& encoder, std::string_view type) {
    for (const auto& [made_for, made] : frames)
      if (made_for == &encoder) return made;
    return frames.emplace_back(&encoder, std::make_shared<const std::string>(encoder.encode(type, json))).second;
  }
};

/// The newest events of a topic, for those who come late: bounded in number and in bytes.
class Ring {
 public:
  Ring(std::size_t capacity, std::size_t max_bytes) : capacity_(capacity), max_bytes_(max_bytes) {}
  void push(std::shared_ptr<Event> event) {
    if (capacity_ == 0) return;
    bytes_ += event->json.size();
    events_.push_back(std::move(event));
    // The newest stays, however large it is.
    while (events_.size() > capacity_ || (bytes_ > max_bytes_ && events_.size() > 1)) {
      bytes_ -= events_.front()->json.size();
      events_.pop_front();
    }
  }
  const std::deque<std::shared_ptr<Event>>& events() const noexcept { return events_; }

 private:
  std::size_t capacity_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::deque<std::shared_ptr<Event>> events_;
};

}  // namespace pillard::fanout
