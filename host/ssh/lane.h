#pragma once
// One node with one user's credential: as many connections as its commands need, kept up while anybody uses it.
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pillard/node.h"
#include "pillard/problem.h"
#include "ssh/connection.h"
#include "ssh/login.h"
#include "ssh/run.h"

namespace pillard::ssh {

/// Where a lane lives: what it shares with the others of its reactor.
class LaneHome {
 public:
  virtual LoginMeans& means() = 0;
  /// Why this lane's credential must not be tried again, or null.
  virtual const Error* refusal(const std::string& key) = 0;
  virtual void remember(const std::string& key, const Error& error) = 0;
  /// Nobody has used it for a while; its connections are closed. It may be destroyed.
  virtual void expired(const std::string& key) = 0;

 protected:
  ~LaneHome() = default;
};

/// Everything is [lane]: only on its reactor. Made by Pool.
class Lane final : public std::enable_shared_from_this<Lane>, private Connection::Owner {
 public:
  /// Told of the lane's state, never from inside use().
  class User {
   public:
    /// Commands can be started.
    virtual void lane_up() = 0;
    /// Commands that ran have ended without a word; none can be started until lane_up(). If the error is passing() the
    /// lane tries again by itself, and tells what comes of that only when it is of another kind: one outage, one word.
    virtual void lane_down(const Error& error) = 0;

   protected:
    ~User() = default;
  };

  /// Keeps the lane up. Destroyed or reset, its user is told nothing more. May outlive the lane.
  class Use {
   public:
    Use() = default;
    Use(Use&& other) noexcept : lane_(std::move(other.lane_)), id_(other.id_) {}
    Use& operator=(Use&& other) noexcept;
    ~Use() { reset(); }
    void reset() noexcept;

   private:
    friend class Lane;
    Use(std::weak_ptr<Lane> lane, std::uint64_t id) : lane_(std::move(lane)), id_(id) {}
    std::weak_ptr<Lane> lane_;
    std::uint64_t id_ = 0;
  };

  Lane(LaneHome& home, std::string key, session::Credential credential);
  Lane(const Lane&) = delete;
  ~Lane();

  /// The first use logs in; any number of uses cause one login. `user` must outlive the Use.
  [[nodiscard]] Use use(User& user);
  bool up() const noexcept { return state_ == State::kUp; }
  /// "host:port", for people and logs.
  const std::string& node() const noexcept { return node_; }

  /// Runs `command` to its end. `done` is called once, with what it printed up to max_output; when its timeout has
  /// passed, counted from now, it is ended and `done` says so.
  /// Callbacks never run from inside these calls, nor when the lane is down: what is started then does nothing, and
  /// active() is false. Commands beyond what the node allows at once wait in order, those of streams for longer where
  /// they would leave no channel to others.
  /// Throws Error: kBadRequest as shell_line() does; kOverloaded when options.commands_waiting wait.
  [[nodiscard]] std::unique_ptr<Operation> exec(const Command& command, Function<void(Exit)> done);
  /// The same for one without an end: hands over standard output as it comes. There is no timeout. Exit::err has the
  /// first max_output / 10 bytes of standard error. Throws kOverloaded, too, when so many run that only
  /// options.channels_for_exec are left: what waits for one of them to end could wait for ever.
  [[nodiscard]] std::unique_ptr<Operation> stream(const Command& command, Function<void(std::string_view)> data,
                                                  Function<void(Exit)> done);

  /// Takes over a login that was made elsewhere, if the lane has no connection of its own.
  void adopt(std::unique_ptr<Transport> transport);
  /// Closes what it has, and expires, now or with the last use that there is; it may be destroyed. A use that is made
  /// later undoes that.
  void release();

 private:
  enum class State { kIdle, kLoggingIn, kUp, kWaiting, kRefused };
  struct Entry {
    User* user;
    std::uint64_t told = 0;  // the epoch
  };
  void room(Connection& connection) override;
  void turned_away(std::deque<std::shared_ptr<Run>> runs) override;
  void idle(Connection& connection, bool worn_out) override;
  void lost(Connection& connection, const Error& error) override;

  void leave(std::uint64_t id) noexcept;
  void log_in();
  void be_refused();
  void logged_in(Result<std::unique_ptr<Transport>> result);
  void come_up();
  void go_down(const Error& error);
  bool is_news(const Error& error, bool was_up);
  void retry_later();
  void log_down(const Error& error, bool was_up);
  void connect(std::unique_ptr<Transport> transport);
  void assign();
  void expand();
  void tell();
  void tell_later();
  void arm_linger();
  void expire();
  std::size_t channels(bool with_further) const;
  std::size_t for_streams(std::size_t all) const;
  std::size_t stream_limit() const;
  std::size_t stream_places(std::size_t waiting);
  std::size_t count_streams();
  void refuse_excess();
  Error too_many_streams() const;
  std::shared_ptr<Run> enqueue(const Command& command, Run::Sink sink);

  LaneHome& home_;
  LoginMeans& means_;
  const std::string key_;
  const std::shared_ptr<const session::Credential> credential_;
  const std::string node_;
  State state_ = State::kIdle;
  std::optional<Error> error_;  // why it is down
  unsigned told_codes_ = 0;     // a bit for each code, of this outage
  std::uint64_t epoch_ = 1;     // of the state that users are told
  std::uint64_t uses_made_ = 0;
  std::map<std::uint64_t, Entry> users_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::deque<std::shared_ptr<Run>> queue_;
  std::vector<std::weak_ptr<Run>> streams_;  // that run or wait, and some that are over
  std::unique_ptr<Login> login_;
  reactor::Clock::time_point up_since_{};
  reactor::Clock::time_point more_connections_after_{};
  unsigned attempts_ = 0;
  std::minstd_rand random_;
  reactor::Timer retry_;
  reactor::Timer linger_;
  reactor::Timer assign_;
  reactor::Timer crowded_;
  bool telling_later_ = false;
  bool released_ = false;  // its last use ends it at once
};

}  // namespace pillard::ssh
