#pragma once
// What happens how often, for Prometheus. No global state: the daemon makes one Metrics and hands it down; each stage
// keeps references to its own, taken once:
//
//     struct TransportMetrics {
//       Counter& accepted;
//       explicit TransportMetrics(Metrics& m) : accepted(m.counter("pillard_connections_total", "Accepted.")) {}
//     };
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pillard/function.h"

namespace pillard::observe {

/// Goes up only. [any], never waits.
class alignas(64) Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. [any], never waits.
class alignas(64) Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t by = 1) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  void sub(std::int64_t by = 1) noexcept { value_.fetch_sub(by, std::memory_order_relaxed); }
  /// Sets it if that is more: for high-water marks.
  void raise(std::int64_t value) noexcept {
    auto seen = value_.load(std::memory_order_relaxed);
    while (seen < value && !value_.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// A sum of durations, shown in seconds. [any], never waits.
class alignas(64) TimeCounter {
 public:
  void add(std::chrono::nanoseconds by) noexcept { ns_.fetch_add(by.count(), std::memory_order_relaxed); }
  std::chrono::nanoseconds value() const noexcept {
    return std::chrono::nanoseconds(ns_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<std::int64_t> ns_{0};
};

/// What was counted in each bucket (not cumulative; one more than there are bounds), and the sum.
struct HistogramReading {
  std::vector<std::uint64_t> counts;
  std::chrono::nanoseconds sum{0};
};

/// Durations, in buckets that are fixed when it is made. [any], never waits. A reading taken during observe() may see
/// the one part and not yet the other.
class alignas(64) Histogram {
 public:
  /// `bounds`: upper ends in seconds, rising; +Inf is added.
  explicit Histogram(std::vector<double> bounds);
  void observe(std::chrono::nanoseconds duration) noexcept;
  std::uint64_t count() const noexcept;
  HistogramReading read() const;
  const std::vector<double>& bounds() const noexcept { return bounds_; }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;  // one more than bounds_; not cumulative
  std::atomic<std::uint64_t> sum_ns_{0};
};

/// From a millisecond to half a minute: fits execs, logins and REST calls.
inline const std::vector<double>& latency_buckets() {
  static const std::vector<double> kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return kBounds;
}

using Labels = std::vector<std::pair<std::string, std::string>>;

/// The registry. What makes a metric takes a lock: call it when a stage or a plugin is set up, not for each event.
/// Asking again for the same name and labels gives the same object. References stay valid as long as the Metrics.
///
/// Names are [a-z][a-z0-9_]* and carry their unit, a base unit ("_bytes", "_seconds"); counters end in "_total",
/// histograms in "_seconds". A name has one kind, one help (a sentence) and one set of label names. What breaks this
/// throws std::logic_error.
/// A name has at most kMaxSeries series: labels beyond get the series whose label values are all "other".
class Metrics {
 public:
  static constexpr std::size_t kMaxSeries = 200;

  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  /// A counter of time: "_seconds_total".
  TimeCounter& time_counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {},
                       const std::vector<double>& bounds = latency_buckets());

  /// Takes a collected metric away again when it goes: from then on its function does not run.
  class Hook {
   public:
    Hook() = default;
    Hook(Hook&& other) noexcept : metrics_(std::exchange(other.metrics_, nullptr)), id_(other.id_) {}
    Hook& operator=(Hook&& other) noexcept;
    ~Hook() { reset(); }
    void reset() noexcept;

   private:
    friend class Metrics;
    Hook(Metrics* metrics, std::uint64_t id) : metrics_(metrics), id_(id) {}
    Metrics* metrics_ = nullptr;
    std::uint64_t id_ = 0;
  };
  /// A gauge that is asked for when somebody reads: `read` runs inside render(), on its thread, and must not call this
  /// object. It keeps nobody waiting but other readers, and whoever resets a Hook. One that throws is shown as NaN; one
  /// beyond kMaxSeries is not shown. The same twice throws.
  [[nodiscard]] Hook collect(std::string_view name, std::string_view help, const Labels& labels,
                             Function<double()> read);
  /// The same for a figure that only rises.
  [[nodiscard]] Hook collect_counter(std::string_view name, std::string_view help, const Labels& labels,
                                     Function<double()> read);
  /// The same for a histogram; one that throws is not shown.
  [[nodiscard]] Hook collect_histogram(std::string_view name, std::string_view help, const Labels& labels,
                                       std::vector<double> bounds, Function<HistogramReading()> read);

  /// [any] Prometheus text format 0.0.4 (kContentType), names in order.
  std::string render() const;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  enum class Kind { kCounter, kTime, kGauge, kHistogram, kCollected, kCollectedCounter, kCollectedHistogram };
  class Series;
  struct Family;
  Family& family(std::string_view name, std::string_view help, Kind kind, const Labels& labels);
  template <class T, class... Args>
  T& find_or_make(Family& family, const Labels& labels, Args&&... args);
  Hook hook(Family& family, std::string_view name, const Labels& labels, std::unique_ptr<Series> series);
  void forget(std::uint64_t id) noexcept;

  mutable std::mutex reading_;  // of render(), and of what takes series away; locked before mutex_
  mutable std::mutex mutex_;    // never held while a hook runs
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;  // guarded by mutex_
  std::uint64_t hooks_made_ = 0;                                          // guarded by mutex_
};

}  // namespace pillard::observe
