#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mounts.h"
#include "sensors.h"

namespace node_metrics {

/// Time since boot that processors spent in each way, in the kernel's ticks. A column that an old kernel lacks is 0.
struct CpuTimes {
  std::optional<int> core;  // nothing: all of them together
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
};

struct Load {
  double one = 0, five = 0, fifteen = 0;  // minutes
};

/// Bytes, as /proc/meminfo has them.
struct MemoryFigures {
  std::optional<std::uint64_t> total, free, available, buffers, cached, reclaimable, shared, swap_total, swap_free;
};

/// Since boot. Sectors have 512 bytes whatever the device says.
struct DiskCounters {
  enum Which { kReads, kReadSectors, kWrites, kWriteSectors, kBusyMs, kCount };
  std::string name;    // "nvme0n1", "dm-0"
  std::string mapper;  // of the device mapper: "vg0-root"; empty for others
  bool has_busy = false;
  std::array<std::uint64_t, kCount> counters{};
};

struct InterfaceCounters {
  enum Which { kRxBytes, kRxPackets, kRxErrors, kRxDrops, kTxBytes, kTxPackets, kTxErrors, kTxDrops, kCount };
  std::string name;
  std::array<std::uint64_t, kCount> counters{};
};

/// Shares of the last ten seconds in which some, or all, tasks waited; from 0 to 1.
struct Stall {
  std::optional<double> some, full;
};

/// What the control group that is the root of what a login sees may use: a container's limits. Nothing on a host.
struct GroupFigures {
  std::optional<std::uint64_t> memory_limit, memory_used, memory_inactive;  // bytes
  std::optional<std::int64_t> cpu_quota, cpu_period;                        // microseconds
};

/// One look at a node. What it does not tell is empty.
struct Snapshot {
  std::optional<double> uptime;  // s
  std::optional<Load> load;
  std::vector<CpuTimes> cpus;
  MemoryFigures memory;
  std::vector<DiskCounters> disks;
  std::vector<InterfaceCounters> interfaces;
  std::vector<Mount> mounts;
  std::vector<Space> spaces;
  std::vector<Sensor> sensors;
  Stall cpu_stall, memory_stall, io_stall;
  GroupFigures group;

  /// Whether there was nothing at all in it that could be understood.
  bool empty() const { return !uptime && cpus.empty() && !memory.total; }
};

/// The program and arguments of one look; mount points to measure come behind. See the README for what they do.
const std::vector<std::string>& look_command();

/// Reads the output of look_command(). Never throws for what it reads: lines that are odd are passed over, and what
/// would be too much is left out (1024 processors; 256 each of disks, interfaces, mounts and sensors).
/// Disks are whole ones: partitions, and devices that have done nothing since boot, are left out; so are interfaces
/// without any traffic. Mounts are chosen as choose_mounts() does.
Snapshot parse_snapshot(std::string_view output);

}  // namespace node_metrics
