// Registers a call under a name that no message type may have.
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
    registrar.call<Params, Nothing>({.name = "Ask-Me"});
  }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "bad-name", "1")
