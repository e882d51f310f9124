// A global of it throws when the library is mapped, before anybody could catch it.
#include "rogue.h"

namespace {
class Nothing final : public pillard::Source {
 public:
  Nothing(pillard::Context&, const rogue::NoParams&) {}
};
struct Global {
  Global() { throw std::runtime_error("no licence found"); }
};
const Global global;
}  // namespace

ROGUE(Nothing, "throws-while-mapped")
