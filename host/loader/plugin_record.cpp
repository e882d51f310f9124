#include "loader/plugin_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace pillard::loader {

namespace {
bool is_metric(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}
}  // namespace

PluginRecord::PluginRecord(std::string name, const Services& services)
    : name_(std::move(name)),
      services_(services),
      failures_(services.metrics.counter("pillard_plugin_failures_total", "Exceptions that left a plugin's code.",
                                         {{"plugin", name_}})) {}

observe::Counter* PluginRecord::counter(std::string_view metric) {
  const std::lock_guard lock(mutex_);
  if (const auto known = counters_.find(metric); known != counters_.end()) return known->second;
  if (!is_metric(metric) || counters_.size() == kMaxMetrics) return nullptr;
  auto& made = services_.metrics.counter("pillard_plugin_counts_total", "What plugins count.",
                                         {{"plugin", name_}, {"metric", std::string(metric)}});
  counters_.emplace(metric, &made);
  return &made;
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
  services_.log.write(level, "plugin", "says", {{"plugin", name_}, {"message", message.substr(0, 4096)}});
}

Error PluginRecord::broke(std::string_view what) {
  failures_.add();
  if (const auto held_back = throttle_.pass(what.substr(0, 256)))
    services_.log.error("plugin", "an exception left the plugin",
                        {{"plugin", name_}, {"what", what}, {"suppressed", *held_back}});
  return {Code::kInternal, fmt::format("The {} plugin failed.", name_)};
}

void PluginRecord::spend(std::chrono::nanoseconds took) {
  spent_.fetch_add(took.count(), std::memory_order_relaxed);
  if (took >= services_.slow && services_.held) services_.held(name_, took);
}

}  // namespace pillard::loader
