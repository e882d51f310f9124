// Its Source throws in the constructor.
#include "rogue.h"

namespace {
class Thrower final : public pillard::Source {
 public:
  Thrower(pillard::Context&, const rogue::NoParams&) { throw std::runtime_error("/dev/secret: no such disk"); }
};
}  // namespace

ROGUE(Thrower, "throws-in-source")
