#include "unit_config.h"

namespace service_control {

using pillard::Code;
using pillard::Error;
using pillard::Exit;

void ConfigRequest::check() { service = pillard::service_of_unit(pillard::unit_of_service(service)); }

ConfigCall::ConfigCall(pillard::CallContext& context, const std::shared_ptr<const Settings>& settings,
                       const ConfigRequest& request)
    : context_(context), service_(request.service), runner_(context.node()) {
  const auto unit = pillard::unit_of_service(service_);
  settings->allowed(unit, service_);
  runner_.run({.argv = {"systemctl", "cat", "--no-pager", "--", unit}}, [this](const Exit& exit) { read(exit); });
}

void ConfigCall::read(const Exit& exit) {
  if (exit.timed_out)
    return context_.fail({Code::kTimeout, "The node did not show the unit file of " + service_ + " in time."});
  if (exit.status == 127)
    return context_.fail(
        {Code::kUnsupported, "This node has no systemctl: there is no unit file of " + service_ + "."});
  if (exit.err.find("No files found") != std::string::npos)
    return context_.fail({Code::kNotFound, "There is no service " + service_ + " on this node."});
  if (runner_.refused(exit))
    return context_.fail({Code::kAccessDenied, "This user may not read the unit file of " + service_ +
                                                   ", neither itself nor by sudo without a password."});
  if (!exit.ok())
    return context_.fail({Code::kUnsupported,
                          "The node cannot show the unit file of " + service_ + ": " + pillard::first_line(exit.err)});
  if (exit.truncated)
    return context_.fail({Code::kUnsupported, "The unit file of " + service_ + " is longer than 1 MiB."});
  context_.reply(ConfigContent{.service = service_, .content = exit.out});
}

}  // namespace service_control
