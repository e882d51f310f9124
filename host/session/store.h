#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "pillard/function.h"
#include "reactor/reactor.h"
#include "session/result.h"
#include "session/session.h"

namespace pillard::session {

/// Being told of one session's end. Destroyed or reset, its callback does not run any more. Belongs to the lane of its
/// `home` reactor.
class EndWatch {
 public:
  class State {
   public:
    virtual ~State() = default;
  };
  EndWatch() = default;
  explicit EndWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
  void reset() noexcept { state_.reset(); }

 private:
  std::unique_ptr<State> state_;
};

/// Where sessions live. All functions are [any]. Each answer is one call of `done` on the `home` reactor, never from
/// inside the function that asked; whether the one who asked is still there is for `done` to find out. A store that is
/// away answers kDisconnected, one that is full or busy kOverloaded. `home` outlives the answer.
class Store {
 public:
  using Found = Function<void(Result<SessionPtr>)>;

  virtual ~Store() = default;

  /// Whether create() would keep such a credential: some go only where nobody else can read them (needs_sealing()).
  virtual bool can_keep(const Credential& /*credential*/) const { return true; }

  /// Keeps a login under a fresh token for the store's time to live. kUnsupported for one that it can't keep.
  virtual void create(reactor::Reactor& home, Credential credential, Found done) = 0;

  /// The session, or nullptr when there is none under this token (any more). Does not renew it.
  virtual void find(reactor::Reactor& home, std::string token, Found done) = 0;

  /// Renews the time to live and sets last_accessed_ms to now. Nothing happens if there is no such session.
  virtual void touch(std::string_view token) = 0;

  /// Ends a session and answers which one it was, or nullptr if there was none. Its EndWatches are told.
  virtual void remove(reactor::Reactor& home, std::string token, Found done) = 0;

  /// Calls `ended` on `home`, once and never from inside, when the session of `token` is removed or has expired; soon,
  /// if it is gone already. Close its sockets then. Hold the result on the lane of `home`.
  [[nodiscard]] virtual EndWatch watch(reactor::Reactor& home, std::string token, Function<void()> ended) = 0;

  /// Ends what the store does on threads of its own: all who asked have been answered when this returns, and later ones
  /// are refused. [main], while all homes still stand
  virtual void stop() {}
};

}  // namespace pillard::session
