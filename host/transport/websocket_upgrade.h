#pragma once
// The opening handshake of a WebSocket as a site answers it.
#include <memory>
#include <variant>

#include "transport/http.h"
#include "transport/websocket.h"

namespace pillard::transport {

/// [lane] What the connection becomes if `request` asks rightly for a WebSocket; else the refusal. Origin and Host are
/// the site's to check. `compression`: null, or what agrees with the client on compression; it outlives the connection.
std::variant<Site::Upgrade, wire::HttpResponse> open_websocket(Connection& connection, const wire::HttpRequest& request,
                                                               wire::WsLimits limits,
                                                               std::unique_ptr<WsHandler> handler,
                                                               Compression* compression = nullptr);

}  // namespace pillard::transport
