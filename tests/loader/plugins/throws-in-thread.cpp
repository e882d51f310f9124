// Lets an exception leave a thread of its own, with the Source's code waiting for that thread.
#include <thread>

#include "rogue.h"

namespace {
class Thrower final : public pillard::Source {
 public:
  Thrower(pillard::Context&, const rogue::NoParams&) {
    std::thread([] { throw std::runtime_error("the queue is empty"); }).join();
  }
};
}  // namespace

ROGUE(Thrower, "throws-in-thread")
