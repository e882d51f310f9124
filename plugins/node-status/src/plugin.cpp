#include "node_status.h"

namespace node_status {

class NodeStatus final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    const auto settings = std::make_shared<const Settings>(read_settings(config));
    registrar.stream<StatusQuery, StatusSource>({.subscribe = "subscribe_status",
                                                 .unsubscribe = "unsubscribe_status",
                                                 .event = "status_update",
                                                 .replay = 1,
                                                 .overflow = pillard::Overflow::kNewest},
                                                [settings](pillard::Context& context, const StatusQuery& query) {
                                                  return std::make_unique<StatusSource>(context, settings, query);
                                                });
  }
};

}  // namespace node_status

PILLARD_PLUGIN(node_status::NodeStatus, "node-status", "0.1.0")
