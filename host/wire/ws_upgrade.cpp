#include "wire/ws_upgrade.h"

#include <Poco/SHA1Engine.h>

#include "wire/base64.h"
#include "wire/http_text.h"

namespace pillard::wire {
namespace {

/// True if any field of that name lists `token`.
bool lists(const HttpRequest& request, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : request.headers) {
    if (iequals(key, name) && list_contains(value, token)) return true;
  }
  return false;
}

}  // namespace

std::string websocket_accept_key(std::string_view key) {
  Poco::SHA1Engine sha1;
  sha1.update(std::string(key));
  sha1.update(std::string("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
  const auto& digest = sha1.digest();
  std::string out;
  append_base64(out, std::string(digest.begin(), digest.end()));
  return out;
}

std::variant<std::string, HttpError> check_websocket_upgrade(const HttpRequest& request) {
  const auto bad = [](std::string reason) { return HttpError{400, std::move(reason)}; };
  if (request.method != "GET") return bad("a WebSocket is opened with GET");
  if (request.version_minor < 1) return bad("a WebSocket is opened with HTTP/1.1");
  if (request.chunked || request.content_length.value_or(0) > 0) return bad("a WebSocket is opened without a body");
  if (!lists(request, "Upgrade", "websocket")) return bad("the Upgrade header must name websocket");
  if (!lists(request, "Connection", "upgrade")) return bad("the Connection header must name upgrade");
  const auto version = request.header("Sec-WebSocket-Version");
  if (!version) return bad("the Sec-WebSocket-Version header is missing");
  if (*version != "13") return HttpError{426, "the only WebSocket version spoken here is 13"};
  const auto key = request.header("Sec-WebSocket-Key");
  if (!key) return bad("the Sec-WebSocket-Key header is missing");
  const auto bytes = decode_base64(*key);
  if (!bytes || bytes->size() != 16) return bad("Sec-WebSocket-Key must be 16 bytes in base64");
  return websocket_accept_key(*key);
}

std::string websocket_upgrade_response(std::string_view accept_key, std::string_view extensions) {
  std::string out = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  out.append("Sec-WebSocket-Accept: ").append(accept_key).append("\r\n");
  if (!extensions.empty()) out.append("Sec-WebSocket-Extensions: ").append(extensions).append("\r\n");
  out.append("\r\n");
  return out;
}

}  // namespace pillard::wire
