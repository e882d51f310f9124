// Its Source throws in the destructor.
#include "rogue.h"

namespace {
class Thrower final : public pillard::Source {
 public:
  Thrower(pillard::Context& context, const rogue::NoParams&) { context.publish("running"); }
  ~Thrower() override { throw std::runtime_error("cannot say goodbye"); }
};
}  // namespace

ROGUE(Thrower, "throws-in-destructor")
