// Arms 100,000 timers, and keeps the Handles of those that fired.
#include <vector>

#include "rogue.h"

namespace {
class Leaker final : public pillard::Source {
 public:
  Leaker(pillard::Context& context, const rogue::NoParams&) {
    for (int i = 0; i < 100'000; ++i) timers_.push_back(context.after(pillard::Milliseconds{i % 7}, [] {}));
  }

 private:
  std::vector<pillard::Handle> timers_;
};
}  // namespace

ROGUE(Leaker, "leaks-timers")
