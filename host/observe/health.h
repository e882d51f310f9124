#pragma once
// Whether the process lives (/healthz) and whether it should get traffic (/readyz).
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/function.h"

namespace pillard::observe {

/// What one check found. `detail` is shown to anybody who asks: never a path, an address or a secret.
struct Check {
  bool ok = true;
  std::string detail{};
};

enum class Bearing {
  kReady,  // counts for /readyz
  kAlive,  // counts for /healthz and /readyz: only what a restart would mend
};

struct HealthReport {
  bool ok = true;
  int status = 200;  // HTTP: 200 or 503
  std::string json;  // {"status":"ok"|"failing","checks":{"<name>":{"ok":true,"detail":"..."}}}
};

/// Named checks. A process without any is alive and ready.
class Health {
 public:
  /// [any] `probe` runs on whatever thread asks, one at a time, and must not wait. One that throws counts as failing.
  /// A second check of the same name takes the place of the first.
  void add(std::string name, Bearing bearing, Function<Check()> probe);
  /// [any] Once this returns the probe is not run any more.
  void remove(std::string_view name);
  /// [any] From now on not ready, so that a load balancer turns elsewhere; alive all the same.
  void drain() noexcept { draining_.store(true, std::memory_order_relaxed); }

  /// [any]
  HealthReport alive() const;
  HealthReport ready() const;

 private:
  struct Entry {
    std::string name;
    Bearing bearing;
    mutable Function<Check()> probe;
  };
  HealthReport report(bool only_alive) const;

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
  std::atomic<bool> draining_{false};
};

}  // namespace pillard::observe
