#include "loader/plugin_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace pillard::loader {

namespace {
bool is_metric(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

constexpr std::size_t kMaxMessage = 2048;

observe::Labels of(const std::string& plugin) { return {{"plugin", plugin}}; }
}  // namespace

Error presentable(const Error& error) {
  const std::string_view message = error.what();
  if (message.size() <= kMaxMessage) return error;
  auto cut = kMaxMessage - 3;
  while (cut > 0 && (static_cast<unsigned char>(message[cut]) & 0xc0U) == 0x80U) --cut;  // no half character
  return {error.code(), std::string(message.substr(0, cut)) + "..."};
}

PluginRecord::PluginRecord(std::string name, const Services& services)
    : name_(std::move(name)),
      services_(services),
      failures_(services.metrics.counter("pillard_plugin_failures_total", "Exceptions that left a plugin's code.",
                                         of(name_))),
      breaches_(services.metrics.counter("pillard_plugin_breaches_total",
                                         "What plugins did against their contract, and the daemon prevented.",
                                         of(name_))),
      slow_(services.metrics.counter("pillard_plugin_slow_calls_total",
                                     "Calls into a plugin that held their event loop for [watchdog] slow or longer.",
                                     of(name_))),
      calls_(services.metrics.counter("pillard_plugin_calls_total", "Calls into a plugin's code.", of(name_))),
      spent_(
          services.metrics.time_counter("pillard_plugin_seconds_total", "Time spent in a plugin's code.", of(name_))) {}

observe::Counter* PluginRecord::known(std::string_view metric) const noexcept {
  const auto made = slots_made_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < made; ++i)
    if (slots_[i].name == metric) return slots_[i].counter;
  return nullptr;
}

observe::Counter* PluginRecord::counter(std::string_view metric) {
  if (auto* const found = known(metric)) return found;
  if (!is_metric(metric)) return nullptr;
  const std::lock_guard lock(mutex_);
  if (auto* const found = known(metric)) return found;
  const auto made = slots_made_.load(std::memory_order_relaxed);
  if (made == kMaxMetrics) return nullptr;
  auto& counter = services_.metrics.counter("pillard_plugin_counts_total", "What plugins count.",
                                            {{"plugin", name_}, {"metric", std::string(metric)}});
  slots_[made] = {std::string(metric), &counter};
  slots_made_.store(made + 1, std::memory_order_release);
  return &counter;
}

void PluginRecord::count(std::string_view metric, std::int64_t by) {
  auto* const found = by < 0 ? nullptr : counter(metric);
  if (found) {
    found->add(static_cast<std::uint64_t>(by));
  } else if (throttle_.pass("count")) {
    services_.log.warning(
        "loader", "a plugin counts what cannot be counted: a bad name, more than 32 metrics or a negative number",
        {{"plugin", name_}, {"metric", metric.substr(0, 64)}, {"by", by}});
  }
}

void PluginRecord::log(Level level, std::string_view message) {
  services_.log.write(level, "plugin", "says", {{"plugin", name_}, {"text", message.substr(0, 4096)}});
}

void PluginRecord::audit(const AuditLine& line) {
  services_.log.record("plugin", "audit",
                       {{"plugin", name_},
                        {"user", line.user},
                        {"node", line.node},
                        {"session", line.session},
                        {"client", line.client},
                        {"connection", line.connection},
                        {"action", line.action},
                        {"object", line.object},
                        {"end", line.end},
                        {"result", line.result}});
}

Error PluginRecord::broke(std::string_view what, Counts counts) {
  failures_.add();
  if (const auto held_back = throttle_.pass(what.substr(0, 256)))
    services_.log.error("plugin", "an exception left the plugin",
                        {{"plugin", name_}, {"what", what}, {"suppressed", *held_back}});
  const auto run = failed_too_often(what, counts);
  if (run && services_.keeps_failing) services_.keeps_failing(name_, *run);
  return {Code::kInternal, fmt::format("The {} plugin failed.", name_)};
}

/// Which run of it has failed too often by now, if it has.
std::optional<std::uint64_t> PluginRecord::failed_too_often(std::string_view what, Counts counts) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(failing_);
  last_failure_ = what.substr(0, 512);
  if (services_.max_failures == 0 || counts == Counts::kNo) return std::nullopt;
  failed_.push_back(now);
  if (failed_.size() < services_.max_failures) return std::nullopt;
  const bool often = now - failed_.front() <= services_.failure_window;
  often ? failed_.clear() : failed_.pop_front();
  return often ? std::optional(run_) : std::nullopt;
}

std::string PluginRecord::last_failure() const {
  const std::lock_guard lock(failing_);
  return last_failure_;
}

void PluginRecord::forgive() {
  const std::lock_guard lock(failing_);
  failed_.clear();
  ++run_;
}

std::uint64_t PluginRecord::run() const {
  const std::lock_guard lock(failing_);
  return run_;
}

void PluginRecord::breach(std::string_view what) {
  breaches_.add();
  if (const auto held_back = throttle_.pass(what.substr(0, 256)))
    services_.log.error("plugin", "the plugin does what its contract forbids",
                        {{"plugin", name_}, {"what", what}, {"suppressed", *held_back}});
}

void PluginRecord::spend(std::chrono::nanoseconds took) {
  calls_.add();
  spent_.add(took);
  if (took < services_.slow) return;
  slow_.add();
  if (services_.held) services_.held(name_, took);
}

}  // namespace pillard::loader
