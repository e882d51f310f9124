#include "settings.h"

#include <optional>
#include <utility>

namespace service_control {

using pillard::Code;
using pillard::Error;

namespace {

/// The full name; nothing, with the mistake noted, for what is none.
std::optional<std::string> read_unit(const pillard::Config& config, const std::string& text) {
  try {
    return pillard::unit_of_service(text, "each name");
  } catch (const Error& error) {
    config.reject("units", error.what());
    return std::nullopt;
  }
}

}  // namespace

const std::vector<Action>& Settings::allowed(const std::string& unit, std::string_view service) const {
  const auto found = units.find(unit);
  if (found != units.end()) return found->second;
  throw Error(Code::kAccessDenied, "The service " + std::string(service) + " is not among those offered here.");
}

Settings read_settings(const pillard::Config& config) {
  Settings settings;
  const auto actions = config.words<Action>(
      "actions", {Action::kStart, Action::kStop, Action::kRestart, Action::kEnable, Action::kDisable});
  const auto names = config.list("units", {"execution", "consensus", "validator", "mevboost", "csm_nimbusvalidator"});
  if (names.empty()) config.reject("units", "names no unit");
  for (const auto& text : names) {
    auto unit = read_unit(config, text);
    if (!unit) continue;
    if (settings.units.contains(*unit)) {
      config.reject("units", "\"" + text + "\" stands twice");
      continue;
    }
    const auto own = "actions." + std::string(pillard::service_of_unit(*unit));
    settings.units.emplace(std::move(*unit), config.words(own, actions));
  }
  return settings;
}

}  // namespace service_control
