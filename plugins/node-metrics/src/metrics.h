#pragma once
// What subscribers are told. Sizes are bytes, rates are of a second, ratios go from 0 to 1; what a node does not tell,
// and a rate that two looks do not give, is left out.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pillard/pillard.h"

namespace node_metrics {

/// Shares of the time since the look before. `used` is all but idle and waiting for disks.
struct CpuUsage {
  double used = 0, user = 0, system = 0, iowait = 0, steal = 0;
  PILLARD_FIELDS(CpuUsage, PILLARD_FIELD(used, {.about = "All but idle and iowait."}),
                 PILLARD_FIELD(user, {.about = "With nice."}), PILLARD_FIELD(system, {.about = "With interrupts."}),
                 PILLARD_FIELD(iowait, {.about = "Waiting for disks."}),
                 PILLARD_FIELD(steal, {.about = "Taken by the hypervisor for others."}))
};

struct CoreUsage {
  int core = 0;
  double used = 0, user = 0, system = 0, iowait = 0, steal = 0;
  PILLARD_FIELDS(CoreUsage, PILLARD_FIELD(core, {.about = "Its number."}), PILLARD_FIELD(used), PILLARD_FIELD(user),
                 PILLARD_FIELD(system), PILLARD_FIELD(iowait), PILLARD_FIELD(steal))
};

struct LoadAverage {
  double one = 0, five = 0, fifteen = 0;
  PILLARD_FIELDS(LoadAverage, PILLARD_FIELD(one), PILLARD_FIELD(five), PILLARD_FIELD(fifteen))
};

struct Memory {
  std::uint64_t total = 0, used = 0, available = 0;  // used + available = total
  std::optional<std::uint64_t> free, buffers, cached;
  PILLARD_FIELDS(Memory, PILLARD_FIELD(total), PILLARD_FIELD(used, {.about = "total - available."}),
                 PILLARD_FIELD(available, {.about = "What programs can have without swapping."}), PILLARD_FIELD(free),
                 PILLARD_FIELD(buffers), PILLARD_FIELD(cached))
};

struct Swap {
  std::uint64_t total = 0, used = 0;
  PILLARD_FIELDS(Swap, PILLARD_FIELD(total), PILLARD_FIELD(used))
};

struct Filesystem {
  std::string mount, device, type;
  std::uint64_t size = 0, used = 0, available = 0;
  std::optional<std::uint64_t> inodes, inodes_used;
  bool read_only = false;
  std::optional<std::int64_t> full_in;  // s, see forecast.h
  PILLARD_FIELDS(Filesystem, PILLARD_FIELD(mount, {.about = "Where it is mounted."}), PILLARD_FIELD(device),
                 PILLARD_FIELD(type), PILLARD_FIELD(size), PILLARD_FIELD(used),
                 PILLARD_FIELD(available, {.about = "To users without privileges."}),
                 PILLARD_FIELD(inodes, {.about = "Not where they are made as needed."}), PILLARD_FIELD(inodes_used),
                 PILLARD_FIELD(read_only, {.about = "Also when it turned so by an error."}),
                 PILLARD_FIELD(full_in, {.about = "Seconds until available is used up if it goes on filling so."}))
};

struct Disk {
  std::string name;
  std::optional<std::string> mapper;
  std::optional<std::uint64_t> read_bytes, write_bytes;
  std::optional<double> reads, writes;
  std::optional<double> utilisation;
  PILLARD_FIELDS(Disk, PILLARD_FIELD(name),
                 PILLARD_FIELD(mapper, {.about = "Its name for the device mapper, such as vg0-data."}),
                 PILLARD_FIELD(read_bytes), PILLARD_FIELD(write_bytes), PILLARD_FIELD(reads), PILLARD_FIELD(writes),
                 PILLARD_FIELD(utilisation, {.about = "Share of the time with something in progress."}))
};

struct Interface {
  std::string name;
  std::optional<std::uint64_t> rx_bytes, tx_bytes;
  std::optional<double> rx_packets, tx_packets, rx_errors, tx_errors, rx_drops, tx_drops;
  PILLARD_FIELDS(Interface, PILLARD_FIELD(name), PILLARD_FIELD(rx_bytes), PILLARD_FIELD(tx_bytes),
                 PILLARD_FIELD(rx_packets), PILLARD_FIELD(tx_packets), PILLARD_FIELD(rx_errors),
                 PILLARD_FIELD(tx_errors), PILLARD_FIELD(rx_drops), PILLARD_FIELD(tx_drops))
};

struct Temperature {
  std::string chip;
  std::optional<std::string> label;
  double celsius = 0;
  std::optional<double> critical;
  PILLARD_FIELDS(Temperature, PILLARD_FIELD(chip), PILLARD_FIELD(label, {.about = "Where it has one."}),
                 PILLARD_FIELD(celsius), PILLARD_FIELD(critical, {.about = "As its maker has set it."}))
};

struct Waiting {
  std::optional<double> some, full;
  PILLARD_FIELDS(Waiting, PILLARD_FIELD(some, {.about = "Of some tasks."}),
                 PILLARD_FIELD(full, {.about = "Of all tasks."}))
};

struct Pressure {
  std::optional<Waiting> cpu, memory, io;
  PILLARD_FIELDS(Pressure, PILLARD_FIELD(cpu), PILLARD_FIELD(memory), PILLARD_FIELD(io))
};

/// Of a container: what it may use, where that is less than the machine has.
struct Limits {
  std::optional<std::uint64_t> memory, memory_used;
  std::optional<double> cpus;
  PILLARD_FIELDS(Limits, PILLARD_FIELD(memory, {.about = "In bytes."}),
                 PILLARD_FIELD(memory_used, {.about = "Without cached files that could go."}),
                 PILLARD_FIELD(cpus, {.about = "As a number of processors."}))
};

/// One `metrics_update`.
struct Metrics {
  std::int64_t timestamp = 0;    // ms since 1970, by the daemon's clock
  std::optional<double> uptime;  // s
  std::optional<double> period;  // s, by the node's clock: what rates are of
  std::optional<CpuUsage> cpu;
  std::vector<CoreUsage> cores;
  std::optional<LoadAverage> load;
  std::optional<Memory> memory;
  std::optional<Swap> swap;
  std::vector<Filesystem> filesystems;
  std::vector<Disk> disks;
  std::vector<Interface> interfaces;
  std::vector<Temperature> temperatures;
  std::optional<Pressure> pressure;
  std::optional<Limits> limits;
  PILLARD_FIELDS(
      Metrics,
      PILLARD_FIELD(timestamp, {.about = "In ms since 1970, by the daemon's clock, when the node had answered."}),
      PILLARD_FIELD(uptime, {.about = "In seconds."}),
      PILLARD_FIELD(period,
                    {.about = "Seconds between the two looks that rates and cpu are of, by the node's own clock."}),
      PILLARD_FIELD(cpu, {.about = "Of all processors together, each a ratio of the time."}),
      PILLARD_FIELD(cores, {.about = "The same for each processor."}),
      PILLARD_FIELD(load, {.about = "Averages over so many minutes."}), PILLARD_FIELD(memory, {.about = "In bytes."}),
      PILLARD_FIELD(swap, {.about = "In bytes; left out without swap."}),
      PILLARD_FIELD(filesystems, {.about = "Local ones, each device once; sizes in bytes."}),
      PILLARD_FIELD(disks, {.about = "Whole ones, also md and device mapper; rates of a second."}),
      PILLARD_FIELD(interfaces, {.about = "Those with any traffic since boot; rates of a second."}),
      PILLARD_FIELD(temperatures, {.about = "In degrees Celsius."}),
      PILLARD_FIELD(pressure, {.about = "Share of the last 10 s that tasks spent waiting for it."}),
      PILLARD_FIELD(limits, {.about = "What a container may use, where that is less than the machine has."}))
};

}  // namespace node_metrics
