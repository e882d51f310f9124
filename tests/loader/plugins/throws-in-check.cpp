// Its params throw when they check themselves.
#include "rogue.h"

namespace {
struct Params {
  void check() const { throw std::logic_error("a check that breaks"); }
  PILLARD_FIELDS(Params)
};
class Nothing final : public pillard::Source {
 public:
  Nothing(pillard::Context&, const Params&) {}
};
}  // namespace

ROGUE_WITH(Nothing, Params, "throws-in-check")
