// A look at a node's metrics: any bytes give a snapshot within its bounds; any two, one behind the other, give shares
// between 0 and 1, rates that are not below 0, and JSON without a hole. The two are parted by a line "%%".
#include <cmath>
#include <set>

#include "fuzz/fuzz.h"
#include "rates.h"

namespace pillard::fuzz {

namespace {

using namespace node_metrics;  // NOLINT(google-build-using-namespace)

void check(const Snapshot& snapshot, std::string_view input) {
  FUZZ_REQUIRE(snapshot.cpus.size() <= 1025 && snapshot.disks.size() <= 256 && snapshot.interfaces.size() <= 256);
  FUZZ_REQUIRE(snapshot.mounts.size() <= kMaxMounts && snapshot.spaces.size() <= kMaxMounts);
  FUZZ_REQUIRE(snapshot.sensors.size() <= 256);
  std::set<std::string_view> devices;
  std::set<std::string_view> points;
  std::size_t bytes = 0;
  for (const auto& mount : snapshot.mounts) {
    FUZZ_REQUIRE(mount.point.starts_with('/') && mount.point.size() <= 1024);
    FUZZ_REQUIRE(mount.point.find('\n') == std::string::npos && mount.point.find('\0') == std::string::npos);
    FUZZ_REQUIRE(devices.insert(mount.device).second && points.insert(mount.point).second);
    bytes += mount.point.size();
  }
  FUZZ_REQUIRE(bytes <= kMaxPathBytes);
  for (const auto& space : snapshot.spaces) FUZZ_REQUIRE(space.free <= space.size && space.available <= space.size);
  for (const auto& sensor : snapshot.sensors) FUZZ_REQUIRE(sensor.celsius >= -100 && sensor.celsius <= 200);
  for (const auto& disk : snapshot.disks) FUZZ_REQUIRE(!disk.name.empty() && disk.name.size() <= 64);
  for (const auto& interface : snapshot.interfaces) FUZZ_REQUIRE(!interface.name.empty());
  if (input.empty()) FUZZ_REQUIRE(snapshot.empty());
}

bool share(double value) { return value >= 0 && value <= 1; }
bool share(std::optional<double> value) { return !value || share(*value); }
bool rate(std::optional<double> value) { return !value || (*value >= 0 && std::isfinite(*value)); }

void check(const Metrics& metrics) {
  FUZZ_REQUIRE(!metrics.period || *metrics.period > 0);
  if (metrics.cpu) FUZZ_REQUIRE(share(metrics.cpu->used) && share(metrics.cpu->user) && share(metrics.cpu->steal));
  for (const auto& core : metrics.cores) FUZZ_REQUIRE(share(core.used) && share(core.iowait) && share(core.system));
  for (const auto& disk : metrics.disks) {
    FUZZ_REQUIRE(share(disk.utilisation) && rate(disk.reads) && rate(disk.writes));
    FUZZ_REQUIRE(metrics.period || !disk.read_bytes);
  }
  for (const auto& interface : metrics.interfaces) {
    FUZZ_REQUIRE(rate(interface.rx_packets) && rate(interface.tx_drops));
    FUZZ_REQUIRE(metrics.period || !interface.rx_bytes);
  }
  if (metrics.memory) FUZZ_REQUIRE(metrics.memory->used + metrics.memory->available == metrics.memory->total);
  if (metrics.swap) FUZZ_REQUIRE(metrics.swap->used <= metrics.swap->total);
  for (const auto& filesystem : metrics.filesystems) FUZZ_REQUIRE(filesystem.used <= filesystem.size);
  const auto json = encoded(metrics);
  FUZZ_REQUIRE(json::valid(json));
}

}  // namespace

void run(std::string_view input) {
  constexpr std::string_view kParted = "\n%%\n";
  const auto at = input.find(kParted);
  const auto first = input.substr(0, at);
  const auto second = at == std::string_view::npos ? first : input.substr(at + kParted.size());
  const auto before = parse_snapshot(first);
  const auto now = parse_snapshot(second);
  check(before, first);
  check(now, second);
  check(measure(before, now));
  check(measure(now, before));
}

}  // namespace pillard::fuzz
