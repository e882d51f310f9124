#include "snapshot.h"

#include <gmock/gmock.h>

#include "pillard/testing/plugin.h"

namespace node_metrics {
namespace {

using pillard::testing::read_file;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

Snapshot captured(const std::string& name) { return parse_snapshot(read_file("testdata/" + name)); }

template <class Things>
std::vector<std::string> names(const Things& things) {
  std::vector<std::string> names;
  for (const auto& thing : things) names.push_back(thing.name);
  return names;
}

std::vector<std::string> points(const std::vector<Mount>& mounts) {
  std::vector<std::string> points;
  for (const auto& mount : mounts) points.push_back(mount.point);
  return points;
}

std::vector<std::string> chips(const std::vector<Sensor>& sensors) {
  std::vector<std::string> chips;
  for (const auto& sensor : sensors) chips.push_back(sensor.chip);
  return chips;
}

TEST(Snapshot, ReadsALookThroughBusybox) {
  const auto now = captured("busybox.txt");
  EXPECT_THAT(now.uptime, Optional(641.21));
  ASSERT_THAT(now.cpus, SizeIs(3));
  EXPECT_EQ(now.cpus[0].core, std::nullopt);
  EXPECT_EQ(now.cpus[0].user, 67009U);
  EXPECT_EQ(now.cpus[0].steal, 63U);
  EXPECT_THAT(now.cpus[2].core, Optional(1));
  EXPECT_THAT(names(now.disks), ElementsAre("vda"));
  EXPECT_THAT(names(now.interfaces), ElementsAre("lo", "eth0"));
  EXPECT_THAT(points(now.mounts), ElementsAre("/"));
  ASSERT_FALSE(now.spaces.empty());
  EXPECT_EQ(now.spaces[0].point, "/");
  EXPECT_THAT(now.memory.swap_total, Optional(0U));
  EXPECT_TRUE(now.cpu_stall.some.has_value());
}

TEST(Snapshot, ReadsABoardWithoutPressure) {
  const auto now = captured("raspberry-pi.txt");
  EXPECT_THAT(now.cpus, SizeIs(5));
  EXPECT_THAT(names(now.disks), ElementsAre("sda", "mmcblk0"));
  EXPECT_THAT(names(now.interfaces), ElementsAre("lo", "eth0"));
  EXPECT_THAT(points(now.mounts), ElementsAre("/", "/boot/firmware", "/mnt/ssd one"));
  ASSERT_THAT(now.spaces, SizeIs(3));
  EXPECT_EQ(now.spaces[2].point, "/mnt/ssd one");
  EXPECT_EQ(now.cpu_stall.some, std::nullopt);
  ASSERT_THAT(now.sensors, SizeIs(1));  // the zone shows the same
  EXPECT_EQ(now.sensors[0].chip, "cpu_thermal");
  EXPECT_DOUBLE_EQ(now.sensors[0].celsius, 52.582);
  EXPECT_THAT(now.memory.available, Optional(5120332UL * 1024));
}

TEST(Snapshot, ReadsABoardWithThermalZonesOnly) {
  const auto now = captured("rk3588.txt");
  EXPECT_THAT(now.cpus, SizeIs(9));
  EXPECT_THAT(names(now.disks), ElementsAre("mtdblock0", "mmcblk0", "nvme0n1", "zram0"));
  EXPECT_THAT(chips(now.sensors), ElementsAre("soc-thermal", "bigcore0-thermal", "bigcore1-thermal",
                                              "littlecore-thermal", "center-thermal", "gpu-thermal", "npu-thermal"));
}

TEST(Snapshot, ReadsALargeServer) {
  const auto now = captured("server.txt");
  EXPECT_THAT(now.cpus, SizeIs(33));
  EXPECT_THAT(names(now.disks), ElementsAre("loop0", "nvme0n1", "nvme1n1", "nvme2n1", "nvme3n1", "md1", "dm-0"));
  EXPECT_EQ(now.disks.back().mapper, "vg0-ethereum");
  EXPECT_THAT(names(now.interfaces),
              ElementsAre("lo", "enp65s0f0np0", "enp65s0f1np1", "bond0", "docker0", "veth1f0c9a2", "wg0:1"));
  EXPECT_THAT(points(now.mounts), ElementsAre("/", "/boot/efi", "/var/lib/ethereum", "/srv"));
  EXPECT_THAT(now.io_stall.full, Optional(0.1025));
  EXPECT_THAT(chips(now.sensors), ElementsAre("nvme", "coretemp", "coretemp", "coretemp", "acpitz"));
  EXPECT_EQ(now.sensors[1].label, "Package id 0");
  EXPECT_THAT(now.sensors[1].critical, Optional(105.0));
}

TEST(Snapshot, ReadsAContainerWithLimits) {
  const auto now = captured("container.txt");
  EXPECT_THAT(points(now.mounts), ElementsAre("/"));
  EXPECT_EQ(now.mounts[0].filesystem, "overlay");
  EXPECT_THAT(now.sensors, IsEmpty());
  EXPECT_THAT(now.group.memory_limit, Optional(536870912U));
  EXPECT_THAT(now.group.memory_used, Optional(314572800U));
  EXPECT_THAT(now.group.memory_inactive, Optional(104857600U));
  EXPECT_THAT(now.group.cpu_quota, Optional(150000));
  EXPECT_THAT(names(now.interfaces), ElementsAre("eth0"));
}

TEST(Snapshot, ReadsAContainerOfLxcWithoutLimits) {
  const auto now = captured("lxc.txt");
  EXPECT_THAT(now.disks, IsEmpty());
  EXPECT_THAT(points(now.mounts), ElementsAre("/"));
  EXPECT_EQ(now.group.memory_limit, std::nullopt);
  EXPECT_THAT(now.group.cpu_quota, Optional(-1));
  EXPECT_THAT(now.group.memory_inactive, Optional(8192U));
}

TEST(Snapshot, ReadsWsl) {
  const auto now = captured("wsl.txt");
  EXPECT_THAT(points(now.mounts), ElementsAre("/"));
  EXPECT_THAT(names(now.disks), ElementsAre("sda", "sdc"));
}

TEST(Snapshot, ReadsAnOldKernelWithFewerColumns) {
  const auto now = captured("linux-2.6.18.txt");
  EXPECT_THAT(now.cpus, SizeIs(2));
  EXPECT_EQ(now.memory.available, std::nullopt);
  EXPECT_THAT(names(now.disks), ElementsAre("sda"));
  EXPECT_TRUE(now.disks[0].has_busy);
  EXPECT_THAT(names(now.interfaces), ElementsAre("lo", "eth0"));
  EXPECT_EQ(now.interfaces[1].counters[InterfaceCounters::kRxBytes], 3912033122U);
  EXPECT_EQ(now.interfaces[1].counters[InterfaceCounters::kTxBytes], 1203312233U);
}

TEST(Snapshot, ReadsFourColumnsOfAPartitionThatIsAllThereIs) {
  const auto now = parse_snapshot("==> /proc/diskstats <==\n   8 2 xvda2 7 80 5 40\n");
  ASSERT_THAT(now.disks, SizeIs(1));
  EXPECT_THAT(now.disks[0].counters, ElementsAre(7U, 80U, 5U, 40U, 0U));
  EXPECT_FALSE(now.disks[0].has_busy);
}

TEST(Snapshot, ReadsEveryOneOf120Disks) {
  const auto now = captured("disks-120.txt");
  EXPECT_THAT(now.disks, SizeIs(121));
  EXPECT_THAT(now.mounts, SizeIs(121));
  EXPECT_THAT(now.spaces, SizeIs(121));
}

TEST(Snapshot, ReadsAnEarlyKernelWithFourKindsOfTime) {
  const auto now = parse_snapshot("cpu  1 2 3 4\ncpu0 1 2 3 4\n");
  ASSERT_THAT(now.cpus, SizeIs(2));
  EXPECT_EQ(now.cpus[0].idle, 4U);
  EXPECT_EQ(now.cpus[0].iowait, 0U);
}

TEST(Snapshot, IsEmptyForWhatTellsNothing) {
  EXPECT_TRUE(parse_snapshot("").empty());
  EXPECT_TRUE(parse_snapshot("\n\nrubbish\n==> /proc/uptime <==\n==> x <==\n==>  <==\n").empty());
  EXPECT_FALSE(parse_snapshot("==> /proc/uptime <==\n1.5 2\n").empty());
}

TEST(Snapshot, PassesOverOddLines) {
  const auto now = parse_snapshot(
      "cpu\ncpux 1 2 3 4\ncpu0 1 2 3\ncpu1 a b c d\ncpu-1 1 2 3 4\ncpu99999999999 1 2 3 4\n"
      "==> /proc/uptime <==\nnan\n"
      "==> /proc/diskstats <==\n8 0\n8 0 sda\n8 0 sda x\nx 0 sda 1 1 1 1 1 1 1 1 1 1 1\n8 0 sdb 1 1 1 1 1 1 1\n"
      "==> /proc/net/dev <==\n:\neth0\neth0: 1 2 3\neth0: 1 2 3 4 5 6 7 8 9 10 11 x\n"
      "==> /proc/loadavg <==\n-1 0 0\n"
      "==> /proc/meminfo <==\nMemTotal\nMemTotal: x kB\nMemTotal: 18446744073709551615 kB\n"
      "==> /proc/pressure/cpu <==\nsome\nsome avg10=\nsome avg10=101\nsome avg10=nan\n"
      "==> stat <==\n1 2 3 4 5 6\n1 2 3 4 5 6 relative\n1 2 x 4 5 6 /\n");
  EXPECT_TRUE(now.empty());
  EXPECT_THAT(now.disks, IsEmpty());
  EXPECT_THAT(now.interfaces, IsEmpty());
  EXPECT_THAT(now.spaces, IsEmpty());
  EXPECT_EQ(now.load, std::nullopt);
  EXPECT_EQ(now.cpu_stall.some, std::nullopt);
}

TEST(Snapshot, TakesAReadingThatFailedAsNotThere) {
  const auto now = parse_snapshot(
      "==> /sys/class/hwmon/hwmon0/temp1_input <==\n\n==> /sys/class/hwmon/hwmon0/temp2_input <==\n30000\n"
      "==> /sys/class/hwmon/hwmon0/name <==\nnvme\n");
  ASSERT_THAT(now.sensors, SizeIs(1));
  EXPECT_DOUBLE_EQ(now.sensors[0].celsius, 30);
}

TEST(Snapshot, KeepsNoMoreThanItsBounds) {
  std::string text;
  for (int at = 0; at < 3000; ++at) text += "cpu" + std::to_string(at) + " 1 2 3 4 5 6 7 8\n";
  text += "==> /proc/diskstats <==\n";
  for (int at = 0; at < 5000; ++at) text += "8 0 dev" + std::to_string(at) + "x 1 1 1 1 1 1 1 1 1 1 1\n";
  text += "==> /proc/net/dev <==\n";
  for (int at = 0; at < 5000; ++at) text += "e" + std::to_string(at) + ": 1 2 3 4 5 6 7 8 9 10 11 12\n";
  text += "==> stat <==\n";
  for (int at = 0; at < 5000; ++at) text += "1 2 3 4 5 6 /" + std::to_string(at) + "\n";
  const auto now = parse_snapshot(text);
  EXPECT_THAT(now.cpus, SizeIs(1025));
  EXPECT_THAT(now.disks, SizeIs(256));
  EXPECT_THAT(now.interfaces, SizeIs(256));
  EXPECT_THAT(now.spaces, SizeIs(256));
}

}  // namespace
}  // namespace node_metrics
