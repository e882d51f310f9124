#include "router/plugin_status.h"

#include "pillard/fields.h"

namespace pillard::router {

namespace {
struct StreamStatus {
  std::string subscribe;
  std::string event;
  std::int64_t running = 0;
  std::int64_t subscriptions = 0;
  PILLARD_FIELDS(StreamStatus, PILLARD_FIELD(subscribe), PILLARD_FIELD(event), PILLARD_FIELD(running),
                 PILLARD_FIELD(subscriptions))
};

struct PluginStatus {
  std::string name;
  std::string state;
  std::optional<std::string> version;
  std::optional<std::string> file;
  std::int64_t since = 0;
  std::optional<std::string> trouble;
  std::vector<StreamStatus> streams;
  std::vector<std::string> calls;
  double seconds = 0;
  std::uint64_t entered = 0;
  std::uint64_t slow = 0;
  std::uint64_t failures = 0;
  std::uint64_t breaches = 0;
  std::optional<std::string> last_failure;
  PILLARD_FIELDS(PluginStatus, PILLARD_FIELD(name), PILLARD_FIELD(state), PILLARD_FIELD(version), PILLARD_FIELD(file),
                 PILLARD_FIELD(since), PILLARD_FIELD(trouble), PILLARD_FIELD(streams), PILLARD_FIELD(calls),
                 PILLARD_FIELD(seconds), PILLARD_FIELD(entered), PILLARD_FIELD(slow), PILLARD_FIELD(failures),
                 PILLARD_FIELD(breaches), PILLARD_FIELD(last_failure))
};

struct AllPlugins {
  std::vector<PluginStatus> plugins;
  PILLARD_FIELDS(AllPlugins, PILLARD_FIELD(plugins))
};

std::optional<std::string> if_any(std::string text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(std::move(text));
}

PluginStatus status_of(const loader::PluginReport& report, const loader::Registry& registry) {
  const auto& record = *report.record;
  PluginStatus status{.name = record.name(),
                      .state = std::string(name(report.state)),
                      .version = if_any(report.version),
                      .file = if_any(report.file),
                      .since = report.since_ms,
                      .trouble = if_any(report.trouble),
                      .streams = {},
                      .calls = {},
                      .seconds = std::chrono::duration<double>(record.spent()).count(),
                      .entered = record.calls(),
                      .slow = record.slow_calls(),
                      .failures = record.failures(),
                      .breaches = record.breaches(),
                      .last_failure = if_any(record.last_failure())};
  for (const auto* stream : registry.streams())
    if (&stream->plugin() == &record)
      status.streams.push_back({.subscribe = stream->options().subscribe,
                                .event = stream->options().event,
                                .running = stream->topics.value(),
                                .subscriptions = stream->subscriptions.value()});
  for (const auto* call : registry.calls())
    if (&call->plugin() == &record) status.calls.push_back(call->options().name);
  return status;
}
}  // namespace

std::string plugins_json(const loader::Plugins& plugins) {
  AllPlugins all;
  for (const auto& report : plugins.report()) all.plugins.push_back(status_of(report, plugins.registry()));
  return encoded(all);
}

}  // namespace pillard::router
