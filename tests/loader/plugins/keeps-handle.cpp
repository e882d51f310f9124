// Keeps a Handle in a global, past the end of its Source.
#include "rogue.h"

namespace {
pillard::Handle kept;

class Keeper final : public pillard::Source {
 public:
  Keeper(pillard::Context& context, const rogue::NoParams&) {
    kept = context.after(pillard::Milliseconds{60'000}, [this] { ++ticks_; });  // of an object that is gone by then
    context.publish("kept");
  }

 private:
  int ticks_ = 0;
};
}  // namespace

ROGUE(Keeper, "keeps-handle")
