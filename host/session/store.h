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

/// Being told of ends. Destroyed or reset, its callback never runs again. Belongs to the lane of its `home` reactor.
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

  /// Keeps a login under a fresh token for the store's time to live.
  virtual void create(reactor::Reactor& home, Credential credential, Found done) = 0;

  /// The session, or nullptr when there is none under this token (any more). Does not renew it.
  virtual void find(reactor::Reactor& home, std::string token, Found done) = 0;

  /// Renews the time to live and sets last_accessed_ms to now. Nothing happens if there is no such session.
  virtual void touch(std::string_view token) = 0;

  /// Ends a session: true if there was one. Its EndWatches are told.
  virtual void remove(reactor::Reactor& home, std::string token, Function<void(Result<bool>)> done) = 0;

  /// Calls `ended` on `home` with the token of each session that was removed or has expired, once each: close its
  /// sockets. Hold the result on the lane of `home`.
  [[nodiscard]] virtual EndWatch on_end(reactor::Reactor& home, Function<void(const std::string& token)> ended) = 0;
};

}  // namespace pillard::session
