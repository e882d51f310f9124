#pragma once
// Sec-WebSocket-Extensions (RFC 6455, 9.1), and what is agreed of permessage-deflate (RFC 7692).
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "wire/http_head.h"

namespace pillard::wire {

/// One extension that a client offers. Names and values are tokens as they were sent; quotes are undone.
struct WsExtension {
  std::string name;
  std::vector<std::pair<std::string, std::optional<std::string>>> parameters{};
  bool operator==(const WsExtension&) const = default;
};

/// [any] All extensions of one field value, in the client's order of preference. Empty optional if it is not of the
/// grammar: who sends that is not understood at all.
std::optional<std::vector<WsExtension>> read_ws_extensions(std::string_view value);

/// What both sides of one WebSocket hold to.
struct WsDeflate {
  bool server_no_context_takeover = false;  // each message of the server can be read without those before
  bool client_no_context_takeover = false;
  int server_max_window_bits = 15;  // 8 to 15: distances in what the server sends are no longer than 2 to this power
  int client_max_window_bits = 15;
  bool names_server_bits = false;  // the answer must name server_max_window_bits, for the client did
  bool operator==(const WsDeflate&) const = default;
};

/// What the server wants.
struct WsDeflatePolicy {
  bool context_takeover = false;  // of either side, unless the client wants it otherwise
  int window_bits = 15;           // of either side, at most; 9 to 15
};

/// [any] What is agreed of one offer. Empty if it is to be declined: it is another extension, or has a parameter that
/// RFC 7692 does not know, twice, without the value that it needs or with one that it cannot have.
std::optional<WsDeflate> accept_ws_deflate(const WsExtension& offer, const WsDeflatePolicy& policy);

/// [any] The first offer of a request that can be accepted, from all its Sec-WebSocket-Extensions fields together. An
/// empty optional: none; 400: a field is malformed.
std::variant<std::optional<WsDeflate>, HttpError> negotiate_ws_deflate(const HttpRequest& request,
                                                                       const WsDeflatePolicy& policy);

/// [any] What the server answers in its own Sec-WebSocket-Extensions field.
std::string ws_deflate_answer(const WsDeflate& agreed);

}  // namespace pillard::wire
