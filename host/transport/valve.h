#pragma once
// Flow control of one subscription: events leave only as far as the client has given credit for them.
#include <cstdint>
#include <deque>

#include "fanout/subscriber.h"

namespace pillard::transport {

/// [lane] Frames leave whole and in order: one that carries more events than there is credit left still goes, and the
/// credit is below zero then. What there is no credit for is held: of a state the newest, of lines the newest that fit
/// into a bound; how many did not is told in their place. Of states that come at once the newest have the credit.
class Valve {
 public:
  /// Where events go that may leave.
  class Outlet {
   public:
    virtual void pass(fanout::SharedBatch batch) = 0;
    virtual void tell_gap(std::uint64_t dropped) = 0;

   protected:
    ~Outlet() = default;
  };

  Valve(Overflow overflow, std::int64_t credit) : overflow_(overflow), credit_(credit) {}

  /// `most`: as for hold().
  void offer(const fanout::SharedBatch& batch, std::size_t most, Outlet& outlet);
  /// Drops lines, the oldest first, until held_cost() is `most`; a state is held whatever its size.
  void hold(std::size_t most);
  /// So many events never got here.
  void gap(std::uint64_t dropped, Outlet& outlet);
  void grant(std::int64_t credit, Outlet& outlet);
  /// So many events that were passed never reached the client. Nothing is passed from inside; grant(0) does.
  void refund(std::uint64_t events);
  /// The stream is over: what is held leaves, whatever the credit.
  void open(Outlet& outlet);

  std::int64_t credit() const noexcept { return credit_; }
  /// Memory of what is held: each batch costs more than its bytes.
  std::size_t held_cost() const noexcept { return cost_; }

 private:
  static constexpr std::size_t kHeldCost = 128;  // its batch's block and string, its place here

  struct Held {
    fanout::SharedBatch batch;  // null: the place of `dropped` events
    std::size_t first = 0;      // its frames before this one are gone
    std::uint64_t dropped = 0;
  };
  void add(Held held);
  void drop_front();
  void release(Outlet& outlet, bool all = false);

  const Overflow overflow_;
  std::int64_t credit_;
  std::deque<Held> held_;
  std::size_t cost_ = 0;       // of all that is held
  std::uint64_t dropped_ = 0;  // before all that is held
};

}  // namespace pillard::transport
