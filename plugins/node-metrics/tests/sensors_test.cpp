#include "sensors.h"

#include <gmock/gmock.h>

namespace node_metrics {
namespace {

using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

TEST(Sensors, PutsTheFilesOfAChipTogetherInAnyOrder) {
  SensorFiles files;
  files.add("/sys/class/hwmon/hwmon2/temp1_input", "41500");
  files.add("/sys/class/hwmon/hwmon2/temp1_crit", "90000");
  files.add("/sys/class/hwmon/hwmon2/name", "k10temp ");
  files.add("/sys/class/hwmon/hwmon2/temp1_label", "Tctl");
  const auto sensors = files.sensors();
  ASSERT_THAT(sensors, SizeIs(1));
  EXPECT_EQ(sensors[0].chip, "k10temp");
  EXPECT_EQ(sensors[0].label, "Tctl");
  EXPECT_DOUBLE_EQ(sensors[0].celsius, 41.5);
  EXPECT_THAT(sensors[0].critical, Optional(90.0));
}

TEST(Sensors, LeavesOutWhatNoSensorMeans) {
  SensorFiles files;
  for (const auto* text : {"-274000", "255000", "", "x", "99999999999999999999"})
    files.add("/sys/class/thermal/thermal_zone1/temp", text);
  EXPECT_THAT(files.sensors(), IsEmpty());
}

TEST(Sensors, KnowsAFrostyDay) {
  SensorFiles files;
  files.add("/sys/class/thermal/thermal_zone1/temp", "-12500");
  ASSERT_THAT(files.sensors(), SizeIs(1));
  EXPECT_DOUBLE_EQ(files.sensors()[0].celsius, -12.5);
}

TEST(Sensors, TakesNoCriticalTemperatureFromAChipThatSaysNought) {
  SensorFiles files;
  files.add("/sys/class/hwmon/hwmon0/temp1_input", "30000");
  files.add("/sys/class/hwmon/hwmon0/temp1_crit", "0");
  EXPECT_EQ(files.sensors().at(0).critical, std::nullopt);
}

TEST(Sensors, ShowsAZoneWhoseChipShowsNothing) {
  SensorFiles files;
  files.add("/sys/class/hwmon/hwmon0/name", "soc_thermal");
  files.add("/sys/class/thermal/thermal_zone0/type", "soc-thermal");
  files.add("/sys/class/thermal/thermal_zone0/temp", "40000");
  EXPECT_THAT(files.sensors(), SizeIs(1));
}

TEST(Sensors, PassesOverOtherFiles) {
  SensorFiles files;
  for (const auto* path : {"", "/", "/sys/class/hwmon/hwmon/temp1_input", "/sys/class/hwmon/hwmonx/temp1_input",
                           "/sys/class/hwmon/hwmon0/fan1_input", "/sys/class/hwmon/hwmon0/temp_input",
                           "/sys/class/hwmon/hwmon0/tempx_input", "/sys/class/hwmon/hwmon0", "/sys/class/hwmon/hwmon0/",
                           "/sys/class/thermal/thermal_zone/temp", "/sys/class/thermal/cooling_device0/type"})
    files.add(path, "40000");
  EXPECT_THAT(files.sensors(), IsEmpty());
}

TEST(Sensors, ShowsNoMoreThan256) {
  SensorFiles files;
  for (int at = 0; at < 2000; ++at) files.add("/sys/class/hwmon/hwmon0/temp" + std::to_string(at) + "_input", "1000");
  EXPECT_THAT(files.sensors(), SizeIs(256));
}

}  // namespace
}  // namespace node_metrics
