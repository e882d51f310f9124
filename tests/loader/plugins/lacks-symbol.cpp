// Needs a function that nobody has.
#include "pillard/pillard.h"

extern "C" void nobody_has_this();

namespace {
class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar&, const pillard::Config&) override { nobody_has_this(); }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "lacks-symbol", "1")
