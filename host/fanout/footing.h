#pragma once
// What a running Source or Call stands on: the node, timers, and the one way into its code and out of it.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "loader/guard.h"
#include "pillard/context.h"
#include "reactor/reactor.h"
#include "ssh/lane.h"

namespace pillard::fanout {

/// Serves one Source or Call on its lane. Everything of the plugin that runs, runs inside enter(). A failure (an
/// exception, fail()) is reported once, after the plugin's code has been left: only then may its object be destroyed.
///
/// It holds its plugin to the contract. What is started after fail(), from a destructor or (in release builds; the
/// others assert) from another thread has no effect. One that has too much under way at once is refused with
/// kOverloaded. When it ends, what its plugin still has Handles of ends with it. The log names each such breach.
class Footing final : public Node {
 public:
  // Handles of one Source or Call at once, those of ended work included.
  static constexpr std::size_t kMostTimers = 1000;
  static constexpr std::size_t kMostCommands = 100;
  static constexpr std::size_t kMostEventBytes = 8 * 1024 * 1024;  // as JSON

  /// `failed` is called from enter()'s end, outside of plugin code; it may destroy the Footing.
  Footing(reactor::Reactor& reactor, ssh::Lane& lane, loader::PluginRecord& plugin,
          Function<void(const Error&)> failed);
  ~Footing() override;

  /// Runs `fn`, which calls plugin code.
  template <class Fn>
  void enter(Fn&& fn) {
    const auto self = self_;  // the end of enter() may destroy this
    ++self->depth;
    auto error = loader::guard(plugin_, std::forward<Fn>(fn));
    leave(self, std::move(error));
  }

  Handle exec(Command command, Function<void(Exit)> done) override;
  Handle bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) override;
  Handle after(Milliseconds delay, Function<void()> fn);
  Lane lane();
  void fail(const Error& error);
  void count(std::string_view metric, std::int64_t by);
  void log(Level level, std::string_view message);
  std::int64_t unix_ms() const;

  /// Whether the plugin may do `what` now.
  bool at_work(std::string_view what);
  /// Whether an event or an answer may go out now. Throws kInternal, into the plugin's code, for what is no JSON or is
  /// too large: it would break the connection of everyone who gets it.
  bool may_say(std::string_view json);

  reactor::Reactor& reactor() noexcept { return reactor_; }
  loader::PluginRecord& plugin() noexcept { return plugin_; }
  /// No callback of the plugin is called any more (its object is about to go).
  void close() noexcept { self_->open = false; }
  /// Closes, and ends the work of Handles that outlive their owner. What their callbacks captured goes now: call it
  /// while the plugin's Context still stands.
  void let_go() noexcept;
  bool open() const noexcept { return self_->open; }

 private:
  class Held;
  /// Outlives the Footing for those who might call it: operations, timers, other threads.
  struct Self {
    Footing* footing;
    bool open = true;
    int depth = 0;
    std::optional<Error> failure;
    std::size_t timers = 0;
    std::size_t commands = 0;
    Held* held = nullptr;  // the first of all Handles that there are
  };
  class Gate;
  class Running;
  class Ticking;

  static void leave(const std::shared_ptr<Self>& self, std::optional<Error> error);
  void admit(std::size_t count, std::size_t most, std::string_view what);

  reactor::Reactor& reactor_;
  ssh::Lane& lane_;
  loader::PluginRecord& plugin_;
  Function<void(const Error&)> failed_;
  std::shared_ptr<Self> self_;
};

}  // namespace pillard::fanout
