#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace node_metrics {

struct Sensor {
  std::string chip;   // "coretemp", "nvme", "soc-thermal"
  std::string label;  // "Package id 0"; empty where the chip has none
  double celsius = 0;
  std::optional<double> critical;  // degrees Celsius at which the maker calls it critical
};

/// Gathers the files of /sys/class/hwmon and /sys/class/thermal, in any order.
class SensorFiles {
 public:
  /// `text`: the first line of `path`. Files that say nothing about a temperature are passed over.
  void add(std::string_view path, std::string_view text);
  /// In the order of the chips. Temperatures that no sensor means (below -100 or above 200 degrees) are left out, and
  /// so are thermal zones that a chip shows as well. 256 at most.
  std::vector<Sensor> sensors() const;

 private:
  struct Reading {
    std::string label;
    std::optional<double> celsius, critical;
  };
  struct Chip {
    std::string name;
    std::map<unsigned, Reading> readings;
  };
  void add_chip(std::string_view path, std::string_view text);
  void add_zone(std::string_view path, std::string_view text);

  std::map<unsigned, Chip> chips_;  // hwmon<n>
  std::map<unsigned, Chip> zones_;  // thermal_zone<n>, one reading each
  std::size_t readings_ = 0;
};

}  // namespace node_metrics
