// Registers something, reads a part of its configuration, then throws.
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
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    registrar.call<Params, Nothing>({.name = "half_done"});
    config.integer("first", 1, 1, 9);
    throw std::runtime_error("the moon is not full");
  }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "throws-in-setup", "1")
