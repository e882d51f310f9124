// The plugin itself throws in its destructor, and an Error at that.
#include "rogue.h"

namespace {
class Plugin final : public pillard::Plugin {
 public:
  ~Plugin() override { throw pillard::Error(pillard::Code::kConflict, "not without my Sources"); }
  void setup(pillard::Registrar&, const pillard::Config&) override {}
};
}  // namespace

PILLARD_PLUGIN(Plugin, "throws-at-its-end", "1")
