#include "node_status.h"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace node_status {

namespace {

constexpr std::size_t kMaxUnits = 200;
constexpr std::size_t kMaxShown = 512;
constexpr std::size_t kMaxOutput = 256 * 1024;
constexpr std::string_view kService = ".service";
constexpr std::string_view kGlob = "*?[";

bool is_glob(std::string_view name) { return name.find_first_of(kGlob) != std::string_view::npos; }

/// Throws what is wrong with it.
std::string full_pattern(const std::string& text) {
  if (!is_glob(text)) return pillard::unit_of_service(text, "each name");
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@*?[]!^";
  if (text.size() > 255 || text.find_first_not_of(kAllowed) != std::string::npos || text.front() == '-')
    throw pillard::Error(pillard::Code::kBadRequest, "each name: \"" + text + "\" is no pattern for unit names");
  return text.ends_with(kService) ? text : text + std::string(kService);
}

template <class Completion>
std::vector<std::string> read_names(const pillard::Config& config, const std::string& key,
                                    std::vector<std::string> fallback, Completion complete) {
  std::vector<std::string> names;
  for (const auto& text : config.list(key, std::move(fallback))) {
    try {
      auto name = complete(text);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    } catch (const pillard::Error& error) {
      config.reject(key, error.what());
    }
  }
  return names;
}

ServiceStatus shown_as(const std::string& name, const Unit& unit) {
  return {.service = std::string(pillard::service_of_unit(name)),
          .status = status_word(unit),
          .load = unit.load,
          .active = unit.active,
          .sub = unit.sub,
          .description = unit.description,
          .since = unit.since,
          .restarts = unit.restarts,
          .memory = unit.memory,
          .pid = unit.pid};
}

bool matches(const std::string& pattern, const Unit& unit) {
  if (!is_glob(pattern)) return unit.answers_to(pattern);
  const auto fits = [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0; };
  return fits(unit.id) || std::any_of(unit.names.begin(), unit.names.end(), fits);
}

pillard::Error too_many() {
  return {pillard::Code::kUnsupported,
          "More than 512 services match, which is the most that is shown: narrow the patterns of node-status."};
}

}  // namespace

Settings read_settings(const pillard::Config& config) {
  Settings settings;
  settings.units =
      read_names(config, "units", {"execution", "consensus", "validator", "mevboost", "csm_nimbusvalidator", "dora"},
                 [](const std::string& text) { return pillard::unit_of_service(text, "each name"); });
  settings.patterns = read_names(config, "patterns",
                                 {"ethereum-metrics-exporter", "grafana-server", "prometheus",
                                  "prometheus-node-exporter", "contributoor", "client-stats"},
                                 full_pattern);
  if (settings.units.empty() && settings.patterns.empty())
    config.reject("units", "names no unit, and patterns neither");
  if (settings.units.size() > kMaxUnits) config.reject("units", "names more than 200 units");
  if (settings.patterns.size() > kMaxUnits) config.reject("patterns", "names more than 200 patterns");
  return settings;
}

std::string status_word(const Unit& unit) {
  if (unit.load == "not-found" && unit.active == "inactive") return "not_installed";
  if (unit.active == "maintenance") return "inactive";
  if (unit.active == "refreshing") return "reloading";
  return unit.active;
}

std::vector<ServiceStatus> arrange(const Settings& settings, const std::vector<Unit>& units) {
  std::vector<ServiceStatus> shown;
  std::unordered_set<std::string_view> ids;  // of the units already shown
  for (const auto& name : settings.units) {
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.answers_to(name); });
    if (unit == units.end()) continue;
    if (shown.size() == kMaxShown) throw too_many();
    shown.push_back(shown_as(name, *unit));
    ids.insert(unit->id);
  }
  for (const auto& pattern : settings.patterns) {
    std::vector<const Unit*> found;
    for (const auto& unit : units) {
      if (unit.load == "not-found" || ids.contains(unit.id) || !matches(pattern, unit)) continue;
      if (shown.size() + found.size() == kMaxShown) throw too_many();
      found.push_back(&unit);
      ids.insert(unit.id);
    }
    std::sort(found.begin(), found.end(), [](const Unit* a, const Unit* b) { return a->id < b->id; });
    for (const auto* unit : found) shown.push_back(shown_as(is_glob(pattern) ? unit->id : pattern, *unit));
  }
  return shown;
}

pillard::Error explain(const pillard::Exit& exit) {
  using pillard::Code;
  const auto says = [&](std::string_view words) { return exit.err.find(words) != std::string::npos; };
  const std::string said = exit.err.empty() ? "" : ": " + pillard::first_line(exit.err);
  if (exit.timed_out) return {Code::kTimeout, "The node did not tell the state of its services in time."};
  if (exit.truncated)
    return {Code::kUnsupported,
            "The node tells more of its services than the 256 KiB that are read: narrow the patterns of node-status."};
  if (exit.status == 127)
    return {Code::kUnsupported, "This node has no systemctl: the state of services needs systemd."};
  if (says("not been booted with systemd"))
    return {Code::kUnsupported, "This node was not booted with systemd: it has no services to show."};
  // Without systemd's own words: old dashboards log in again when they read "auth".
  if (pillard::refused_by_node(exit))
    return {Code::kAccessDenied, "This user may not ask systemd for the state of services."};
  if (says("Failed to connect to bus: No such file"))
    return {Code::kUnsupported, "The node's system bus is missing: install and start dbus" + said};
  if (says("Failed to connect to bus") || says("Transport endpoint"))
    return {Code::kDisconnected, "The node's system bus does not answer" + said};
  return {Code::kInternal, "systemctl failed on the node" + said};
}

StatusSource::StatusSource(pillard::Context& context, std::shared_ptr<const Settings> settings,
                           const StatusQuery& query)
    : context_(context), settings_(std::move(settings)), interval_(query.interval) {
  // --all: without it globs leave out units that are inactive.
  argv_ = {"env",  "LC_ALL=C",   "TZ=UTC", "systemctl",
           "show", "--no-pager", "--all",  std::string("--property=") + kProperties,
           "--"};
  argv_.insert(argv_.end(), settings_->units.begin(), settings_->units.end());
  argv_.insert(argv_.end(), settings_->patterns.begin(), settings_->patterns.end());
  look();
}

void StatusSource::look() {
  looked_at_ = context_.unix_ms();
  running_ = context_.node().exec({.argv = argv_, .max_output = kMaxOutput},
                                  [this](const pillard::Exit& exit) { seen(exit); });
}

void StatusSource::seen(const pillard::Exit& exit) {
  if (!exit.ok() || exit.truncated) {
    context_.fail(explain(exit));
    return;
  }
  context_.publish(arrange(*settings_, parse_units(exit.out)));
  schedule(interval_ / 4);
}

void StatusSource::retune(const StatusQuery& query) {
  interval_ = pillard::Milliseconds(query.interval);
  if (next_.active()) schedule(pillard::Milliseconds{0});
}

void StatusSource::schedule(pillard::Milliseconds rest) {
  // The clock may have been set meanwhile: what passed is never less than nothing.
  const pillard::Milliseconds passed{std::max<std::int64_t>(0, context_.unix_ms() - looked_at_)};
  next_ = context_.after(std::max(rest, interval_ - passed), [this] { look(); });
}

}  // namespace node_status
