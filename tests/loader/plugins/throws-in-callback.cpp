// Throws when a task that it posted home runs.
#include "rogue.h"

namespace {
class Thrower final : public pillard::Source {
 public:
  Thrower(pillard::Context& context, const rogue::NoParams&) {
    context.lane().post([] { throw std::out_of_range("vector::_M_range_check"); });
  }
};
}  // namespace

ROGUE(Thrower, "throws-in-callback")
