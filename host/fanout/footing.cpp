#include "fanout/footing.h"

#include <cassert>
#include <chrono>

namespace pillard::fanout {

/// A command on the node. The plugin holds it by its Handle; the state is shared with the callback that runs, so that a
/// callback may drop its own Handle.
class Footing::Running final : public Handle::Work {
 public:
  struct State {
    std::shared_ptr<Self> self;
    std::unique_ptr<ssh::Operation> operation;
    Function<void(std::string_view)> data;
    Function<void(Exit)> done;
    bool active = true;
  };
  explicit Running(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Running() override {
    state_->active = false;
    state_->operation.reset();
  }
  bool active() const noexcept override { return state_->active; }

  // The operation lives in the state: a weak way back, or the two would keep each other.
  static Function<void(std::string_view)> on_data(std::weak_ptr<State> weak) {
    return [weak = std::move(weak)](std::string_view piece) {
      const auto running = weak.lock();
      if (running && running->active && running->self->open)
        running->self->footing->enter([&] { running->data(piece); });
    };
  }
  static Function<void(Exit)> on_done(std::weak_ptr<State> weak) {
    return [weak = std::move(weak)](Exit exit) {
      const auto running = weak.lock();
      if (!running || !running->active || !running->self->open) return;
      running->active = false;
      running->self->footing->enter([&] { running->done(std::move(exit)); });
    };
  }

 private:
  std::shared_ptr<State> state_;
};

class Footing::Ticking final : public Handle::Work {
 public:
  reactor::Timer timer;
  bool active() const noexcept override { return timer.pending(); }
};

/// The weak way home for a plugin's own thread: it knows the reactor, not the Footing.
class Footing::Gate final : public Lane::Gate {
 public:
  Gate(reactor::Reactor& reactor, const std::shared_ptr<Self>& self) : reactor_(reactor), self_(self) {}
  void post(Function<void()> task) override {
    reactor_.post([self = self_, task = std::move(task)]() mutable {
      const auto alive = self.lock();
      if (alive && alive->open) alive->footing->enter([&] { task(); });
    });
  }

 private:
  reactor::Reactor& reactor_;
  std::weak_ptr<Self> self_;
};

Footing::Footing(reactor::Reactor& reactor, ssh::Lane& lane, loader::PluginRecord& plugin,
                 Function<void(const Error&)> failed)
    : reactor_(reactor),
      lane_(lane),
      plugin_(plugin),
      failed_(std::move(failed)),
      self_(std::make_shared<Self>(Self{.footing = this, .failure = std::nullopt})) {}

Footing::~Footing() { self_->open = false; }

Handle Footing::exec(Command command, Function<void(Exit)> done) {
  assert(reactor_.on_lane());
  auto state = std::make_shared<Running::State>();
  state->self = self_;
  state->done = std::move(done);
  state->operation = lane_.exec(command, Running::on_done(state));
  return Handle(std::make_unique<Running>(std::move(state)));
}

Handle Footing::bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) {
  assert(reactor_.on_lane());
  auto state = std::make_shared<Running::State>();
  state->self = self_;
  state->data = std::move(data);
  state->done = std::move(done);
  state->operation = lane_.stream(command, Running::on_data(state), Running::on_done(state));
  return Handle(std::make_unique<Running>(std::move(state)));
}

Handle Footing::after(Milliseconds delay, Function<void()> fn) {
  assert(reactor_.on_lane());
  auto ticking = std::make_unique<Ticking>();
  ticking->timer = reactor_.after(delay, [self = self_, fn = std::move(fn)]() mutable {
    if (!self->open) return;
    auto once = std::move(fn);  // it may drop its own Handle, and this closure with it
    self->footing->enter([&] { once(); });
  });
  return Handle(std::move(ticking));
}

Lane Footing::lane() { return Lane(std::make_shared<Gate>(reactor_, self_)); }

void Footing::fail(const Error& error) {
  assert(reactor_.on_lane());
  if (!self_->open || self_->failure) return;
  self_->failure = error;
  // From a callback, enter() settles it; from elsewhere (a destructor of a captured object) the next turn does.
  if (self_->depth == 0)
    reactor_.post([weak = std::weak_ptr(self_)] {
      if (const auto self = weak.lock(); self && self->open) {
        ++self->depth;
        leave(self, std::nullopt);
      }
    });
}

void Footing::leave(const std::shared_ptr<Self>& self, std::optional<Error> error) {
  --self->depth;
  if (error && !self->failure) self->failure = std::move(error);
  if (self->depth > 0 || !self->failure || !self->open) return;
  self->open = false;
  auto failed = std::move(self->footing->failed_);
  failed(*self->failure);
}

void Footing::count(std::string_view metric, std::int64_t by) { plugin_.count(metric, by); }
void Footing::log(Level level, std::string_view message) { plugin_.log(level, message); }
std::int64_t Footing::unix_ms() const {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace pillard::fanout
