#include "rates.h"

#include <gmock/gmock.h>

#include "pillard/testing/plugin.h"

namespace node_metrics {
namespace {

using pillard::testing::read_file;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

Snapshot captured(const std::string& name) { return parse_snapshot(read_file("testdata/" + name)); }
Metrics between(const std::string& first, const std::string& second) {
  return measure(captured(first), captured(second));
}

template <class Things>
const auto& named(const Things& things, const std::string& name) {
  for (const auto& thing : things)
    if (thing.name == name) return thing;
  throw std::runtime_error("there is no " + name);
}

using Two = std::array<std::uint64_t, 2>;

TEST(Rises, AreDifferences) { EXPECT_THAT(rises<2>(Two{10, 5}, Two{15, 5}), Optional(ElementsAre(5, 0))); }

TEST(Rises, KnowACounterThatWrappedAt32Bits) {
  EXPECT_THAT(rises<2>(Two{4294967290, 5}, Two{10, 6}), Optional(ElementsAre(16, 1)));
}

TEST(Rises, AreNotKnownOfWhatWasSetBack) {
  EXPECT_EQ(rises<2>(Two{4294967290, 5}, Two{10, 4}), std::nullopt);  // both at once
  EXPECT_EQ(rises<2>(Two{1000, 5}, Two{10, 5}), std::nullopt);        // far from the end of 32 bits
  EXPECT_EQ(rises<2>(Two{5000000000, 5}, Two{10, 5}), std::nullopt);  // beyond it
}

TEST(Rises, HoldAtTheEndOf64Bits) {
  EXPECT_THAT(rises<2>(Two{0, UINT64_MAX}, Two{UINT64_MAX, UINT64_MAX}),
              Optional(ElementsAre(DoubleEq(18446744073709551615.0), 0)));
}

CpuTimes times(std::uint64_t user, std::uint64_t system, std::uint64_t idle, std::uint64_t iowait = 0,
               std::uint64_t steal = 0) {
  CpuTimes made;
  made.user = user;
  made.system = system;
  made.idle = idle;
  made.iowait = iowait;
  made.steal = steal;
  return made;
}

TEST(CpuUsage, IsTheShareOfEachKindOfTime) {
  const auto usage = cpu_usage(times(100, 50, 800, 10, 5), times(130, 60, 850, 15, 10));
  ASSERT_TRUE(usage);
  EXPECT_DOUBLE_EQ(usage->used, 0.45);
  EXPECT_DOUBLE_EQ(usage->user, 0.3);
  EXPECT_DOUBLE_EQ(usage->system, 0.1);
  EXPECT_DOUBLE_EQ(usage->iowait, 0.05);
  EXPECT_DOUBLE_EQ(usage->steal, 0.05);
}

TEST(CpuUsage, TakesIdleAndStolenTimeThatWentBackAsNone) {
  const auto usage = cpu_usage(times(100, 50, 800, 10, 5), times(150, 100, 790, 5, 1));
  ASSERT_TRUE(usage);
  EXPECT_DOUBLE_EQ(usage->used, 1);
  EXPECT_DOUBLE_EQ(usage->iowait, 0);
  EXPECT_DOUBLE_EQ(usage->steal, 0);
}

TEST(CpuUsage, IsNotKnownOfACoreThatCameBack) {
  EXPECT_EQ(cpu_usage(times(100, 50, 800), times(10, 60, 900)), std::nullopt);
  EXPECT_EQ(cpu_usage(times(100, 50, 800), times(100, 50, 800)), std::nullopt);
}

TEST(Measure, GivesRatesOfTheTimeBetweenTwoLooks) {
  const auto metrics = between("hotplug-1.txt", "hotplug-2.txt");
  EXPECT_THAT(metrics.period, Optional(2.0));
  ASSERT_TRUE(metrics.cpu);
  EXPECT_DOUBLE_EQ(metrics.cpu->used, 0.7);
  EXPECT_DOUBLE_EQ(metrics.cpu->user, 0.25);
  EXPECT_DOUBLE_EQ(metrics.cpu->system, 0.4);
  EXPECT_DOUBLE_EQ(metrics.cpu->iowait, 0.1);
  EXPECT_DOUBLE_EQ(metrics.cpu->steal, 0.05);
  EXPECT_THAT(metrics.cores, SizeIs(1));
  const auto& disk = named(metrics.disks, "vda");
  EXPECT_THAT(disk.read_bytes, Optional(4000U * 512 / 2));
  EXPECT_THAT(disk.write_bytes, Optional(8192U * 512 / 2));
  EXPECT_THAT(disk.reads, Optional(10.0));
  EXPECT_THAT(disk.writes, Optional(25.0));
  EXPECT_THAT(disk.utilisation, Optional(0.5));
  const auto& eth1 = named(metrics.interfaces, "eth1");
  EXPECT_THAT(eth1.rx_bytes, Optional(1000U));
  EXPECT_THAT(eth1.tx_bytes, Optional(500U));
  EXPECT_THAT(eth1.rx_packets, Optional(5.0));
}

TEST(Measure, ShowsWhatCameWithoutRatesAndForgetsWhatWent) {
  const auto metrics = between("hotplug-1.txt", "hotplug-2.txt");
  EXPECT_EQ(named(metrics.disks, "sdc").read_bytes, std::nullopt);
  EXPECT_EQ(named(metrics.interfaces, "wwan0").rx_bytes, std::nullopt);
  EXPECT_THAT(metrics.disks, SizeIs(3));
  EXPECT_THAT(metrics.interfaces, SizeIs(3));
  ASSERT_THAT(metrics.filesystems, SizeIs(1));  // the stick was not measured yet
}

TEST(Measure, GivesNoRatesOfADiskThatWasReplacedAndADriverThatWasLoadedAgain) {
  const auto metrics = between("hotplug-1.txt", "hotplug-2.txt");
  EXPECT_EQ(named(metrics.disks, "sdb").utilisation, std::nullopt);
  EXPECT_EQ(named(metrics.disks, "sdb").write_bytes, std::nullopt);
  EXPECT_EQ(named(metrics.interfaces, "eth0").rx_bytes, std::nullopt);
}

TEST(Measure, GivesNoRatesOverAReboot) {
  const auto metrics = between("reboot-1.txt", "reboot-2.txt");
  EXPECT_EQ(metrics.period, std::nullopt);
  EXPECT_EQ(metrics.cpu, std::nullopt);
  EXPECT_THAT(metrics.cores, IsEmpty());
  EXPECT_EQ(metrics.disks.at(0).read_bytes, std::nullopt);
  EXPECT_EQ(metrics.interfaces.at(0).rx_bytes, std::nullopt);
  EXPECT_THAT(metrics.uptime, Optional(21.3));
  EXPECT_THAT(metrics.filesystems, SizeIs(1));
}

TEST(Measure, GivesRatesOfCountersThatWrapped) {
  const auto metrics = between("wrap-1.txt", "wrap-2.txt");
  EXPECT_THAT(metrics.interfaces.at(0).rx_bytes, Optional(1000000U));
  EXPECT_THAT(metrics.disks.at(0).utilisation, Optional(1.0));
  EXPECT_THAT(metrics.disks.at(0).write_bytes, Optional(8000U * 512 / 2));
}

TEST(Measure, GivesNoRatesOfLooksThatAreTooNear) {
  EXPECT_EQ(elapsed(parse_snapshot("==> /proc/uptime <==\n5.00 1\n"), parse_snapshot("==> /proc/uptime <==\n5.01 1\n")),
            std::nullopt);
}

TEST(Measure, KnowsProcessorsAlsoWithoutTheNodesClock) {
  const auto metrics = measure(parse_snapshot("cpu  10 0 10 100\n"), parse_snapshot("cpu  20 0 10 110\n"));
  ASSERT_TRUE(metrics.cpu);
  EXPECT_DOUBLE_EQ(metrics.cpu->used, 0.5);
  EXPECT_EQ(metrics.period, std::nullopt);
}

TEST(Measure, TellsMemoryThatIsNotAvailableAsUsed) {
  const auto memory = between("server.txt", "server.txt").memory;
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->total, 263844604UL * 1024);
  EXPECT_EQ(memory->available, 181203312UL * 1024);
  EXPECT_EQ(memory->used, memory->total - memory->available);
}

TEST(Measure, ReckonsWhatAnOldKernelHasAvailable) {
  const auto memory = between("linux-2.6.18.txt", "linux-2.6.18.txt").memory;
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->available, (212044U + 112044U + 912044U) * 1024UL);
}

TEST(Measure, LeavesOutSwapWhereThereIsNone) {
  EXPECT_EQ(between("server.txt", "server.txt").swap, std::nullopt);
  const auto swap = between("raspberry-pi.txt", "raspberry-pi.txt").swap;
  ASSERT_TRUE(swap);
  EXPECT_EQ(swap->used, (102396U - 99068U) * 1024);
}

TEST(Measure, TellsOfAFilesystemWhatDfTells) {
  const auto& filesystems = between("server.txt", "server.txt").filesystems;
  ASSERT_THAT(filesystems, SizeIs(4));
  EXPECT_EQ(filesystems[2].mount, "/var/lib/ethereum");
  EXPECT_EQ(filesystems[2].device, "/dev/mapper/vg0-ethereum");
  EXPECT_EQ(filesystems[2].type, "xfs");
  EXPECT_EQ(filesystems[2].size, 1953125000UL * 4096);
  EXPECT_EQ(filesystems[2].used, 1500000000UL * 4096);
  EXPECT_EQ(filesystems[2].available, 453125000UL * 4096);
  EXPECT_THAT(filesystems[2].inodes_used, Optional(879669U));
  EXPECT_EQ(filesystems[3].inodes, std::nullopt);  // btrfs makes them as needed
}

TEST(Measure, TellsTheLimitsOfAContainer) {
  const auto limits = between("container.txt", "container.txt").limits;
  ASSERT_TRUE(limits);
  EXPECT_THAT(limits->memory, Optional(536870912U));
  EXPECT_THAT(limits->memory_used, Optional(209715200U));
  EXPECT_THAT(limits->cpus, Optional(1.5));
  EXPECT_EQ(between("lxc.txt", "lxc.txt").limits, std::nullopt);
}

TEST(Measure, LeavesOutPressureWhereItIsSwitchedOff) {
  EXPECT_EQ(between("raspberry-pi.txt", "raspberry-pi.txt").pressure, std::nullopt);
  const auto pressure = between("server.txt", "server.txt").pressure;
  ASSERT_TRUE(pressure);
  EXPECT_THAT(pressure->io->some, Optional(0.125));
}

TEST(Measure, WritesNoNumberThatIsNone) {
  for (const auto* name : {"busybox.txt", "container.txt", "disks-120.txt", "linux-2.6.18.txt", "lxc.txt",
                           "raspberry-pi.txt", "rk3588.txt", "server.txt", "wsl.txt"}) {
    const auto json = pillard::encoded(between(name, name));
    EXPECT_TRUE(pillard::json::valid(json)) << name;
    EXPECT_EQ(json.find("null"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace node_metrics
