#pragma once
// What a running Source or Call stands on: the node, timers, and the one way into its code and out of it.
#include <memory>
#include <optional>
#include <string>

#include "loader/guard.h"
#include "pillard/context.h"
#include "reactor/reactor.h"
#include "ssh/lane.h"

namespace pillard::fanout {

/// Serves one Source or Call on its lane. Everything of the plugin that runs, runs inside enter(). A failure (an
/// exception, fail()) is reported once, after the plugin's code has been left: only then may its object be destroyed.
class Footing final : public Node {
 public:
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

  reactor::Reactor& reactor() noexcept { return reactor_; }
  /// No callback of the plugin is called any more (its object is about to go).
  void close() noexcept { self_->open = false; }
  bool open() const noexcept { return self_->open; }

 private:
  /// Outlives the Footing for those who might call it: operations, timers, other threads.
  struct Self {
    Footing* footing;
    bool open = true;
    int depth = 0;
    std::optional<Error> failure;
  };
  class Gate;
  class Running;
  class Ticking;

  static void leave(const std::shared_ptr<Self>& self, std::optional<Error> error);

  reactor::Reactor& reactor_;
  ssh::Lane& lane_;
  loader::PluginRecord& plugin_;
  Function<void(const Error&)> failed_;
  std::shared_ptr<Self> self_;
};

}  // namespace pillard::fanout
