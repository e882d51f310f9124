// Cancels the timer whose callback runs, re-arms it from itself for at once, and posts to itself without end.
#include "rogue.h"

namespace {
class Loop final : public pillard::Source {
 public:
  Loop(pillard::Context& context, const rogue::NoParams&) : context_(context) { again(); }

 private:
  void again() {
    timer_ = context_.after(pillard::Milliseconds{0}, [this] {
      timer_.cancel();
      context_.lane().post([this] { context_.publish(++rounds_); });
      again();
    });
  }
  pillard::Context& context_;
  pillard::Handle timer_;
  int rounds_ = 0;
};
}  // namespace

ROGUE(Loop, "re-enters")
