#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pillard/pillard.h"
#include "unit_show.h"

namespace node_status {

/// What is watched, from the configuration. Never changes after setup.
struct Settings {
  std::vector<std::string> units;     // full unit names, always shown
  std::vector<std::string> patterns;  // full unit names or globs of services, shown where they exist
};

/// [setup] Mistakes are noted in `config`.
Settings read_settings(const pillard::Config& config);

struct StatusQuery {
  std::int64_t interval = 5000;  // ms between two looks at the node
  PILLARD_FIELDS(StatusQuery, PILLARD_FIELD(interval, {.min = 1000,
                                                       .max = 60000,
                                                       .clamp = true,
                                                       .pace = true,
                                                       .about = "Milliseconds between two looks at the node."}))
};

/// One element of a `status_update`.
struct ServiceStatus {
  std::string service;  // without ".service"
  std::string status;   // the word that dashboards switch on, see status_word()
  std::string load, active, sub, description;
  std::optional<std::int64_t> since;
  std::int64_t restarts = 0;
  std::optional<std::uint64_t> memory;
  std::optional<std::int64_t> pid;
  PILLARD_FIELDS(
      ServiceStatus, PILLARD_FIELD(service, {.about = "The unit's name as configured, without .service."}),
      PILLARD_FIELD(status, {.about = "One word: active, inactive, failed, activating, deactivating, reloading or "
                                      "not_installed."}),
      PILLARD_FIELD(load, {.about = "systemd's LoadState."}),
      PILLARD_FIELD(active, {.about = "systemd's ActiveState."}), PILLARD_FIELD(sub, {.about = "systemd's SubState."}),
      PILLARD_FIELD(description, {.about = "Of the unit."}),
      PILLARD_FIELD(since, {.about = "When the unit entered its state, in ms since 1970, whole seconds; left out if it "
                                     "never did."}),
      PILLARD_FIELD(restarts, {.about = "By systemd, since the unit was last started by hand."}),
      PILLARD_FIELD(memory, {.about = "In bytes; left out where systemd does not count: the unit is down, or there is "
                                      "no memory controller."}),
      PILLARD_FIELD(pid, {.about = "Of the main process; left out if none runs."}))
};

/// active, inactive, failed, activating, deactivating, reloading or not_installed. "maintenance" (cleaning up, not
/// running) counts as inactive, "refreshing" (running) as reloading; a word that systemd may add some day stays as it
/// is.
std::string status_word(const Unit& unit);

/// What subscribers see of `units`: first the configured ones in their order, then for each pattern what exists, by
/// name; nothing twice. Throws Error(unsupported) for more than 512.
std::vector<ServiceStatus> arrange(const Settings& settings, const std::vector<Unit>& units);

/// Why `systemctl` did not answer, in words for the person at the dashboard.
pillard::Error explain(const pillard::Exit& exit);

/// Looks at the node at once and then every interval. A slow node is given a quarter of the interval to rest; looks
/// never overlap.
class StatusSource final : public pillard::Source {
 public:
  using Event = std::vector<ServiceStatus>;
  StatusSource(pillard::Context& context, std::shared_ptr<const Settings> settings, const StatusQuery& query);
  /// A new interval counts from the last look.
  void retune(const StatusQuery& query);

 private:
  void look();
  void seen(const pillard::Exit& exit);
  void schedule(pillard::Milliseconds rest);

  pillard::Context& context_;
  std::shared_ptr<const Settings> settings_;
  std::vector<std::string> argv_;
  pillard::Milliseconds interval_;
  std::int64_t looked_at_ = 0;  // unix ms
  pillard::Handle running_;
  pillard::Handle next_;
};

}  // namespace node_status
