#include "unit_show.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "pillard/text.h"

namespace node_status {

using pillard::take_until;
using pillard::to_number;

const char* const kProperties =
    "Id,Names,LoadState,ActiveState,SubState,Description,ActiveEnterTimestamp,ActiveExitTimestamp,"
    "InactiveEnterTimestamp,InactiveExitTimestamp,NRestarts,MemoryCurrent,MainPID";

namespace {

/// Newer systemd quotes a name that holds a backslash: "weird@a\\x2db.service".
std::string unquoted(std::string_view name) {
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
  std::string plain;
  for (std::size_t at = 1; at + 1 < name.size(); ++at) {
    if (name[at] == '\\' && at + 2 < name.size()) ++at;
    plain += name[at];
  }
  return plain;
}

// More than systemd's own words and any sensible description have; what exceeds it is cut.
constexpr std::size_t kMaxWord = 64;
constexpr std::size_t kMaxText = 1024;

struct Timestamps {
  std::string_view active_enter, active_exit, inactive_enter, inactive_exit;

  /// The moment that `systemctl status` shows behind "since".
  std::string_view of(std::string_view active) const {
    if (active == "active" || active == "reloading" || active == "refreshing") return active_enter;
    if (active == "inactive" || active == "failed") return inactive_enter;
    if (active == "activating") return inactive_exit;
    if (active == "deactivating") return active_exit;
    return {};
  }
};

void read_property(Unit& unit, Timestamps& times, std::string_view key, std::string_view value) {
  if (key == "Id") {
    unit.id = value;
  } else if (key == "Names") {
    while (!value.empty())
      if (const auto name = take_until(value, ' '); !name.empty()) unit.names.push_back(unquoted(name));
  } else if (key == "LoadState") {
    unit.load = value.substr(0, kMaxWord);
  } else if (key == "ActiveState") {
    unit.active = value.substr(0, kMaxWord);
  } else if (key == "SubState") {
    unit.sub = value.substr(0, kMaxWord);
  } else if (key == "Description") {
    unit.description = value.substr(0, kMaxText);
  } else if (key == "ActiveEnterTimestamp") {
    times.active_enter = value;
  } else if (key == "ActiveExitTimestamp") {
    times.active_exit = value;
  } else if (key == "InactiveEnterTimestamp") {
    times.inactive_enter = value;
  } else if (key == "InactiveExitTimestamp") {
    times.inactive_exit = value;
  } else if (key == "NRestarts") {
    unit.restarts = to_number<std::int64_t>(value).value_or(0);
  } else if (key == "MemoryCurrent") {
    unit.memory = to_number<std::uint64_t>(value);
    if (unit.memory == std::numeric_limits<std::uint64_t>::max()) unit.memory.reset();
  } else if (key == "MainPID") {
    unit.pid = to_number<std::int64_t>(value);
    if (unit.pid == 0) unit.pid.reset();
  }
}

}  // namespace

bool Unit::answers_to(std::string_view name) const {
  return id == name || std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  namespace time = std::chrono;
  take_until(text, ' ');  // the day of the week
  auto date = take_until(text, ' ');
  auto clock = take_until(text, ' ');
  if (text != "UTC") return std::nullopt;
  const auto year = to_number<int>(take_until(date, '-'));
  const auto month = to_number<unsigned>(take_until(date, '-'));
  const auto day = to_number<unsigned>(date);
  const auto hour = to_number<unsigned>(take_until(clock, ':'));
  const auto minute = to_number<unsigned>(take_until(clock, ':'));
  const auto second = to_number<unsigned>(take_until(clock, '.'));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*year < 1970 || *year > 9999 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const time::year_month_day calendar{time::year(*year), time::month(*month), time::day(*day)};
  if (!calendar.ok()) return std::nullopt;
  std::int64_t milliseconds = 0;
  if (!clock.empty()) {
    if (clock.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    std::string thousandths(clock.substr(0, 3));
    thousandths.resize(3, '0');
    milliseconds = *to_number<std::int64_t>(thousandths);
  }
  const time::seconds at = time::sys_days(calendar).time_since_epoch() + time::hours(*hour) + time::minutes(*minute) +
                           time::seconds(*second);
  return at.count() * 1000 + milliseconds;
}

std::vector<Unit> parse_units(std::string_view output) {
  std::vector<Unit> units;
  while (!output.empty()) {
    Unit unit;
    Timestamps times;
    while (!output.empty()) {
      const auto line = pillard::take_line(output);
      if (line.empty()) break;
      const auto [key, value] = pillard::to_property(line);
      read_property(unit, times, key, value);
    }
    if (unit.id.empty()) continue;
    unit.since = parse_timestamp(times.of(unit.active));
    units.push_back(std::move(unit));
  }
  return units;
}

}  // namespace node_status
