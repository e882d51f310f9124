#pragma once
// What a stream says to those above it. A connection's subscription implements Subscriber; the topic below never knows
// which door it came through.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/problem.h"
#include "pillard/registrar.h"

namespace pillard::fanout {

/// Bytes as they go on the wire, encoded once and shared by all who get them.
using Frame = std::shared_ptr<const std::string>;

/// How a door writes an event. Subscribers with the same Encoder (by address) share frames; it must outlive them and is
/// used on any lane.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual std::string encode(std::string_view event, std::string_view json) const = 0;
};

/// Events of one topic in their order.
struct Batch {
  std::vector<Frame> frames;
  std::size_t bytes = 0;  // of all frames
};
using SharedBatch = std::shared_ptr<const Batch>;

/// One subscription's ear. Called on its own reactor, never from inside a call into the hub. Any of the calls may
/// destroy the Subscription, and with it the caller's way to this object.
class Subscriber {
 public:
  /// First the events kept for late ones (possibly none), then what is new: nothing in between is missed or repeated.
  virtual void deliver(const SharedBatch& batch) = 0;
  /// A Problem. `ended`: the stream is over, no call follows; otherwise it goes on, perhaps after a pause.
  virtual void problem(const Error& error, bool ended) = 0;

 protected:
  ~Subscriber() = default;
};

}  // namespace pillard::fanout
