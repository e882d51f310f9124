#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forecast.h"
#include "metrics.h"
#include "pillard/pillard.h"
#include "snapshot.h"

namespace node_metrics {

/// What is not shown, from the configuration: names, or patterns with * ? [ ]. Never changes after setup.
struct Settings {
  std::vector<std::string> hidden_disks;        // by name
  std::vector<std::string> hidden_interfaces;   // by name
  std::vector<std::string> hidden_filesystems;  // by mount point
};

/// [setup] Mistakes are noted in `config`.
Settings read_settings(const pillard::Config& config);

/// Takes out of `snapshot` what is not to be shown.
void hide(Snapshot& snapshot, const Settings& settings);

struct MetricsQuery {
  std::int64_t interval = 2000;  // ms between two looks at the node
  PILLARD_FIELDS(MetricsQuery, PILLARD_FIELD(interval, {.min = 1000,
                                                        .max = 60000,
                                                        .clamp = true,
                                                        .pace = true,
                                                        .about = "Milliseconds between two looks at the node."}))
};

/// Why there are no metrics, in words for the person at the dashboard.
pillard::Error explain(const pillard::Exit& exit);

/// Looks at the node at once, a second later, and then every interval; the second look is the first to be published,
/// for rates need two. A slow node is given a quarter of the interval to rest; looks never overlap.
class MetricsSource final : public pillard::Source {
 public:
  using Event = Metrics;
  MetricsSource(pillard::Context& context, std::shared_ptr<const Settings> settings, const MetricsQuery& query);
  /// A new interval counts from the last look.
  void retune(const MetricsQuery& query);

 private:
  void look();
  void seen(const pillard::Exit& exit);
  void foretell(Metrics& metrics, const Snapshot& now);
  void schedule(pillard::Milliseconds rest);

  pillard::Context& context_;
  std::shared_ptr<const Settings> settings_;
  pillard::Milliseconds interval_;
  std::int64_t looked_at_ = 0;      // unix ms
  std::optional<Snapshot> before_;  // the last look
  bool published_ = false;
  std::map<std::string, FillHistory> histories_;  // by device and mount point
  pillard::Handle running_;
  pillard::Handle next_;
};

}  // namespace node_metrics
