// Blocks its lane for 100 ms, again and again.
#include <chrono>
#include <thread>

#include "rogue.h"

namespace {
class Sleeper final : public pillard::Source {
 public:
  Sleeper(pillard::Context& context, const rogue::NoParams&) : context_(context) { sleep_later(); }

 private:
  void sleep_later() {
    timer_ = context_.after(pillard::Milliseconds{1}, [this] {
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
      context_.publish("slept");
      sleep_later();
    });
  }
  pillard::Context& context_;
  pillard::Handle timer_;
};
}  // namespace

ROGUE(Sleeper, "sleeps")
