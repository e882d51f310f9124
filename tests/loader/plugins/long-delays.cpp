// Asks for times that no clock has.
#include "rogue.h"

namespace {
class Dreamer final : public pillard::Source {
 public:
  Dreamer(pillard::Context& context, const rogue::NoParams&) {
    never_ = context.after(pillard::Milliseconds::max(), [] { throw 1; });
    run_ = context.node().exec({.argv = {"true"}, .timeout = pillard::Milliseconds::max(), .max_output = SIZE_MAX},
                               [](const pillard::Exit&) {});
    at_once_ = context.after(pillard::Milliseconds::min(), [&context] { context.publish("at once"); });
  }

 private:
  pillard::Handle never_;
  pillard::Handle run_;
  pillard::Handle at_once_;
};
}  // namespace

ROGUE(Dreamer, "long-delays")
