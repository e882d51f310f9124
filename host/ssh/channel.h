#pragma once
// One session channel of a connection and the command that runs in it.
#include <libssh2.h>

#include <memory>
#include <span>

#include "reactor/reactor.h"
#include "ssh/run.h"

namespace pillard::ssh {

/// The handle belongs to its libssh2 session, which frees what is left with itself.
class Channel {
 public:
  using Time = reactor::Clock::time_point;

  /// `run` may be null: a channel that was opened for its own sake and is closed at once.
  Channel(LIBSSH2_SESSION* session, LIBSSH2_CHANNEL* handle, std::shared_ptr<Run> run, Time now);

  enum class State { kOpen, kClosed, kBroken };
  struct Turn {
    std::span<char> buffer;
    Time now;
    Time until;  // then what is left is for another turn
    bool over() const noexcept { return reactor::Clock::now() >= until; }
  };
  /// Does all that can be done with what has arrived, while the turn lasts but at least a part. Runs callbacks.
  /// kClosed: both sides have closed it.
  State advance(const Turn& turn);

  /// Its command has not started: it is asked for, or waits for its turn to be.
  bool starting() const noexcept { return phase_ == Phase::kStarting; }
  /// From now on the node owes an answer, to the request that starts the command.
  void ask(Time now) noexcept { since_ = now; }
  /// It was told to close the channel.
  bool closing() const noexcept { return phase_ == Phase::kClosing; }
  Time since() const noexcept { return since_; }
  /// The error that broke it, of libssh2.
  int error() const noexcept { return error_; }

  Run* run() const noexcept { return run_.get(); }
  LIBSSH2_CHANNEL* handle() const noexcept { return handle_; }

 private:
  enum class Phase { kStarting, kRunning, kEnding, kClosing };
  bool start(Time now);
  bool read(const Turn& turn);
  bool read_stream(int stream, const Turn& turn);
  bool wait_for_end(Time now);
  bool fail(int error);
  void enter(Phase phase, Time now);

  LIBSSH2_SESSION* session_;
  LIBSSH2_CHANNEL* handle_;
  std::shared_ptr<Run> run_;
  Phase phase_;
  Time since_;
  int error_ = 0;
};

}  // namespace pillard::ssh
