// Throws in a timer what is no exception.
#include "rogue.h"

namespace {
class Thrower final : public pillard::Source {
 public:
  Thrower(pillard::Context& context, const rogue::NoParams&) {
    timer_ = context.after(pillard::Milliseconds{1}, [] { throw 5; });
  }

 private:
  pillard::Handle timer_;
};
}  // namespace

ROGUE(Thrower, "throws-in-timer")
