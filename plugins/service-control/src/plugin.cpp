#include "control.h"
#include "unit_config.h"

namespace service_control {

class ServiceControl final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    const auto settings = std::make_shared<const Settings>(read_settings(config));
    registrar.call<ControlRequest, ControlCall>(
        {.name = "control_service", .timeout = kCallTimeout},
        [settings](pillard::CallContext& context, const ControlRequest& request) {
          return std::make_unique<ControlCall>(context, settings, request);
        });
    registrar.call<ConfigRequest, ConfigCall>({.name = "get_config"},
                                              [settings](pillard::CallContext& context, const ConfigRequest& request) {
                                                return std::make_unique<ConfigCall>(context, settings, request);
                                              });
  }
};

}  // namespace service_control

PILLARD_PLUGIN(service_control::ServiceControl, "service-control", "0.1.0")
