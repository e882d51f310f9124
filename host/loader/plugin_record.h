#pragma once
// One plugin as the host sees it while it runs: its name, what it counts and says, the time it takes.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "observe/log.h"
#include "observe/metrics.h"
#include "pillard/problem.h"

namespace pillard::loader {

/// What plugins are served with. `log` and `metrics` outlive every plugin.
struct Services {
  observe::Log& log;
  observe::Metrics& metrics;
  // [any] Told when one call into a plugin took `slow` or longer; for the watchdog.
  std::function<void(std::string_view plugin, std::chrono::nanoseconds took)> held = {};
  std::chrono::nanoseconds slow{std::chrono::milliseconds{20}};
  // [any] Told when exceptions left a plugin's code so often: a plugin that keeps failing. From inside the last
  // failure.
  std::function<void(const std::string& plugin, std::uint64_t run)> keeps_failing = {};  // PluginRecord::run()
  std::size_t max_failures = 0;                                                          // so many ...
  std::chrono::seconds failure_window{300};  // ... in this time; 0: no number is too many
};

/// [any] An Error whose message is at most 2,048 bytes long, so that what a plugin says fits into any answer.
Error presentable(const Error& error);

/// What goes on record of a call: the first five are the host's own knowledge, the rest is what the plugin says of it.
struct AuditLine {
  std::string_view user;
  std::string_view node;
  std::string_view session;  // as session::log_id()
  std::string_view client;   // its address
  std::string_view connection;
  std::string_view action;
  std::string_view object;
  std::string_view end;  // "replied", the code of a Problem, "left"
  std::string_view result;
};

/// Whether a failure counts towards a plugin's end.
enum class Counts {
  kYes,
  kNo,  // anybody could bring it about by a message
};

/// Everything is [any]. Lives from load to the end of the daemon.
class PluginRecord {
 public:
  PluginRecord(std::string name, const Services& services);
  PluginRecord(const PluginRecord&) = delete;

  const std::string& name() const noexcept { return name_; }
  observe::Metrics& metrics() const noexcept { return services_.metrics; }

  /// As Scope::count(): a name that is not [a-z_]{1,64}, one beyond 32 different ones, or a negative number is not
  /// counted, and the log says so (once a minute). Known names take no lock: a plugin may count each line.
  void count(std::string_view metric, std::int64_t by);
  /// As Scope::log(), under the plugin's name.
  void log(Level level, std::string_view message);

  /// One line, whatever level is set.
  void audit(const AuditLine& line);

  /// An exception that was not for clients left the plugin: what() goes to the log, the answer is for clients.
  Error broke(std::string_view what, Counts counts = Counts::kYes);

  /// It did what the contract forbids, and the host prevented the worst: counted, and logged once a minute each.
  void breach(std::string_view what);

  /// Counts a call into this plugin's code and its time; calls Services::held for long ones.
  void spend(std::chrono::nanoseconds took);
  /// All time spent in its code so far, on all lanes together.
  std::chrono::nanoseconds spent() const noexcept { return spent_.value(); }
  std::uint64_t calls() const noexcept { return calls_.value(); }
  std::uint64_t slow_calls() const noexcept { return slow_.value(); }
  std::uint64_t failures() const noexcept { return failures_.value(); }
  std::uint64_t breaches() const noexcept { return breaches_.value(); }
  /// what() of the last failure, shortened; empty if there was none.
  std::string last_failure() const;
  /// It starts anew: its former failures do not count against it.
  void forgive();
  /// Which time it runs: how often it was forgiven.
  std::uint64_t run() const;

 private:
  struct Slot {
    std::string name;
    observe::Counter* counter = nullptr;
  };
  observe::Counter* known(std::string_view metric) const noexcept;
  observe::Counter* counter(std::string_view metric);
  std::optional<std::uint64_t> failed_too_often(std::string_view what, Counts counts);

  static constexpr std::size_t kMaxMetrics = 32;
  const std::string name_;
  const Services services_;
  observe::Counter& failures_;
  observe::Counter& breaches_;
  observe::Counter& slow_;
  observe::Counter& calls_;
  observe::TimeCounter& spent_;
  observe::Throttle throttle_{std::chrono::minutes{1}};
  mutable std::mutex failing_;
  std::deque<std::chrono::steady_clock::time_point>
      failed_;                              // guarded by failing_: the last ones, max_failures at most
  std::uint64_t run_ = 0;                   // guarded by failing_
  std::string last_failure_;                // guarded by failing_
  std::mutex mutex_;                        // for making slots
  std::atomic<std::size_t> slots_made_{0};  // these are not changed any more
  std::array<Slot, kMaxMetrics> slots_;
};

}  // namespace pillard::loader
