// No rogue: has a thread of its own, and posts home from it, even after its Source has gone.
#include <chrono>
#include <thread>

#include "rogue.h"

namespace {
class Worker final : public pillard::Source {
 public:
  Worker(pillard::Context& context, const rogue::NoParams&) : context_(context) {
    thread() = std::jthread([lane = context.lane(), this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        lane.post([this] { context_.publish(++said_); });  // never runs once this object is gone
        std::this_thread::yield();
      }
    });
  }
  /// Outlives every Source; ends with the process or when the next Source begins.
  static std::jthread& thread() {
    static std::jthread one;
    return one;
  }

 private:
  pillard::Context& context_;
  int said_ = 0;
};

class Plugin final : public pillard::Plugin {
 public:
  ~Plugin() override { Worker::thread() = {}; }
  void setup(pillard::Registrar& registrar, const pillard::Config&) override {
    registrar.stream<rogue::NoParams, Worker>({.subscribe = "subscribe_posts_home",
                                               .unsubscribe = "unsubscribe_posts_home",
                                               .event = "posts_home",
                                               .gap = {},
                                               .linger = pillard::Milliseconds{0}});
  }
};
}  // namespace

PILLARD_PLUGIN(Plugin, "posts-home", "1")
