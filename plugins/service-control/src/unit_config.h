#pragma once
#include <memory>
#include <string>

#include "pillard/pillard.h"
#include "settings.h"

namespace service_control {

struct ConfigRequest {
  std::string service;  // "execution"; after check() without ".service"
  /// Throws Error(bad_request) when it is no unit name.
  void check();
  PILLARD_FIELDS(ConfigRequest, PILLARD_FIELD(service, {.required = true,
                                                        .max_length = 255,
                                                        .about = "Name of a systemd unit; .service may be left out."}))
};

struct ConfigContent {
  std::string service;
  std::string content;
  PILLARD_FIELDS(ConfigContent, PILLARD_FIELD(service, {.about = "As asked for, without .service."}),
                 PILLARD_FIELD(content, {.max_length = 1024 * 1024,
                                         .about = "The unit file and its drop-ins, each below a line with its path."}))
};

/// The unit file of one of the offered units, read and never written.
class ConfigCall final : public pillard::Call {
 public:
  using Response = ConfigContent;
  ConfigCall(pillard::CallContext& context, const std::shared_ptr<const Settings>& settings,
             const ConfigRequest& request);

 private:
  void read(const pillard::Exit& exit);

  pillard::CallContext& context_;
  const std::string service_;
  pillard::SudoRunner runner_;
};

}  // namespace service_control
