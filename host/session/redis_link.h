#pragma once
// The daemon's line to Redis: a thread that sends what waits, all together, and comes back by itself.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "observe/log.h"
#include "observe/metrics.h"
#include "pillard/function.h"
#include "session/redis_connection.h"
#include "session/result.h"

namespace pillard::session {

/// What belongs together: a reply to each command, or one error for all of them.
struct RedisJob {
  std::vector<RedisCommand> commands;  // wiped after use: they may hold records
  Function<void(Result<RedisReplies>)> done;
};

class RedisLink {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    config::RedisUrl server;
    RedisConnection::Options connection{};
    std::chrono::milliseconds beat{400};             // between calls of `beat`, while Redis is there
    std::chrono::milliseconds retry_least{100};      // until the second attempt to come back; doubled each time ...
    std::chrono::milliseconds retry_most{5000};      // ... up to this; the actual wait is between a half and all of it
    std::chrono::milliseconds retry_refused{30000};  // when user, password or database were refused
    std::size_t max_waiting = 20'000;                // jobs; one more is refused: kOverloaded
    std::size_t round_commands = 256;                // sent at once, unless a single job has more
    std::size_t round_bytes = 32 * 1024;             // the same
  };

  /// `beat` runs on the link's thread, each time that Redis has come (back) and every Options::beat from then on, and a
  /// last time when it is to stop while Redis is there. Its jobs take turns with all others: they go first in one round
  /// and last in the next. With or without any, Redis is asked for a sign of life. `away` runs there after each attempt
  /// to come back that failed.
  RedisLink(
      Options options, observe::Log& log, observe::Metrics& metrics, Function<std::vector<RedisJob>()> beat,
      Function<void()> away = [] {});
  RedisLink(const RedisLink&) = delete;
  ~RedisLink() { stop(); }

  /// Before the first start() jobs wait. [main]
  void start();
  /// Ends the thread. What waits is carried out if Redis is there, for up to the time of a reply; then all jobs have
  /// been answered, and later ones are refused. [main]
  void stop();

  /// [any] Asks Redis. `done` is called once: on the link's thread, or from inside when the answer is known already.
  /// The error is kDisconnected while Redis is away (the job may have been carried out all the same, if it was lost in
  /// between), kOverloaded when too many wait.
  void ask(RedisJob job);

  /// [any] Whether Redis answered last. False until it did so for the first time.
  bool up() const noexcept { return state_.load(std::memory_order_relaxed) == State::kUp; }

 private:
  enum class State { kStarting, kUp, kAway, kStopped };
  using Round = std::vector<RedisJob>;

  void run();
  bool come_back();
  Round next_round();
  void last_rounds();
  void add_to(Round& round, std::deque<RedisJob>& jobs);
  void serve(Round round);
  std::optional<RedisTrouble> exchange(const Round& round, RedisReplies& replies);
  void answer(Round& round, RedisReplies& replies);
  void arrived();
  void lost(RedisTrouble trouble, Round& round);
  Clock::duration pause(RedisTrouble trouble);

  const Options options_;
  observe::Log& log_;
  observe::Counter& failures_;
  observe::Counter& reconnects_;
  observe::Gauge& up_;
  observe::Gauge& peak_;
  observe::Histogram& latency_;
  Function<std::vector<RedisJob>()> beat_;
  Function<void()> away_;

  std::atomic<State> state_{State::kStarting};  // changed under mutex_
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RedisJob> waiting_;   // guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
  std::int64_t most_waiting_ = 0;  // guarded by mutex_

  // Touched only by the thread:
  RedisConnection connection_;
  std::deque<RedisJob> urgent_;  // of the beat
  bool urgent_first_ = true;     // in the next round
  Clock::time_point next_beat_{};
  Clock::time_point next_attempt_{};
  Clock::time_point away_since_{};
  Clock::time_point renewed_{};
  std::optional<RedisTrouble> last_trouble_;
  unsigned attempts_ = 0;  // since it was lost
  std::minstd_rand jitter_{std::random_device{}()};
  observe::Throttle throttle_{std::chrono::seconds(60)};

  std::thread thread_;
};

}  // namespace pillard::session
