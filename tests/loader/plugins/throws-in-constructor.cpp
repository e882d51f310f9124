// Cannot even be made, and throws what is no std::exception.
#include "pillard/pillard.h"

namespace {
class Plugin final : public pillard::Plugin {
 public:
  Plugin() { throw 42; }
  void setup(pillard::Registrar&, const pillard::Config&) override {}
};
}  // namespace

PILLARD_PLUGIN(Plugin, "throws-in-constructor", "1")
