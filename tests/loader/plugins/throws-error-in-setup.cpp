// Refuses with the SDK's own Error.
#include "pillard/pillard.h"

namespace {
class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar&, const pillard::Config&) override {
    throw pillard::Error(pillard::Code::kUnsupported, "no disks here");
  }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "throws-error-in-setup", "1")
