// Goes on working in its destructor.
#include "rogue.h"

namespace {
class Late final : public pillard::Source {
 public:
  Late(pillard::Context& context, const rogue::NoParams&) : context_(context) { context_.publish("begins"); }
  ~Late() override {
    context_.publish("too late");
    run_ = context_.node().exec({.argv = {"rm", "-rf", "/tmp/x"}}, [](const pillard::Exit&) {});
    timer_ = context_.after(pillard::Milliseconds{0}, [] {});
    context_.fail(pillard::Error(pillard::Code::kConflict, "too late"));
  }

 private:
  pillard::Context& context_;
  pillard::Handle run_;
  pillard::Handle timer_;
};
}  // namespace

ROGUE(Late, "busy-destructor")
