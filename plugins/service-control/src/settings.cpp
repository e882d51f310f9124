#include "settings.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace service_control {

using pillard::Code;
using pillard::Error;

namespace {

template <class T>
bool holds(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::optional<Action> action_of(std::string_view text) {
  for (const auto& word : pillard_words(Action{}))
    if (word.text == text) return word.value;
  return std::nullopt;
}

std::vector<Action> read_actions(const pillard::Config& config, const std::string& key,
                                 std::vector<std::string> fallback) {
  std::vector<Action> actions;
  for (const auto& word : config.list(key, std::move(fallback))) {
    const auto action = action_of(word);
    if (!action) {
      config.reject(key, "\"" + word + "\" is none of start, stop, restart, enable, disable");
    } else if (holds(actions, *action)) {
      config.reject(key, "\"" + word + "\" stands twice");
    } else {
      actions.push_back(*action);
    }
  }
  return actions;
}

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

std::string name(Action action) {
  for (const auto& word : pillard_words(action))
    if (word.value == action) return std::string(word.text);
  return {};
}

const std::vector<Action>& Settings::allowed(const std::string& unit, std::string_view service) const {
  const auto found = units.find(unit);
  if (found != units.end()) return found->second;
  throw Error(Code::kAccessDenied, "The service " + std::string(service) + " is not among those offered here.");
}

Settings read_settings(const pillard::Config& config) {
  Settings settings;
  const auto actions = read_actions(config, "actions", {"start", "stop", "restart", "enable", "disable"});
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
    settings.units.emplace(std::move(*unit), config.has(own) ? read_actions(config, own, {}) : actions);
  }
  return settings;
}

}  // namespace service_control
