#include "snapshot.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "pillard/text.h"

namespace node_metrics {

using pillard::take_number;
using pillard::take_until;
using pillard::take_word;
using pillard::to_number;

namespace {

constexpr std::size_t kMaxCpus = 1025;  // with the sum of all
constexpr std::size_t kMaxShown = 256;
constexpr std::size_t kMaxRead = 4096;  // lines of a file that are looked at at all
constexpr std::size_t kMaxName = 64;
constexpr std::string_view kDigits = "0123456789";

// Plain files of one number or two, then those of many lines, then sensors, which may take their time. Counters come
// right behind the uptime that their rates are made with. grep leaves out what would make the answer large: the
// interrupts in /proc/stat, and on a host of containers the mounts of each.
constexpr std::string_view kPick =
    "grep -ashE '^cpu[0-9]* |^[0-9]+ [0-9]+ [0-9]+:[0-9]+ [^ ]+ / |^(total_)?inactive_file | - (";
constexpr std::string_view kRead =
    ") ' /proc/stat /proc/self/mountinfo /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat; "
    "head -n 4096 /proc/uptime /proc/diskstats /proc/net/dev /proc/loadavg /proc/meminfo "
    "/proc/pressure/cpu /proc/pressure/memory /proc/pressure/io "
    "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.current /sys/fs/cgroup/cpu.max "
    "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory/memory.usage_in_bytes "
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us "
    "/sys/block/dm-*/dm/name /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp "
    "/sys/class/hwmon/hwmon*/name /sys/class/hwmon/hwmon*/temp*_label /sys/class/hwmon/hwmon*/temp*_crit "
    "/sys/class/hwmon/hwmon*/temp*_input 2>/dev/null; "
    "test $# = 0 || { echo '==> stat <=='; stat -f -c '%S %b %f %a %c %d %n' \"$@\" 2>/dev/null; }; exit 0";

std::string script() {
  std::string text(kPick);
  for (const auto filesystem : kRealFilesystems) {
    if (text.back() != '(') text += '|';
    text += filesystem;
  }
  return text.append(kRead);
}

void read_cpu(Snapshot& snapshot, std::string_view line) {
  CpuTimes times;
  auto name = take_word(line).substr(3);
  if (!name.empty()) {
    times.core = to_number<int>(name);
    if (!times.core || *times.core < 0) return;
  }
  std::size_t columns = 0;
  for (auto* time : {&times.user, &times.nice, &times.system, &times.idle, &times.iowait, &times.irq, &times.softirq,
                     &times.steal}) {
    const auto number = take_number<std::uint64_t>(line);
    if (!number) break;
    *time = *number;
    ++columns;
  }
  if (columns >= 4 && snapshot.cpus.size() < kMaxCpus) snapshot.cpus.push_back(times);
}

/// A line of any of the files that grep picks from: none looks like one of another file.
void read_picked(Snapshot& snapshot, std::vector<Mount>& mounts, std::string_view line) {
  if (line.starts_with("cpu")) {
    read_cpu(snapshot, line);
  } else if (line.starts_with("inactive_file ") || line.starts_with("total_inactive_file ")) {
    // The total, which also counts the groups below, comes last where there are both.
    take_word(line);
    if (const auto bytes = take_number<std::uint64_t>(line)) snapshot.group.memory_inactive = bytes;
  } else if (mounts.size() < kMaxRead) {
    if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));
  }
}

void read_meminfo(MemoryFigures& memory, std::string_view line) {
  const auto key = take_until(line, ':');
  const auto number = take_number<std::uint64_t>(line);
  if (!number || *number > UINT64_MAX / 1024) return;
  const std::pair<std::string_view, std::optional<std::uint64_t>*> known[] = {
      {"MemTotal", &memory.total},  {"MemFree", &memory.free},         {"MemAvailable", &memory.available},
      {"Buffers", &memory.buffers}, {"Cached", &memory.cached},        {"SReclaimable", &memory.reclaimable},
      {"Shmem", &memory.shared},    {"SwapTotal", &memory.swap_total}, {"SwapFree", &memory.swap_free}};
  for (const auto& [name, figure] : known)
    if (name == key) *figure = *number * 1024;
}

/// Whether it is shown as a disk of its own, whatever partitions there are.
bool is_disk(std::string_view name) {
  // Areas of an eMMC that hold its firmware ("mmcblk0boot0"), and the single paths of a multipath NVMe ("nvme0c1n1").
  if (name.starts_with("mmcblk")) {
    name.remove_prefix(std::min(name.find_first_of(kDigits), name.size()));
    name.remove_prefix(std::min(name.find_first_not_of(kDigits), name.size()));
    return name.empty() || name.front() == 'p';
  }
  if (name.starts_with("nvme")) return name.find('c') == std::string_view::npos;
  return true;
}

void read_disk(std::vector<DiskCounters>& disks, std::string_view line) {
  DiskCounters disk;
  if (!take_number<std::uint32_t>(line) || !take_number<std::uint32_t>(line)) return;  // major, minor
  disk.name = take_word(line).substr(0, kMaxName);
  if (disk.name.empty() || disks.size() == kMaxRead) return;
  std::vector<std::uint64_t> columns;
  for (auto number = take_number<std::uint64_t>(line); number; number = take_number<std::uint64_t>(line)) {
    columns.push_back(*number);
    if (columns.size() == 10) break;
  }
  // Kernels before 2.6.25 tell four columns of a partition; one with eleven or more has merges and times between.
  if (columns.size() == 4) {
    std::copy(columns.begin(), columns.end(), disk.counters.begin());
  } else if (columns.size() == 10) {
    disk.counters = {columns[0], columns[2], columns[4], columns[6], columns[9]};
    disk.has_busy = true;
  } else {
    return;
  }
  disks.push_back(std::move(disk));
}

void read_interface(std::vector<InterfaceCounters>& interfaces, std::string_view line) {
  // A name may hold a colon (an alias), numbers never do; the first number may follow without a blank.
  const auto colon = line.rfind(':');
  if (colon == std::string_view::npos || interfaces.size() == kMaxRead) return;
  InterfaceCounters interface;
  auto name = line.substr(0, colon);
  interface.name = take_word(name).substr(0, kMaxName);
  line.remove_prefix(colon + 1);
  std::array<std::uint64_t, 12> columns{};
  for (auto& column : columns) {
    const auto number = take_number<std::uint64_t>(line);
    if (!number) return;
    column = *number;
  }
  interface.counters = {columns[0], columns[1], columns[2],  columns[3],
                        columns[8], columns[9], columns[10], columns[11]};
  const auto some = [](std::uint64_t counter) { return counter > 0; };
  if (!interface.name.empty() && std::any_of(interface.counters.begin(), interface.counters.end(), some))
    interfaces.push_back(std::move(interface));
}

void read_stall(Stall& stall, std::string_view line) {
  const auto kind = take_word(line);
  auto average = take_word(line);
  if (take_until(average, '=') != "avg10") return;
  const auto percent = to_number<double>(average);
  if (!percent || !(*percent >= 0 && *percent <= 100)) return;
  if (kind == "some") stall.some = *percent / 100;
  if (kind == "full") stall.full = *percent / 100;
}

void read_limit(std::optional<std::uint64_t>& limit, std::string_view line) {
  // Version 1 says "none" by a number near 2^63, version 2 by "max".
  if (const auto bytes = take_number<std::uint64_t>(line); bytes && *bytes < (1ULL << 62U)) limit = bytes;
}

void read_load(Snapshot& snapshot, std::string_view line) {
  const auto one = take_number<double>(line);
  const auto five = take_number<double>(line);
  const auto fifteen = take_number<double>(line);
  const auto sane = [](const std::optional<double>& load) { return load && *load >= 0 && *load < 1e6; };
  if (sane(one) && sane(five) && sane(fifteen)) snapshot.load = {.one = *one, .five = *five, .fifteen = *fifteen};
}

/// The parts of an output that are put together at its end.
struct Parts {
  std::vector<Mount> mounts;
  std::vector<DiskCounters> disks;
  std::map<std::string, std::string, std::less<>> mappers;  // "dm-0" -> "vg0-root"
  SensorFiles sensors;
};

void read_group(GroupFigures& group, std::string_view path, std::string_view line) {
  if (path == "memory.max" || path == "memory/memory.limit_in_bytes") {
    read_limit(group.memory_limit, line);
  } else if (path == "memory.current" || path == "memory/memory.usage_in_bytes") {
    read_limit(group.memory_used, line);
  } else if (path == "cpu.max") {
    group.cpu_quota = take_number<std::int64_t>(line);
    group.cpu_period = take_number<std::int64_t>(line);
  } else if (path == "cpu/cpu.cfs_quota_us") {
    group.cpu_quota = take_number<std::int64_t>(line);
  } else if (path == "cpu/cpu.cfs_period_us") {
    group.cpu_period = take_number<std::int64_t>(line);
  }
}

void read_line(Snapshot& snapshot, Parts& parts, std::string_view path, std::string_view line) {
  constexpr std::string_view kGroup = "/sys/fs/cgroup/";
  constexpr std::string_view kBlock = "/sys/block/";
  if (path == "/proc/uptime") {
    const auto uptime = take_number<double>(line);
    if (uptime && *uptime >= 0 && *uptime < 1e10) snapshot.uptime = uptime;
  } else if (path == "/proc/diskstats") {
    read_disk(parts.disks, line);
  } else if (path == "/proc/net/dev") {
    read_interface(snapshot.interfaces, line);
  } else if (path == "/proc/loadavg") {
    read_load(snapshot, line);
  } else if (path == "/proc/meminfo") {
    read_meminfo(snapshot.memory, line);
  } else if (path == "/proc/pressure/cpu") {
    read_stall(snapshot.cpu_stall, line);
  } else if (path == "/proc/pressure/memory") {
    read_stall(snapshot.memory_stall, line);
  } else if (path == "/proc/pressure/io") {
    read_stall(snapshot.io_stall, line);
  } else if (path.starts_with(kGroup)) {
    read_group(snapshot.group, path.substr(kGroup.size()), line);
  } else if (path.starts_with(kBlock) && path.ends_with("/dm/name")) {
    path.remove_prefix(kBlock.size());
    if (parts.mappers.size() < kMaxRead)
      parts.mappers[std::string(take_until(path, '/'))] = line.substr(0, 2 * kMaxName);
  } else if (path == "stat") {
    if (auto space = parse_space(line); space && snapshot.spaces.size() < kMaxMounts)
      snapshot.spaces.push_back(std::move(*space));
  } else {
    parts.sensors.add(path, line);
  }
}

/// "sda1" is part of "sda", "nvme0n1p2" of "nvme0n1"; empty for a name without digits at its end.
std::string_view disk_of_partition(std::string_view name) {
  const auto last = name.find_last_not_of(kDigits);
  if (last == std::string_view::npos || last + 1 == name.size()) return {};
  const bool parted = name[last] == 'p' && last > 0 && kDigits.find(name[last - 1]) != std::string_view::npos;
  return name.substr(0, parted ? last : last + 1);
}

std::vector<DiskCounters> whole_disks(std::vector<DiskCounters> all, const Parts& parts) {
  std::unordered_set<std::string> names;
  for (const auto& disk : all) names.insert(disk.name);
  std::vector<DiskCounters> whole;
  for (auto& disk : all) {
    const bool used = std::any_of(disk.counters.begin(), disk.counters.end(), [](auto counter) { return counter > 0; });
    if (!used || !is_disk(disk.name) || names.contains(std::string(disk_of_partition(disk.name)))) continue;
    if (const auto found = parts.mappers.find(disk.name); found != parts.mappers.end()) disk.mapper = found->second;
    if (whole.size() < kMaxShown) whole.push_back(std::move(disk));
  }
  return whole;
}

}  // namespace

const std::vector<std::string>& look_command() {
  static const std::vector<std::string> kCommand = {"env", "LC_ALL=C", "sh", "-c", script(), "node-metrics"};
  return kCommand;
}

Snapshot parse_snapshot(std::string_view output) {
  Snapshot snapshot;
  Parts parts;
  std::string_view path;  // of the file that lines belong to; empty before the first, where grep speaks
  while (!output.empty()) {
    const auto line = pillard::take_line(output);
    if (line.starts_with("==> ") && line.ends_with(" <==") && line.size() > 8) {
      path = line.substr(4, line.size() - 8);
    } else if (path.empty()) {
      read_picked(snapshot, parts.mounts, line);
    } else if (!line.empty()) {
      read_line(snapshot, parts, path, line);
    }
  }
  snapshot.disks = whole_disks(std::move(parts.disks), parts);
  snapshot.mounts = choose_mounts(parts.mounts);
  snapshot.sensors = parts.sensors.sensors();
  if (snapshot.interfaces.size() > kMaxShown) snapshot.interfaces.resize(kMaxShown);
  return snapshot;
}

}  // namespace node_metrics
