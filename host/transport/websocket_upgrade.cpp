#include "transport/websocket_upgrade.h"

#include "router/rest.h"
#include "wire/ws_upgrade.h"

namespace pillard::transport {

std::variant<Site::Upgrade, wire::HttpResponse> open_websocket(Connection& connection, const wire::HttpRequest& request,
                                                               wire::WsLimits limits,
                                                               std::unique_ptr<WsHandler> handler,
                                                               Compression* compression) {
  auto checked = wire::check_websocket_upgrade(request);
  if (const auto* error = std::get_if<wire::HttpError>(&checked)) {
    auto response = router::error_response(error->status, error->reason);
    if (error->status == 426) response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return response;
  }
  std::optional<WsCompression> agreed;
  if (compression) {
    const auto outcome = compression->negotiate(request);
    if (const auto* error = std::get_if<wire::HttpError>(&outcome))
      return router::error_response(error->status, error->reason);
    if (const auto& deflate = std::get<std::optional<wire::WsDeflate>>(outcome))
      agreed.emplace(WsCompression{.by = *compression, .agreed = *deflate});
  }
  return Site::Upgrade{
      .first = wire::websocket_upgrade_response(std::get<std::string>(checked),
                                                agreed ? wire::ws_deflate_answer(agreed->agreed) : std::string()),
      .protocol = std::make_unique<WebSocket>(connection, limits, std::move(handler), agreed)};
}

}  // namespace pillard::transport
