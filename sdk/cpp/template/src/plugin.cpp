// Registration only: which message types there are, and what serves them.
#include "my_monitor.h"

namespace my_monitor {

class MyMonitorPlugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    const auto settings = std::make_shared<const Settings>(read_settings(config));
    registrar.stream<Query, Monitor>({.subscribe = "subscribe_my_monitor",
                                      .unsubscribe = "unsubscribe_my_monitor",
                                      .event = "my_monitor_update",
                                      .replay = 1,
                                      .overflow = pillard::Overflow::kNewest},
                                     [settings](pillard::Context& context, const Query& query) {
                                       return std::make_unique<Monitor>(context, settings, query);
                                     });
  }
};

}  // namespace my_monitor

PILLARD_PLUGIN(my_monitor::MyMonitorPlugin, "my-monitor", "0.1.0")
