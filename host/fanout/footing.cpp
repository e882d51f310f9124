#include "fanout/footing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>

#include "pillard/json.h"

namespace pillard::fanout {

namespace {
constexpr Milliseconds kLongest = std::chrono::hours(24 * 365);  // beyond, clocks would overflow
constexpr std::size_t kMostOutput = 64 * 1024 * 1024;

Command bounded(Command command) {
  command.timeout = std::clamp(command.timeout, Milliseconds(0), kLongest);
  command.max_output = std::min(command.max_output, kMostOutput);
  return command;
}
}  // namespace

/// What a plugin holds by a Handle. One that outlives its Footing holds nothing any more, and may go on any thread.
class Footing::Held : public Handle::Work {
 public:
  Held(std::shared_ptr<Self> self, std::size_t Self::*count) : self_(std::move(self)), count_(count) {
    next_ = std::exchange(self_->held, this);
    if (next_) next_->before_ = this;
    ++(self_.get()->*count_);
  }
  ~Held() override { unlink(); }
  /// The Source or Call is gone: so is what it started.
  void expire() noexcept {
    unlink();
    let_go();
  }

 protected:
  virtual void let_go() noexcept = 0;
  const std::shared_ptr<Self>& self() const noexcept { return self_; }

 private:
  void unlink() noexcept {
    if (!self_) return;
    --(self_.get()->*count_);
    (before_ ? before_->next_ : self_->held) = next_;
    if (next_) next_->before_ = before_;
    self_.reset();
  }

  std::shared_ptr<Self> self_;
  std::size_t Self::*count_;
  Held* before_ = nullptr;
  Held* next_ = nullptr;
};

/// A command on the node. The plugin holds it by its Handle; the state is shared with the callback that runs, so that a
/// callback may drop its own Handle.
class Footing::Running final : public Held {
 public:
  struct State {
    std::shared_ptr<Self> self;
    std::unique_ptr<ssh::Operation> operation;
    Function<void(std::string_view)> data;
    Function<void(Exit)> done;
    bool active = true;
  };
  explicit Running(std::shared_ptr<State> state) : Held(state->self, &Self::commands), state_(std::move(state)) {}
  ~Running() override { let_go(); }
  bool active() const noexcept override { return state_ && state_->active; }

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
  void let_go() noexcept override {
    if (!state_) return;
    state_->active = false;
    state_->operation.reset();
    state_.reset();
  }
  std::shared_ptr<State> state_;
};

class Footing::Ticking final : public Held {
 public:
  explicit Ticking(std::shared_ptr<Self> self) : Held(std::move(self), &Self::timers) {}
  reactor::Timer timer;
  bool active() const noexcept override { return timer.pending(); }

 private:
  void let_go() noexcept override { timer.reset(); }
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

Footing::~Footing() { let_go(); }

void Footing::let_go() noexcept {
  close();
  if (self_->held) plugin_.breach("it keeps Handles past the end of the stream or call that made them");
  while (self_->held) self_->held->expire();
}

bool Footing::at_work(std::string_view what) {
  assert(reactor_.at_home() && "a plugin calls its Context from another thread; Lane::post() is the way");
  if (!reactor_.at_home()) {
    plugin_.breach(fmt::format("it calls {} from another thread; Lane::post() is the way", what));
    return false;
  }
  return self_->open && !self_->failure;
}

void Footing::admit(std::size_t count, std::size_t most, std::string_view what) {
  if (count < most) return;
  plugin_.breach(fmt::format("a stream or call of it has more than {} {} at once", most, what));
  throw Error(Code::kOverloaded, fmt::format("The {} plugin has too many {} at once.", plugin_.name(), what));
}

bool Footing::may_say(std::string_view json) {
  if (!at_work("publish() or reply()")) return false;
  if (json.size() > kMostEventBytes)
    throw Error(
        plugin_.broke(fmt::format("published {} bytes at once; {} are the most", json.size(), kMostEventBytes)));
  if (!json::valid(json)) throw Error(plugin_.broke(fmt::format("published what is no JSON: {}", json.substr(0, 100))));
  return true;
}

Handle Footing::exec(Command command, Function<void(Exit)> done) {
  if (!at_work("exec()")) return {};
  admit(self_->commands, kMostCommands, "commands");
  auto state = std::make_shared<Running::State>();
  state->self = self_;
  state->done = std::move(done);
  state->operation = lane_.exec(bounded(std::move(command)), Running::on_done(state));
  return Handle(std::make_unique<Running>(std::move(state)));
}

Handle Footing::bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) {
  if (!at_work("bytes() or lines()")) return {};
  admit(self_->commands, kMostCommands, "commands");
  auto state = std::make_shared<Running::State>();
  state->self = self_;
  state->data = std::move(data);
  state->done = std::move(done);
  state->operation = lane_.stream(bounded(std::move(command)), Running::on_data(state), Running::on_done(state));
  return Handle(std::make_unique<Running>(std::move(state)));
}

Handle Footing::after(Milliseconds delay, Function<void()> fn) {
  if (!at_work("after()")) return {};
  admit(self_->timers, kMostTimers, "timers");
  auto ticking = std::make_unique<Ticking>(self_);
  ticking->timer =
      reactor_.after(std::clamp(delay, Milliseconds(0), kLongest), [self = self_, fn = std::move(fn)]() mutable {
        if (!self->open) return;
        auto once = std::move(fn);  // it may drop its own Handle, and this closure with it
        self->footing->enter([&] { once(); });
      });
  return Handle(std::move(ticking));
}

Lane Footing::lane() { return Lane(std::make_shared<Gate>(reactor_, self_)); }

void Footing::fail(const Error& error) {
  if (!at_work("fail()")) return;
  self_->failure = loader::presentable(error);
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
