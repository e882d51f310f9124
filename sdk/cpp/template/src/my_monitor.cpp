#include "my_monitor.h"

#include <utility>

namespace my_monitor {

namespace {

/// Why there is nothing to show, in words for the person at the dashboard.
pillard::Error explain(const pillard::Exit& exit) {
  using pillard::Code;
  if (exit.timed_out) return {Code::kTimeout, "The node did not tell its load in time."};
  return {Code::kUnsupported, "This node does not tell its load: it has no /proc/loadavg."};
}

}  // namespace

Settings read_settings(const pillard::Config& config) {
  return {.timeout = pillard::Milliseconds(config.integer("timeout", 5'000, 100, 60'000))};
}

Monitor::Monitor(pillard::Context& context, std::shared_ptr<const Settings> settings, const Query& query)
    : context_(context), settings_(std::move(settings)), interval_(query.interval) {
  look();
}

void Monitor::look() {
  running_ = context_.node().exec({.argv = {"cat", "/proc/loadavg"}, .timeout = settings_->timeout, .max_output = 4096},
                                  [this](const pillard::Exit& exit) { seen(exit); });
}

void Monitor::seen(const pillard::Exit& exit) {
  const auto load = parse_load(exit.out);
  if (!load) return context_.fail(explain(exit));
  context_.publish(*load);
  context_.count("looks");
  seen_at_ = context_.unix_ms();
  schedule();
}

void Monitor::schedule() {
  const pillard::Milliseconds passed(context_.unix_ms() - seen_at_);
  next_ = context_.after(interval_ - passed, [this] { look(); });
}

void Monitor::retune(const Query& query) {
  interval_ = pillard::Milliseconds(query.interval);
  if (next_.active()) schedule();  // else a look is under way, and schedules when it is over
}

}  // namespace my_monitor
