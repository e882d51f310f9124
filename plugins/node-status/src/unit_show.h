#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace node_status {

/// One unit as `systemctl show` tells it, in systemd's own words.
struct Unit {
  std::string id;                       // "execution.service"
  std::vector<std::string> names;       // the id and every alias
  std::string load;                     // "loaded", "not-found", "masked", ...
  std::string active;                   // "active", "inactive", "failed", ...
  std::string sub;                      // "running", "dead", "auto-restart", ...
  std::string description;              // as written in the unit file
  std::optional<std::int64_t> since;    // ms since 1970: when it entered its `active`; never did: nothing
  std::int64_t restarts = 0;            // by systemd, since it was last started by hand
  std::optional<std::uint64_t> memory;  // bytes; nothing where the node does not count
  std::optional<std::int64_t> pid;      // of the main process, if one runs

  bool answers_to(std::string_view name) const;
};

/// The `--property=` list that parse_units() reads.
extern const char* const kProperties;

/// Reads the output of `systemctl show --property=kProperties -- unit...`, made with LC_ALL=C and TZ=UTC: one block a
/// unit in the order of the output, repeated ones included. Properties in any order; unknown ones are passed over, and
/// a value that systemd leaves open ("", "[not set]", "n/a", 2^64-1) is nothing. Blocks without an Id are left out.
std::vector<Unit> parse_units(std::string_view output);

/// "Sun 2026-11-22 23:56:57 UTC", with or without a fraction of a second, as ms since 1970. Nothing for anything else,
/// also for another time zone.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace node_status
