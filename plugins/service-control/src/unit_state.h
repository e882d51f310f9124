#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace service_control {

/// A unit as `systemctl show` tells it, in systemd's own words; empty where it did not.
struct UnitState {
  std::string id;             // "execution.service", also of an alias
  std::string load;           // "loaded", "not-found", "masked", ...
  std::string active;         // "active", "inactive", "failed", ...
  std::string sub;            // "running", "dead", "auto-restart", ...
  std::string result;         // of its last run: "success", "exit-code", "timeout", ...
  std::string file;           // "enabled", "disabled", "static", ...
  std::int64_t restarts = 0;  // by systemd, since it was last started by hand
  std::string type;           // of a service: "simple", "notify", "oneshot", ...
  bool skipped = false;       // a condition of its unit was not met when it was last started

  /// Neither a file nor anything that runs.
  bool missing() const noexcept { return load == "not-found" && (active.empty() || active == "inactive"); }
  /// Its program ended badly: it has failed, or waits to be started once more.
  bool died() const noexcept;
  /// It runs; or it did its work and ended well, where that is what its kind is for.
  bool runs() const noexcept;
};

/// The `--property=` list that parse_state() reads.
extern const char* const kProperties;

/// Reads the output of `systemctl show --property=kProperties`. Properties in any order; unknown ones are passed over.
UnitState parse_state(std::string_view output);

/// The lines of what a program printed, without empty ones and without what journalctl says of itself ("-- ... --").
std::vector<std::string> lines_of(std::string_view output);

}  // namespace service_control
