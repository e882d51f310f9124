#include "transport/websocket_upgrade.h"

#include "router/rest.h"
#include "wire/ws_upgrade.h"

namespace pillard::transport {

std::variant<Site::Upgrade, wire::HttpResponse> open_websocket(Connection& connection, const wire::HttpRequest& request,
                                                               wire::WsLimits limits,
                                                               std::unique_ptr<WsHandler> handler) {
  auto checked = wire::check_websocket_upgrade(request);
  if (const auto* error = std::get_if<wire::HttpError>(&checked)) {
    auto response = router::error_response(error->status, error->reason);
    if (error->status == 426) response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return response;
  }
  return Site::Upgrade{.first = wire::websocket_upgrade_response(std::get<std::string>(checked)),
                       .protocol = std::make_unique<WebSocket>(connection, limits, std::move(handler))};
}

}  // namespace pillard::transport
