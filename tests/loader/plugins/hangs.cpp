// Never gives its lane back.
#include <atomic>

#include "rogue.h"

namespace {
std::atomic<bool> for_ever{true};

class Hanger final : public pillard::Source {
 public:
  Hanger(pillard::Context& context, const rogue::NoParams&) {
    context.publish("about to hang");
    timer_ = context.after(pillard::Milliseconds{100}, [] {
      while (for_ever) {
      }
    });
  }

 private:
  pillard::Handle timer_;
};
}  // namespace

ROGUE(Hanger, "hangs")
