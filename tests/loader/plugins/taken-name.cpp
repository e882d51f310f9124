// Registers a name of its own, then one that the plugin "good" has.
#include "pillard/pillard.h"

namespace {
struct Params {
  int unused = 0;
  PILLARD_FIELDS(Params, PILLARD_FIELD(unused))
};
class Nothing final : public pillard::Call {
 public:
  Nothing(pillard::CallContext&, const Params&) {}
};
class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config&) override {
    registrar.call<Params, Nothing>({.name = "own_name"});
    registrar.call<Params, Nothing>({.name = "subscribe_echo"});
  }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "taken-name", "1")
