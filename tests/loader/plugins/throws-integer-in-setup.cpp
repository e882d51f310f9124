// Refuses with what is no exception.
#include "pillard/pillard.h"

namespace {
class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar&, const pillard::Config&) override { throw 5; }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "throws-integer-in-setup", "1")
