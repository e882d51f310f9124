#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/pillard.h"

namespace service_control {

/// What can be done with a unit. The words of the protocol, of the configuration and of systemctl are the same.
enum class Action { kStart, kStop, kRestart, kEnable, kDisable };

PILLARD_ENUM(Action, {Action::kStart, "start"}, {Action::kStop, "stop"}, {Action::kRestart, "restart"},
             {Action::kEnable, "enable"}, {Action::kDisable, "disable"})

/// From the configuration. Never changes after setup.
struct Settings {
  std::map<std::string, std::vector<Action>> units;  // by full name: what may be done with it

  /// Throws Error(access_denied) for a unit that is not listed; the words name it as `service`.
  const std::vector<Action>& allowed(const std::string& unit, std::string_view service) const;
};

/// [setup] Mistakes are noted in `config`.
Settings read_settings(const pillard::Config& config);

}  // namespace service_control
