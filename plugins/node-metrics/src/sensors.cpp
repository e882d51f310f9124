#include "sensors.h"

#include <algorithm>
#include <set>

#include "pillard/text.h"

namespace node_metrics {

using pillard::take_number;
using pillard::take_until;
using pillard::to_number;

namespace {

constexpr std::string_view kChips = "/sys/class/hwmon/hwmon";
constexpr std::string_view kZones = "/sys/class/thermal/thermal_zone";
constexpr std::size_t kMaxSensors = 256;
constexpr std::size_t kMaxReadings = 1024;
constexpr std::size_t kMaxName = 64;

std::optional<double> degrees(std::string_view text) {
  const auto thousandths = take_number<std::int64_t>(text);
  if (!thousandths || *thousandths < -100'000 || *thousandths > 200'000) return std::nullopt;
  return static_cast<double>(*thousandths) / 1000;
}

std::string name_of(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text.substr(0, kMaxName));
}

/// The kernel shows a zone "cpu-thermal" also as a chip "cpu_thermal".
std::string as_chip(std::string zone) {
  std::replace(zone.begin(), zone.end(), '-', '_');
  return zone;
}

}  // namespace

void SensorFiles::add(std::string_view path, std::string_view text) {
  if (path.starts_with(kChips)) add_chip(path.substr(kChips.size()), text);
  if (path.starts_with(kZones)) add_zone(path.substr(kZones.size()), text);
}

void SensorFiles::add_chip(std::string_view path, std::string_view text) {
  const auto number = to_number<unsigned>(take_until(path, '/'));
  if (!number || readings_ == kMaxReadings) return;
  if (path == "name") {
    ++readings_;
    chips_[*number].name = name_of(text);
    return;
  }
  auto attribute = path;
  auto index = take_until(attribute, '_');
  if (!index.starts_with("temp")) return;
  index.remove_prefix(4);
  const auto place = to_number<unsigned>(index);
  if (!place) return;
  ++readings_;
  auto& reading = chips_[*number].readings[*place];
  if (attribute == "input") reading.celsius = degrees(text);
  if (attribute == "crit") reading.critical = degrees(text);
  if (attribute == "label") reading.label = name_of(text);
}

void SensorFiles::add_zone(std::string_view path, std::string_view text) {
  const auto number = to_number<unsigned>(take_until(path, '/'));
  if (!number || readings_ == kMaxReadings) return;
  ++readings_;
  auto& zone = zones_[*number];
  if (path == "type") zone.name = name_of(text);
  if (path == "temp") zone.readings[0].celsius = degrees(text);
}

std::vector<Sensor> SensorFiles::sensors() const {
  std::vector<Sensor> shown;
  std::set<std::string> names;  // of chips that show a temperature
  const auto show = [&](const Chip& chip) {
    for (const auto& [place, reading] : chip.readings) {
      if (!reading.celsius || shown.size() == kMaxSensors) continue;
      shown.push_back({.chip = chip.name,
                       .label = reading.label,
                       .celsius = *reading.celsius,
                       // Chips say 0 where nobody has set it.
                       .critical = reading.critical.value_or(0) > 0 ? reading.critical : std::nullopt});
    }
  };
  for (const auto& [number, chip] : chips_) {
    const auto before = shown.size();
    show(chip);
    if (shown.size() > before) names.insert(chip.name);
  }
  for (const auto& [number, zone] : zones_)
    if (!names.contains(as_chip(zone.name)) && !(zone.name == "x86_pkg_temp" && names.contains("coretemp"))) show(zone);
  return shown;
}

}  // namespace node_metrics
