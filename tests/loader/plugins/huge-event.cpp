// Publishes more at once than any client could take.
#include "rogue.h"

namespace {
class Babbler final : public pillard::Source {
 public:
  Babbler(pillard::Context& context, const rogue::NoParams&) { context.publish(std::string(9'000'000, 'x')); }
};
}  // namespace

ROGUE(Babbler, "huge-event")
