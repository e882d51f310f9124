#pragma once
// The opening handshake of RFC 6455, server side.
#include <string>
#include <string_view>
#include <variant>

#include "wire/http_head.h"

namespace pillard::wire {

/// [any] The Sec-WebSocket-Accept value for a Sec-WebSocket-Key.
std::string websocket_accept_key(std::string_view key);

/// [any] The accept key for a request that asks rightly for a WebSocket: GET, HTTP/1.1, no body, Upgrade: websocket,
/// Connection: Upgrade, version 13, a key of 16 bytes. Else 400, or 426 for another version (the answer to that one
/// must carry `Sec-WebSocket-Version: 13`). Origin and Host are the caller's to check.
std::variant<std::string, HttpError> check_websocket_upgrade(const HttpRequest& request);

/// [any] The complete 101 answer, nothing behind it. `accept_key` comes from check_websocket_upgrade(), `extensions`
/// from ws_deflate_answer(), or is empty.
std::string websocket_upgrade_response(std::string_view accept_key, std::string_view extensions = {});

}  // namespace pillard::wire
