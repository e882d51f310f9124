#pragma once
// What waits to be sent to one client: shared frames, written together.
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fanout/subscriber.h"

namespace pillard::transport {

using fanout::Frame;

/// Where bytes go. TLS will join them into one buffer; a plain socket scatters them.
class Sink {
 public:
  enum class Result { kOk, kBlocked, kBroken };
  /// Writes what it can of `parts`; `written` tells how many bytes.
  virtual Result write(std::span<iovec> parts, std::size_t& written) = 0;

 protected:
  ~Sink() = default;
};

/// [lane] Entries leave in order and whole: one that was begun is always finished.
class Outbox {
 public:
  void push(Frame frame) {
    bytes_ += frame->size();
    entries_.push_back(std::move(frame));
  }
  /// Writes until all is gone or the sink takes no more.
  Sink::Result flush(Sink& sink);
  /// Memory of what waits: each frame costs more than its bytes, or a flood of tiny ones would cost nothing.
  std::size_t cost() const noexcept { return bytes_ + size() * kFrameCost; }
  std::size_t bytes() const noexcept { return bytes_; }
  /// Frames that wait, a begun one included.
  std::size_t size() const noexcept { return entries_.size() - head_; }
  bool empty() const noexcept { return bytes_ == 0; }

 private:
  static constexpr std::size_t kFrameCost = 96;  // its block, its string, its place here

  void drop(std::size_t written);

  std::vector<Frame> entries_;
  std::size_t head_ = 0;    // entries before it are gone
  std::size_t offset_ = 0;  // bytes of the first one that are gone
  std::size_t bytes_ = 0;
};

}  // namespace pillard::transport
