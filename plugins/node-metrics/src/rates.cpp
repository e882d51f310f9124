#include "rates.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

namespace node_metrics {

namespace {

// Less is too near to the 10 ms that the node's clock has.
constexpr double kShortest = 0.2;
constexpr double kSectorBytes = 512;

double rounded(double value, double parts) { return std::round(value * parts) / parts; }
double ratio(double value) { return rounded(std::clamp(value, 0.0, 1.0), 1e4); }

/// A rate as an integer. Whatever counters say, it is a number that every reader of JSON takes.
std::uint64_t whole(double rate) {
  constexpr double kMost = 9007199254740991.0;
  return static_cast<std::uint64_t>(std::round(std::clamp(rate, 0.0, kMost)));
}

/// Of what has gone back, nothing: idle and waiting are corrected by the kernel, stolen time by the hypervisor.
double gained(std::uint64_t before, std::uint64_t now) { return now > before ? static_cast<double>(now - before) : 0; }

template <class Thing>
std::unordered_map<std::string_view, const Thing*> by_name(const std::vector<Thing>& things) {
  std::unordered_map<std::string_view, const Thing*> index;
  for (const auto& thing : things) index.emplace(thing.name, &thing);
  return index;
}

void measure_cpus(Metrics& metrics, const Snapshot& before, const Snapshot& now) {
  std::unordered_map<int, const CpuTimes*> earlier;
  constexpr int kAll = -1;
  for (const auto& times : before.cpus) earlier.emplace(times.core.value_or(kAll), &times);
  for (const auto& times : now.cpus) {
    const auto found = earlier.find(times.core.value_or(kAll));
    if (found == earlier.end()) continue;
    const auto usage = cpu_usage(*found->second, times);
    if (!usage) continue;
    if (times.core) {
      metrics.cores.push_back({.core = *times.core,
                               .used = usage->used,
                               .user = usage->user,
                               .system = usage->system,
                               .iowait = usage->iowait,
                               .steal = usage->steal});
    } else {
      metrics.cpu = usage;
    }
  }
}

/// Kernels before 3.14 leave it to the reader what could be had without swapping.
std::uint64_t available_memory(const MemoryFigures& memory) {
  if (memory.available) return *memory.available;
  const auto held = memory.buffers.value_or(0) + memory.cached.value_or(0) + memory.reclaimable.value_or(0);
  return memory.free.value_or(0) + held - std::min(held, memory.shared.value_or(0));
}

void show_memory(Metrics& metrics, const MemoryFigures& memory) {
  if (memory.total) {
    const auto available = std::min(available_memory(memory), *memory.total);
    metrics.memory = {.total = *memory.total,
                      .used = *memory.total - available,
                      .available = available,
                      .free = memory.free,
                      .buffers = memory.buffers,
                      .cached = memory.cached};
  }
  if (const auto total = memory.swap_total.value_or(0); total > 0)
    metrics.swap = {.total = total, .used = total - std::min(memory.swap_free.value_or(total), total)};
}

void show_filesystems(Metrics& metrics, const Snapshot& now) {
  std::unordered_map<std::string_view, const Space*> spaces;
  for (const auto& space : now.spaces) spaces.emplace(space.point, &space);
  for (const auto& mount : now.mounts) {
    const auto found = spaces.find(mount.point);
    if (found == spaces.end() || found->second->size == 0) continue;
    const auto& space = *found->second;
    Filesystem shown;
    shown.mount = mount.point;
    shown.device = mount.source;
    shown.type = mount.filesystem;
    shown.size = space.size;
    shown.used = space.size - space.free;
    shown.available = space.available;
    if (space.inodes > 0) {
      shown.inodes = space.inodes;
      shown.inodes_used = space.inodes - space.inodes_free;
    }
    shown.read_only = mount.read_only;
    metrics.filesystems.push_back(std::move(shown));
  }
}

void measure_disks(Metrics& metrics, const Snapshot& before, const Snapshot& now, std::optional<double> period) {
  const auto earlier = by_name(before.disks);
  for (const auto& disk : now.disks) {
    // In its place: of one that is moved there g++ 12 believes that its mapper may be uninitialized.
    auto& shown = metrics.disks.emplace_back();
    shown.name = disk.name;
    if (!disk.mapper.empty()) shown.mapper.emplace(disk.mapper);
    const auto found = earlier.find(disk.name);
    if (const auto rose =
            period && found != earlier.end() ? rises(found->second->counters, disk.counters) : std::nullopt) {
      shown.read_bytes = whole((*rose)[DiskCounters::kReadSectors] * kSectorBytes / *period);
      shown.write_bytes = whole((*rose)[DiskCounters::kWriteSectors] * kSectorBytes / *period);
      shown.reads = rounded((*rose)[DiskCounters::kReads] / *period, 10);
      shown.writes = rounded((*rose)[DiskCounters::kWrites] / *period, 10);
      if (disk.has_busy && found->second->has_busy)
        shown.utilisation = ratio((*rose)[DiskCounters::kBusyMs] / 1000 / *period);
    }
  }
}

void measure_interfaces(Metrics& metrics, const Snapshot& before, const Snapshot& now, std::optional<double> period) {
  using Which = InterfaceCounters::Which;
  const auto earlier = by_name(before.interfaces);
  for (const auto& interface : now.interfaces) {
    Interface shown;
    shown.name = interface.name;
    const auto found = earlier.find(interface.name);
    if (const auto rose =
            period && found != earlier.end() ? rises(found->second->counters, interface.counters) : std::nullopt) {
      const auto rate = [&](Which which) { return rounded((*rose)[which] / *period, 10); };
      shown.rx_bytes = whole((*rose)[Which::kRxBytes] / *period);
      shown.tx_bytes = whole((*rose)[Which::kTxBytes] / *period);
      shown.rx_packets = rate(Which::kRxPackets);
      shown.tx_packets = rate(Which::kTxPackets);
      shown.rx_errors = rate(Which::kRxErrors);
      shown.tx_errors = rate(Which::kTxErrors);
      shown.rx_drops = rate(Which::kRxDrops);
      shown.tx_drops = rate(Which::kTxDrops);
    }
    metrics.interfaces.push_back(std::move(shown));
  }
}

std::optional<Waiting> waiting(const Stall& stall) {
  if (!stall.some && !stall.full) return std::nullopt;
  const auto share = [](std::optional<double> of) { return of ? std::optional(ratio(*of)) : std::nullopt; };
  return Waiting{.some = share(stall.some), .full = share(stall.full)};
}

void show_pressure(Metrics& metrics, const Snapshot& now) {
  Pressure pressure{.cpu = waiting(now.cpu_stall), .memory = waiting(now.memory_stall), .io = waiting(now.io_stall)};
  if (pressure.cpu || pressure.memory || pressure.io) metrics.pressure = pressure;
}

void show_limits(Metrics& metrics, const Snapshot& now) {
  const auto& group = now.group;
  Limits limits;
  if (group.memory_limit && *group.memory_limit < now.memory.total.value_or(UINT64_MAX)) {
    limits.memory = group.memory_limit;
    if (group.memory_used)
      limits.memory_used = *group.memory_used - std::min(group.memory_inactive.value_or(0), *group.memory_used);
  }
  if (group.cpu_quota.value_or(-1) > 0 && group.cpu_period.value_or(0) > 0)
    limits.cpus = rounded(static_cast<double>(*group.cpu_quota) / static_cast<double>(*group.cpu_period), 100);
  if (limits.memory || limits.cpus) metrics.limits = limits;
}

}  // namespace

std::optional<double> elapsed(const Snapshot& before, const Snapshot& now) {
  if (!before.uptime || !now.uptime || *now.uptime - *before.uptime < kShortest) return std::nullopt;
  return *now.uptime - *before.uptime;
}

std::optional<CpuUsage> cpu_usage(const CpuTimes& before, const CpuTimes& now) {
  if (now.user < before.user || now.nice < before.nice || now.system < before.system) return std::nullopt;
  const double user = gained(before.user, now.user) + gained(before.nice, now.nice);
  const double kernel =
      gained(before.system, now.system) + gained(before.irq, now.irq) + gained(before.softirq, now.softirq);
  const double idle = gained(before.idle, now.idle);
  const double iowait = gained(before.iowait, now.iowait);
  const double steal = gained(before.steal, now.steal);
  const double all = user + kernel + idle + iowait + steal;
  if (all <= 0) return std::nullopt;
  return CpuUsage{.used = ratio((user + kernel + steal) / all),
                  .user = ratio(user / all),
                  .system = ratio(kernel / all),
                  .iowait = ratio(iowait / all),
                  .steal = ratio(steal / all)};
}

Metrics measure(const Snapshot& before, const Snapshot& now) {
  const auto period = elapsed(before, now);
  Metrics metrics;
  metrics.uptime = now.uptime;
  if (period) metrics.period = rounded(*period, 100);
  // Without the node's clock its processors still count their own time; after a reboot they do not count on.
  if (period || !now.uptime) measure_cpus(metrics, before, now);
  if (now.load) metrics.load = {.one = now.load->one, .five = now.load->five, .fifteen = now.load->fifteen};
  show_memory(metrics, now.memory);
  show_filesystems(metrics, now);
  measure_disks(metrics, before, now, period);
  measure_interfaces(metrics, before, now, period);
  for (const auto& sensor : now.sensors)
    metrics.temperatures.push_back({.chip = sensor.chip,
                                    .label = sensor.label.empty() ? std::nullopt : std::optional(sensor.label),
                                    .celsius = rounded(sensor.celsius, 10),
                                    .critical = sensor.critical});
  show_pressure(metrics, now);
  show_limits(metrics, now);
  return metrics;
}

}  // namespace node_metrics
