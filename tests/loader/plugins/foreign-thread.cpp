// Publishes, sets a timer and runs a command from a thread of its own instead of posting home.
#include <thread>

#include "rogue.h"

namespace {
class Stranger final : public pillard::Source {
 public:
  Stranger(pillard::Context& context, const rogue::NoParams&) {
    std::thread([&] {
      context.publish("from elsewhere");
      timer_ = context.after(pillard::Milliseconds{1}, [] {});
      run_ = context.node().exec({.argv = {"true"}}, [](const pillard::Exit&) {});
    }).join();
    context.publish(timer_.active() || run_.active() ? "works" : "has no effect");
  }

 private:
  pillard::Handle timer_;
  pillard::Handle run_;
};
}  // namespace

ROGUE(Stranger, "foreign-thread")
