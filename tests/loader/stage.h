#pragma once
// One Source of a loaded plugin on a real loop, over a node that is never reached: its commands wait for ever.
#include <condition_variable>
#include <future>
#include <mutex>

#include "fanout/on_footing.h"
#include "loader_fixture.h"
#include "ssh/pool.h"

namespace pillard::loader {

using namespace std::chrono_literals;

/// What a lane needs around it.
struct Node {
  Node()
      : resolver(workers, std::move(ssh::Egress::parse({.allow = {}, .deny = {}})).value()),
        pool(reactors, workers, resolver, host_keys, {}) {}
  ssh::Lane& lane() {
    return pool.lane({.host = "127.0.0.1", .port = 22, .username = "eth", .password = session::Secret("pw")});
  }
  reactor::Reactors reactors{1};
  ssh::HostKeys host_keys{{.file = "", .mode = ssh::HostKeyMode::kOff, .warn = {}}};
  reactor::Workers workers{{.name = "test", .threads = 1}};
  ssh::Resolver resolver;
  ssh::Pool pool;
};

/// Serves a Source as a topic does.
class Stage final : private fanout::OnFooting<Context> {
 public:
  Stage(reactor::Reactor& reactor, ssh::Lane& lane, const StreamEntry& entry) {
    stand_up(
        reactor, lane, entry.plugin(),
        [this](const Error& e) {
          note(e.what());
          end();
        },
        [&] {
          const auto type = entry.working();
          return type->start(*this, type->decode({}));
        });
  }
  ~Stage() override { end(); }

  void end() { take_down(); }

  /// Events and problems, as soon as there are `count`; fewer after the deadline. [any]
  std::vector<std::string> wait(std::size_t count, std::chrono::milliseconds limit = 10s) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return seen_.size() >= count; });
    return seen_;
  }

 private:
  void notice(const Error& error) override { note(error.what()); }
  const std::string& resume_from() const override { return resume_; }
  void publish_json(std::string json, std::string_view) override {
    if (footing_->may_say(json)) note(std::move(json));
  }
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(what));
    changed_.notify_all();
  }

  const std::string resume_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
};

/// A rogue, loaded, on a loop that runs.
class RogueTest : public LoaderTest {
 protected:
  ~RogueTest() override { stop(); }

  /// Loads `name` and starts its Source.
  void start(const std::string& name) {
    place(name);
    services.held = [this](std::string_view plugin, std::chrono::nanoseconds took) {
      held.push_back(std::string(plugin) + (took >= services.slow ? " too long" : " in time"));
    };
    plugins = load({name});
    ASSERT_TRUE(plugins->ok()) << lines->text;
    node.reactors.start();
    on_lane([&] { stage = std::make_unique<Stage>(reactor(), node.lane(), *plugins->registry().streams().at(0)); });
  }
  /// Runs `fn` on the loop and waits for it.
  void on_lane(Function<void()> fn) {
    std::promise<void> done;
    reactor().post([&] {
      fn();
      done.set_value();
    });
    ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready) << "the loop hangs";
  }
  void end_source() {
    on_lane([&] { stage->end(); });
  }
  /// Everything goes; what was logged may then be read.
  void stop() {
    if (stage) on_lane([&] { stage.reset(); });
    node.reactors.stop();
    node.reactors.drain();
    plugins.reset();
  }
  reactor::Reactor& reactor() { return node.reactors[0]; }

  Node node;
  std::unique_ptr<Plugins> plugins;
  std::unique_ptr<Stage> stage;
};

}  // namespace pillard::loader
