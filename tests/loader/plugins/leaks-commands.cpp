// Starts commands without end, and catches what stops it: it goes on with what it has.
#include <vector>

#include "rogue.h"

namespace {
class Leaker final : public pillard::Source {
 public:
  Leaker(pillard::Context& context, const rogue::NoParams&) {
    try {
      for (;;) runs_.push_back(context.node().exec({.argv = {"sleep", "1"}}, [](const pillard::Exit&) {}));
    } catch (const pillard::Error& error) {
      context.publish(std::string(error.what()) + " " + std::to_string(runs_.size()));
    }
  }

 private:
  std::vector<pillard::Handle> runs_;
};
}  // namespace

ROGUE(Leaker, "leaks-commands")
