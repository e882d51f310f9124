#pragma once
// One event loop a core: epoll, an eventfd to wake it, a timer heap. These threads do all I/O and never block.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pillard/function.h"
#include "reactor/load.h"

namespace pillard::reactor {

using Clock = std::chrono::steady_clock;
using Task = Function<void()>;

class Reactor;
struct TimerNode;

/// A pending call. Destroyed or reset, its callback never runs. Belongs to the lane that made it.
class Timer {
 public:
  Timer() noexcept;
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  ~Timer();
  void reset() noexcept;
  /// True until the callback has begun or the timer was reset.
  bool pending() const noexcept;

 private:
  friend class Reactor;
  explicit Timer(std::unique_ptr<TimerNode> node) noexcept;
  std::unique_ptr<TimerNode> node_;
};

/// Told what epoll saw (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP bits). Level-triggered.
class Watcher {
 public:
  virtual void ready(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

/// Interest in one descriptor. Destroyed or reset, its watcher is not called again, not even for events that the
/// kernel has handed over already. Reset it before the descriptor is closed.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept { *this = std::move(other); }
  Watch& operator=(Watch&& other) noexcept;
  ~Watch() { reset(); }
  void reset() noexcept;
  /// [lane] Replaces the set of events; 0 keeps only errors and hang-ups. No system call if nothing changes.
  void want(std::uint32_t events);
  explicit operator bool() const noexcept { return reactor_ != nullptr; }

 private:
  friend class Reactor;
  Reactor* reactor_ = nullptr;
  std::uint32_t slot_ = 0;
};

/// One loop, one thread. Functions are [lane] (only from its own thread, or before start() and after join()) unless
/// tagged [any].
class Reactor {
 public:
  /// `name`: of the thread, 15 characters at most.
  explicit Reactor(unsigned index) : Reactor(index, "reactor-" + std::to_string(index)) {}
  Reactor(unsigned index, std::string name);
  Reactor(const Reactor&) = delete;
  ~Reactor();

  /// Starts the thread. stop() [any] lets the current turn end and run() return; tasks that were posted before are run.
  void start();
  void stop();
  void join();
  /// Runs what is posted, on the caller's thread: after join(), so that what others still owe this lane is carried out.
  void drain();

  /// In place of start(): one turn on the caller's thread, at a time of the caller's and without waiting for anything.
  /// What tests use that make their own time. `now` never goes back.
  void pump(Clock::time_point now);

  /// [any] Runs `task` on this loop, in the order of the calls of one thread. Tasks posted after the loop has ended are
  /// destroyed unrun by the destructor.
  void post(Task task);
  /// Runs `task` at the end of this turn, before the loop sleeps again: the place for one flush of what a turn queued.
  void at_turn_end(Task task);
  /// Runs `task` at `when`, never early, at most a millisecond late on an idle loop.
  Timer at(Clock::time_point when, Task task);
  Timer after(std::chrono::milliseconds delay, Task task) { return at(now() + delay, std::move(task)); }
  /// Watches `fd` for `events`. `watcher` must outlive the Watch.
  Watch watch(int fd, std::uint32_t events, Watcher& watcher);

  /// The time at which this turn began. Cheap, and equal within a turn.
  Clock::time_point now() const noexcept { return now_; }
  /// [any] Whether the caller is this loop's thread.
  bool on_lane() const noexcept { return std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed); }
  /// [any] The same, or that there is no such thread: before start(), after join().
  bool at_home() const noexcept;
  unsigned index() const noexcept { return index_; }
  const std::string& name() const noexcept { return name_; }
  /// [any] When the current turn began, in steady-clock nanoseconds, or 0 while the loop sleeps: for a watchdog.
  std::int64_t busy_since() const noexcept { return busy_since_.load(std::memory_order_relaxed); }
  /// [any] Costs the loop nothing but the readings of the clock that it takes anyway.
  Load load() const;

 private:
  friend class Watch;
  friend class Timer;
  struct Tallies {
    Tally turns;
    Tally busy;
    Tally longest;
    std::array<Tally, kTurnBounds.size() + 1> turn_counts;
    Tally timers;
    Tally fired;
    Tally late;
    Tally latest;
  };
  struct Slot {
    Watcher* watcher = nullptr;
    int fd = -1;
    std::uint32_t events = 0;
    std::uint32_t generation = 0;
  };
  void run();
  void turn(int timeout_ms, std::optional<Clock::time_point> now = {});
  void turn_ended();
  void run_posted();
  void run_timers();
  int timeout() const;
  void cancel(TimerNode& node) noexcept;
  void sift(std::size_t at) noexcept;
  void forget(std::uint32_t slot) noexcept;

  const unsigned index_;
  const std::string name_;
  int epoll_ = -1;
  int wake_ = -1;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_{};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> busy_since_{0};
  Clock::time_point now_ = Clock::now();
  Clock::time_point turn_end_ = now_;
  Tallies tallies_;

  mutable std::mutex posted_mutex_;
  std::vector<Task> posted_;  // guarded by posted_mutex_
  Tally tasks_;               // guarded by posted_mutex_
  Tally most_tasks_;          // guarded by posted_mutex_
  std::vector<Task> running_;
  std::vector<Task> turn_ends_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<TimerNode*> heap_;  // by deadline, then by age; each node knows its place
  std::uint64_t timers_made_ = 0;
};

/// All loops of the process. Constructed stopped; the destructor stops and joins.
class Reactors {
 public:
  explicit Reactors(unsigned count);
  ~Reactors();
  void start();
  void stop();
  /// After stop(): drains all, until none has anything left.
  void drain();
  std::size_t size() const noexcept { return reactors_.size(); }
  Reactor& operator[](std::size_t index) noexcept { return *reactors_[index]; }

 private:
  std::vector<std::unique_ptr<Reactor>> reactors_;
};

}  // namespace pillard::reactor
