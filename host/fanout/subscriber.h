#pragma once
// What a stream says to those above it. A connection's subscription implements Subscriber; the topic below never knows
// which door it came through.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/ring.h"
#include "pillard/problem.h"
#include "pillard/registrar.h"

namespace pillard::fanout {

/// Frames as they go on the wire, one behind the other: encoded once, shared by all who get them.
struct Batch {
  std::string bytes;
  std::vector<std::uint32_t> ends;         // where each frame ends; empty: `bytes` is one frame
  std::vector<std::uint32_t> events = {};  // how many each frame carries; empty: one

  std::size_t size() const noexcept { return ends.empty() ? 1 : ends.size(); }
  std::size_t begin_of(std::size_t frame) const noexcept { return frame == 0 ? 0 : ends[frame - 1]; }
  std::size_t end_of(std::size_t frame) const noexcept { return ends.empty() ? bytes.size() : ends[frame]; }
  std::size_t events_of(std::size_t frame) const noexcept { return events.empty() ? 1 : events[frame]; }
  /// From that frame on.
  std::uint64_t events_from(std::size_t frame) const noexcept {
    std::uint64_t sum = 0;
    for (; frame < size(); ++frame) sum += events_of(frame);
    return sum;
  }
};
using SharedBatch = std::shared_ptr<const Batch>;

/// [any] One frame of one client alone.
inline SharedBatch single(std::string bytes) {
  return std::make_shared<const Batch>(Batch{.bytes = std::move(bytes), .ends = {}});
}

/// What may stand beside the events of a stream.
struct Label {
  std::string_view type;   // of each event
  std::string_view batch;  // of a list of them; empty: they have no lists
  std::string_view topic;  // topic_name()
};

/// [any] What a stream with these params is called: the type of its events and, if there are any params, a digest of
/// them. The same for all who ask for the same, and not for those who ask for something else, as far as one client can
/// see.
std::string topic_name(const StreamOptions& options, std::string_view key);

/// How a door writes events. Subscribers with the same Encoder (by address) share batches; it must outlive them and is
/// used on any lane.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Appends one whole frame. `json`: any number of values, comma-separated. `cursor` may be empty.
  virtual void encode(std::string& out, const Label& label, std::string_view json, std::string_view cursor) const = 0;
  /// Appends frames that carry all of `events`, in their order. Unless a door has lists: a frame each.
  virtual void encode_all(Batch& out, const Label& label, std::span<const SharedEvent> events) const;
};

/// What a full queue may do with the events of one subscription that wait in it. Whoever queues them knows it by its
/// address, so it stays where it is.
class Flow {
 public:
  /// `key`: canonical JSON of the params, an object. All but `key` are referred to.
  Flow(const StreamOptions& options, std::string_view key, const Encoder& encoder)
      : options_(options), key_(key), encoder_(encoder) {}
  Flow(const Flow&) = delete;

  Overflow overflow() const noexcept { return options_.overflow; }
  std::string topic() const { return topic_name(options_, key_); }
  /// What the client is told in the place of so many events: the params and "dropped".
  SharedBatch gap(std::uint64_t dropped) const;

 private:
  const StreamOptions& options_;
  const std::string key_;
  const Encoder& encoder_;
};

/// One subscription's ear. Called on its own reactor, never from inside a call into the hub. Any of the calls may
/// destroy the Subscription, and with it the caller's way to this object.
class Subscriber {
 public:
  /// First the events kept for late ones (possibly none), then what is new: nothing in between is missed or repeated.
  virtual void deliver(const SharedBatch& batch) = 0;
  /// So many events were dropped here, between those delivered before and those to come: this daemon could not keep up.
  virtual void gap(std::uint64_t dropped) = 0;
  /// A Problem. `ended`: the stream is over, no call follows; otherwise it goes on, perhaps after a pause.
  virtual void problem(const Error& error, bool ended) = 0;

 protected:
  ~Subscriber() = default;
};

}  // namespace pillard::fanout
