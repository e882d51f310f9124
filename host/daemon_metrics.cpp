// Figures that others keep, read when somebody asks for /metrics.
#include "daemon.h"
#include "observe/process.h"

namespace pillard {

namespace {
using observe::Labels;
using observe::Metrics;

double seconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

/// Adds what is known of one event loop.
void describe_loop(Metrics& metrics, const reactor::Reactor& loop, std::vector<Metrics::Hook>& hooks) {
  const Labels labels{{"reactor", loop.name()}};
  const auto gauge = [&](std::string_view name, std::string_view help, auto read) {
    hooks.push_back(metrics.collect(name, help, labels, [&loop, read] { return read(loop.load()); }));
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto read) {
    hooks.push_back(metrics.collect_counter(name, help, labels, [&loop, read] { return read(loop.load()); }));
  };
  using reactor::Load;
  hooks.push_back(metrics.collect_histogram(
      "pillard_reactor_turn_seconds", "Turns of an event loop: how long each kept all others waiting.", labels,
      {reactor::kTurnBounds.begin(), reactor::kTurnBounds.end()}, [&loop] {
        const auto load = loop.load();
        return observe::HistogramReading{.counts = {load.turn_counts.begin(), load.turn_counts.end()},
                                         .sum = load.busy};
      }));
  gauge("pillard_reactor_longest_turn_seconds", "The longest turn of an event loop since the start.",
        [](const Load& load) { return seconds(load.longest); });
  counter("pillard_reactor_tasks_total", "Tasks posted to an event loop.",
          [](const Load& load) { return static_cast<double>(load.tasks); });
  gauge("pillard_reactor_most_tasks", "Most tasks that waited for an event loop together, since the start.",
        [](const Load& load) { return static_cast<double>(load.most_tasks); });
  gauge("pillard_reactor_timers", "Timers that are armed.",
        [](const Load& load) { return static_cast<double>(load.timers); });
  counter("pillard_reactor_timers_fired_total", "Timers that fired.",
          [](const Load& load) { return static_cast<double>(load.fired); });
  counter("pillard_reactor_timer_lateness_seconds_total", "How late all timers fired, together.",
          [](const Load& load) { return seconds(load.late); });
  gauge("pillard_reactor_latest_timer_seconds", "How late the latest timer fired, since the start.",
        [](const Load& load) { return seconds(load.latest); });
}

void describe_workers(Metrics& metrics, const reactor::Workers& workers, std::vector<Metrics::Hook>& hooks) {
  const Labels labels{{"pool", workers.name()}};
  hooks.push_back(metrics.collect("pillard_workers_threads", "Threads of a pool for what blocks.", labels,
                                  [&] { return static_cast<double>(workers.figures().threads); }));
  hooks.push_back(metrics.collect("pillard_workers_waiting_jobs", "Jobs that wait for a thread.", labels,
                                  [&] { return static_cast<double>(workers.figures().waiting); }));
  hooks.push_back(metrics.collect_counter("pillard_workers_jobs_total", "Jobs that were taken.", labels,
                                          [&] { return static_cast<double>(workers.figures().taken); }));
  hooks.push_back(metrics.collect_counter("pillard_workers_refused_jobs_total", "Jobs for which there was no room.",
                                          labels, [&] { return static_cast<double>(workers.figures().refused); }));
}

}  // namespace

void Daemon::describe() {
  hooks_ = observe::describe_process(metrics_);
  metrics_.gauge("pillard_build_info", "Always 1; which version this is.", {{"version", sdk_version()}}).set(1);
  for (std::size_t i = 0; i < reactors_.size(); ++i) describe_loop(metrics_, reactors_[i], hooks_);
  describe_loop(metrics_, admin_loop_, hooks_);
  describe_workers(metrics_, *look_ups_, hooks_);
  describe_workers(metrics_, *authentications_, hooks_);
  for (const auto level : {Level::kError, Level::kWarning, Level::kInfo, Level::kDebug})
    hooks_.push_back(metrics_.collect_counter("pillard_log_lines_total", "Lines of the log.",
                                              {{"level", std::string(observe::name(level))}},
                                              [this, level] { return static_cast<double>(log_.lines(level)); }));
  if (memory_store_)
    hooks_.push_back(metrics_.collect("pillard_sessions", "Sessions in memory.", {},
                                      [this] { return static_cast<double>(memory_store_->size()); }));
}

}  // namespace pillard
