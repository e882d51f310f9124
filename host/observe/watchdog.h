#pragma once
// Sees event loops that do not come back, and names who holds them.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "observe/health.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pillard/function.h"

namespace pillard::observe {

struct WatchdogOptions {
  std::chrono::milliseconds period{250};          // between looks: four wake-ups a second, and no cost to the loops
  std::chrono::milliseconds slow{20};             // held(): a call that took longer is logged
  std::chrono::milliseconds stuck_after{500};     // a turn that runs longer is logged while it runs
  std::chrono::milliseconds unready_after{2000};  // then alive() and ready() fail
  std::chrono::milliseconds fatal_after{30000};   // then `fatal` is called, once; 0: never. SIGALRM ends the process
                                                  // if that, or the log line before it, takes more than 5 s
};

/// Options that look often enough to keep these times.
WatchdogOptions watchdog_options(std::chrono::milliseconds slow, std::chrono::milliseconds unready,
                                 std::chrono::milliseconds fatal);

/// One event loop as the watchdog sees it. Both functions are called from its thread and must not wait.
struct WatchedLane {
  std::string name;                     // "reactor-0"
  Function<std::int64_t()> busy_since;  // steady-clock nanoseconds, 0 while asleep (Reactor::busy_since)
  Function<std::string()> who;          // the plugin that runs there now; empty if none or unknown
};

/// Two ways to notice. A call that is slow and returns is timed by the one who made it (loader/guard), to the
/// microsecond and for free, and told through held(). One that does not return is seen from outside by a thread of its
/// own, which needs no more precision than the quarter of a second it looks at.
///
/// Time in which this process did not run (stopped, starved, suspended) does not count: each look adds at most twice
/// the period to a turn's age.
class Watchdog {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  Watchdog(WatchdogOptions options, Log& log, Metrics& metrics, std::vector<WatchedLane> lanes,
           Function<void(const std::string& lane, const std::string& who)> fatal);
  Watchdog(const Watchdog&) = delete;
  ~Watchdog();  ///< stops

  void start();
  void stop();

  /// [any] `who` (a plugin's name) kept a lane for `duration`. Logged at most every 10 s for each name.
  void held(std::string_view who, Nanoseconds duration);

  /// [any] For Health, as kAlive: failing while a turn is older than `unready_after`.
  Check status() const;

  /// One look at the steady-clock time `now`. The thread calls it; tests do without the thread.
  void look(std::int64_t now_ns);

 private:
  struct Watched {
    WatchedLane lane;
    Counter* stuck_turns;
    std::int64_t turn = 0;  // busy_since at the last look
    Nanoseconds age{0};     // how long that turn has run, of the time this process ran
    bool told = false;
  };
  void look_at(Watched& watched, std::int64_t now_ns, Nanoseconds step);
  void run();

  const WatchdogOptions options_;
  Log& log_;
  Function<void(const std::string&, const std::string&)> fatal_;
  Throttle throttle_;
  std::vector<Watched> lanes_;  // the watchdog's thread only
  std::int64_t last_look_ = 0;
  bool fatal_called_ = false;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::string stuck_;      // guarded by mutex_: the name of a lane over unready_after
  std::thread thread_;
};

}  // namespace pillard::observe
