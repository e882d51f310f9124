// Calls itself otherwise than its file.
#include "pillard/pillard.h"

namespace {
class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar&, const pillard::Config&) override {}
};
}  // namespace

PILLARD_PLUGIN(Plugin, "somebody-else", "1")
