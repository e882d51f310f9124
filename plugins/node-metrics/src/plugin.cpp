#include "node_metrics.h"

namespace node_metrics {

class NodeMetrics final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    const auto settings = std::make_shared<const Settings>(read_settings(config));
    // Five minutes at a second; a page that is loaded again within the linger finds them.
    registrar.stream<MetricsQuery, MetricsSource>({.subscribe = "subscribe_metrics",
                                                   .unsubscribe = "unsubscribe_metrics",
                                                   .event = "metrics_update",
                                                   .replay = 300,
                                                   .linger = pillard::Milliseconds{10'000},
                                                   .overflow = pillard::Overflow::kNewest},
                                                  [settings](pillard::Context& context, const MetricsQuery& query) {
                                                    return std::make_unique<MetricsSource>(context, settings, query);
                                                  });
  }
};

}  // namespace node_metrics

PILLARD_PLUGIN(node_metrics::NodeMetrics, "node-metrics", "0.1.0")
