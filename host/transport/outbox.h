#pragma once
// What waits to be sent to one client: shared batches of frames, written together.
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fanout/subscriber.h"

namespace pillard::transport {

using fanout::Flow;
using fanout::SharedBatch;

/// Where bytes go. TLS will join them into one buffer; a plain socket scatters them.
class Sink {
 public:
  enum class Result { kOk, kBlocked, kBroken };
  /// Writes what it can of `parts`; `written` tells how many bytes.
  virtual Result write(std::span<iovec> parts, std::size_t& written) = 0;

 protected:
  ~Sink() = default;
};

/// Stands between the outbox and the socket: takes whole frames, and keeps what the socket does not take at once.
class Filter : public Sink {
 public:
  virtual ~Filter() = default;
  /// Writes what it keeps.
  virtual Result flush() = 0;
  virtual bool empty() const noexcept = 0;
};

/// [lane] Entries leave in order, and frames whole: one that was begun is always finished. An entry is control (an
/// answer, a heartbeat: always kept), or of a Flow, which says what may be done with it while it waits.
class Outbox {
 public:
  void push(SharedBatch batch);
  /// Of a state, what waits of the same flow and was not begun is replaced: returns how many events went for it. `flow`
  /// stays until forget().
  std::uint64_t push(SharedBatch batch, const Flow& flow);
  /// Behind what waits here, all of the other's, of which nothing may be begun but whole frames.
  void append(Outbox&& other);
  /// So many events of the flow never got here; the client is told at this place.
  void gap(const Flow& flow, std::uint64_t dropped);

  /// Events of one flow that were queued and went for want of room.
  struct Lost {
    const Flow* flow;
    std::uint64_t events;
  };
  /// Drops lines, the oldest first, until waiting_cost() is `most` or none is left. The client is told how many in
  /// their place. Returns how many; `lost`, unless it is null: of each flow.
  std::uint64_t shed(std::size_t most, std::vector<Lost>* lost = nullptr);
  struct Bounded {
    std::uint64_t dropped = 0;
    std::vector<Lost> lost = {};
    bool over = false;  // what waits and can't be dropped is too much: the client has to go
  };
  /// Holds what waits to `most`.
  Bounded hold(std::size_t most);
  /// The flow is about to go. What waits of it is dropped silently, or, if `deliver`, can't be dropped any more.
  void forget(const Flow& flow, bool deliver);
  /// Drops all but the batch that was begun.
  void clear();

  /// Writes until all is gone or the sink takes no more.
  Sink::Result flush(Sink& sink);
  /// After a flush into a sink that takes whole frames only: what is left of the batch was not begun.
  void settle();

  /// Memory of what waits: each entry costs more than its bytes, or a flood of tiny ones would cost nothing.
  std::size_t cost() const noexcept { return bytes_ + size() * kEntryCost; }
  /// The same without the batch that was begun: what could still be dropped or has to be kept.
  std::size_t waiting_cost() const noexcept {
    return begun() ? cost() - kEntryCost - (entries_[head_].size() - offset_) : cost();
  }
  std::size_t bytes() const noexcept { return bytes_; }
  /// The part of cost() that is answers and other control.
  std::size_t control_cost() const noexcept { return control_; }
  /// Entries that wait, a begun one included.
  std::size_t size() const noexcept { return entries_.size() - head_; }
  bool empty() const noexcept { return head_ == entries_.size(); }

 private:
  static constexpr std::size_t kEntryCost = 128;  // its batch's block and string, its place here

  struct Entry {
    SharedBatch batch;           // null: the place of `dropped` events
    const Flow* flow = nullptr;  // null: control
    std::uint32_t first = 0;     // the frame that it begins with, older ones were dropped
    std::uint64_t dropped = 0;
    std::size_t size() const { return batch ? batch->bytes.size() - batch->begin_of(first) : 0; }
  };

  bool begun() const noexcept { return offset_ > 0; }
  std::size_t first_waiting() const noexcept { return head_ + (begun() ? 1 : 0); }
  void add(Entry entry);
  void take_out(std::size_t index);
  void keep_newest(const Flow& flow);
  void compact();
  std::uint64_t shed_entry(Entry& entry, std::size_t excess);
  void materialise(Entry& entry);
  void drop(std::size_t written);

  std::vector<Entry> entries_;
  std::size_t head_ = 0;    // entries before it are gone
  std::size_t offset_ = 0;  // bytes of the first one that are gone
  std::size_t bytes_ = 0;
  std::size_t control_ = 0;
};

}  // namespace pillard::transport
