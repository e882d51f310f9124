#pragma once
// One plugin as the host sees it while it runs: its name, what it counts and says, the time it takes.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
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
};

/// Everything is [any]. Lives from load to the end of the daemon.
class PluginRecord {
 public:
  PluginRecord(std::string name, const Services& services);
  PluginRecord(const PluginRecord&) = delete;

  const std::string& name() const noexcept { return name_; }

  /// As Scope::count(): a name that is not [a-z_]{1,64}, one beyond 32 different ones, or a negative number is not
  /// counted, and the log says so (once a minute).
  void count(std::string_view metric, std::int64_t by);
  /// As Scope::log(), under the plugin's name.
  void log(Level level, std::string_view message);

  /// An exception that was not for clients left the plugin: what() goes to the log, the answer is for clients.
  Error broke(std::string_view what);

  /// Adds to the time spent in this plugin's code; calls Services::held for long ones.
  void spend(std::chrono::nanoseconds took);
  /// All time spent in its code so far, on all lanes together.
  std::chrono::nanoseconds spent() const noexcept {
    return std::chrono::nanoseconds(spent_.load(std::memory_order_relaxed));
  }

 private:
  observe::Counter* counter(std::string_view metric);

  static constexpr std::size_t kMaxMetrics = 32;
  const std::string name_;
  const Services services_;
  observe::Counter& failures_;
  observe::Throttle throttle_{std::chrono::minutes{1}};
  std::mutex mutex_;
  std::map<std::string, observe::Counter*, std::less<>> counters_;  // guarded by mutex_
  alignas(64) std::atomic<std::int64_t> spent_{0};
};

}  // namespace pillard::loader
