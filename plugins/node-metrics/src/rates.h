#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "metrics.h"
#include "snapshot.h"

namespace node_metrics {

/// What the counters of one thing rose by between two looks. One that alone went back has wrapped at 32 bits; several
/// that did were set back (the thing was replaced, or its driver loaded again): nothing.
template <std::size_t kCount>
std::optional<std::array<double, kCount>> rises(const std::array<std::uint64_t, kCount>& before,
                                                const std::array<std::uint64_t, kCount>& now) {
  constexpr std::uint64_t kWrap = 1ULL << 32U;
  std::array<double, kCount> rises{};
  int back = 0;
  for (std::size_t at = 0; at < kCount; ++at) {
    if (now[at] >= before[at]) {
      rises[at] = static_cast<double>(now[at] - before[at]);
      continue;
    }
    // Half the range is the most that can be told from a step back.
    if (++back > 1 || before[at] >= kWrap || now[at] + kWrap - before[at] > kWrap / 2) return std::nullopt;
    rises[at] = static_cast<double>(now[at] + kWrap - before[at]);
  }
  return rises;
}

/// Seconds between two looks by the node's own clock. Nothing where it stood still, went back (another machine, or the
/// same one after a reboot) or is not known: then there are no rates.
std::optional<double> elapsed(const Snapshot& before, const Snapshot& now);

/// How processors spent the time between. Nothing where none passed or a counter that only rises went back.
std::optional<CpuUsage> cpu_usage(const CpuTimes& before, const CpuTimes& now);

/// All but `timestamp` and `full_in`.
Metrics measure(const Snapshot& before, const Snapshot& now);

}  // namespace node_metrics
