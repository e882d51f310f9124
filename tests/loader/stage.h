#pragma once
// One Source of a loaded plugin on a real loop, over a node that is never reached: its commands wait for ever.
#include <condition_variable>
#include <future>
#include <mutex>

#include "fanout/footing.h"
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
class Stage final : private Context {
 public:
  Stage(reactor::Reactor& reactor, ssh::Lane& lane, const StreamEntry& entry)
      : plugin_(entry.plugin()),
        footing_(std::make_unique<fanout::Footing>(reactor, lane, plugin_, [this](const Error& e) {
          note(e.what());
          end();
        })) {
    footing_->enter([&] {
      const auto type = entry.working();
      auto source = type->start(*this, type->decode({}));
      source_ = std::move(source);
    });
  }
  ~Stage() override { end(); }

  void end() {
    if (!footing_) return;
    footing_->close();
    destroy(plugin_, source_);
    footing_.reset();
  }

  /// Events and problems, as soon as there are `count`; fewer after the deadline. [any]
  std::vector<std::string> wait(std::size_t count, std::chrono::milliseconds limit = 10s) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return seen_.size() >= count; });
    return seen_;
  }

 private:
  pillard::Node& node() override { return *footing_; }
  Handle after(Milliseconds delay, Function<void()> fn) override { return footing_->after(delay, std::move(fn)); }
  std::int64_t unix_ms() const override { return footing_->unix_ms(); }
  void count(std::string_view metric, std::int64_t by) override { footing_->count(metric, by); }
  void log(Level level, std::string_view message) override { footing_->log(level, message); }
  Lane lane() override { return footing_->lane(); }
  void fail(Error error) override { footing_->fail(error); }
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

  PluginRecord& plugin_;
  const std::string resume_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
  std::unique_ptr<fanout::Footing> footing_;
  std::unique_ptr<Source> source_;
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
