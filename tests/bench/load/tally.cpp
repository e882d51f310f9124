#include "load/tally.h"

#include <fmt/format.h>

#include <algorithm>

namespace pillard::bench {

void Tally::await_flow() noexcept {
  for (auto& track : tracks_) track.dry = true;
  dry_ = tracks_.size();
}

void Tally::mark() {
  for (auto& track : tracks_) track.lines = 0;
  latency_ = Histogram();
  messages_ = lines_ = bytes_ = lost_ = repeated_ = 0;
  since_ = steady_ns();
  cpu_since_ = cpu_ns();
}

std::string Tally::report() const {
  constexpr double kSecond = 1e9;
  std::uint64_t served = 0;
  std::uint64_t most = 0;
  std::uint64_t fewest = UINT64_MAX;
  for (const auto& track : tracks_) {
    if (track.left_out) continue;
    served += track.lines > 0 ? 1 : 0;
    most = std::max(most, track.lines);
    fewest = std::min(fewest, track.lines);
  }
  if (fewest == UINT64_MAX) fewest = 0;
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return fmt::format(
      R"({{"event":"report","seconds":{:.6f},"messages":{},"lines":{},"bytes":{},"lost":{},"repeated":{},)"
      R"("served":{},"fewest":{},"most":{},"closed":{},"cpu_seconds":{:.6f},)"
      R"("latency_us":{{"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},"p999":{:.1f},"max":{:.1f}}}}})",
      static_cast<double>(steady_ns() - since_) / kSecond, messages_, lines_, bytes_, lost_, repeated_, served, fewest,
      most, closed_, static_cast<double>(cpu_ns() - cpu_since_) / kSecond, us(latency_.percentile(0.5)),
      us(latency_.percentile(0.9)), us(latency_.percentile(0.99)), us(latency_.percentile(0.999)), us(latency_.max()));
}

}  // namespace pillard::bench
