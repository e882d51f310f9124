// Fails, fails again in other words, goes on publishing, and throws.
#include "rogue.h"

namespace {
class Failure final : public pillard::Source {
 public:
  Failure(pillard::Context& context, const rogue::NoParams&) {
    context.fail(pillard::Error(pillard::Code::kNotFound, "the first"));
    context.fail(pillard::Error(pillard::Code::kInternal, "the second"));
    context.publish("after the end");
    throw std::runtime_error("the third");
  }
};
}  // namespace

ROGUE(Failure, "fails-twice")
