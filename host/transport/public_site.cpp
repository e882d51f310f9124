#include "transport/public_site.h"

#include <fmt/format.h>

#include "transport/engine.h"
#include "transport/socket_io_door.h"
#include "transport/websocket.h"
#include "wire/ws_upgrade.h"

namespace pillard::transport {

namespace {
/// The verdicts of Engine.IO, as its clients know them.
wire::HttpResponse engine_verdict(int code, std::string_view message, bool upgrade) {
  const int status = code == 4 ? 403 : 400;
  // A client that asked for an upgrade reads the words, others the JSON.
  if (upgrade) return {.status = status, .headers = {{"Content-Type", "text/html"}}, .body = std::string(message)};
  return router::json_response(status, fmt::format(R"({{"code":{},"message":"{}"}})", code, message));
}

bool is_json(const wire::HttpRequest& request) {
  auto type = std::string(request.header("Content-Type").value_or(std::string_view{}));
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type.size() == 16 && strncasecmp(type.c_str(), "application/json", 16) == 0;
}
}  // namespace

bool PublicSite::is_socket_path(std::string_view path) const {
  const auto bare = [](std::string_view p) { return p.size() > 1 && p.ends_with('/') ? p.substr(0, p.size() - 1) : p; };
  return bare(path) == bare(settings_.server.path) || bare(path) == "/socket.io";
}

std::optional<wire::HttpResponse> PublicSite::refuse(const wire::HttpRequest& request) {
  const bool upgrade = request.wants_websocket_upgrade;
  const bool engine =
      is_socket_path(request.path) && (upgrade || request.parameter("EIO") || request.parameter("transport"));
  if (request.method == "OPTIONS" && !upgrade) return preflight(request);
  const auto origin = origins_.origin(request);
  const auto with_cors = [&](wire::HttpResponse response) {
    OriginPolicy::add_cors(response, request, origin);
    return response;
  };
  if (engine || upgrade || request.method != "GET") {
    const bool bad_host = !origins_.host(request);
    if (bad_host || origin == Origin::kRefused) {
      if (const auto held_back = throttle_.pass(bad_host ? "host" : "origin"))
        log_.info(
            "transport",
            bad_host ? observe::Text("request refused by its Host") : observe::Text("request refused by its Origin"),
            {{"origin", request.header("Origin").value_or("-")},
             {"host", request.header("Host").value_or("-")},
             {"suppressed", *held_back}});
      if (engine) return with_cors(engine_verdict(4, "Forbidden", upgrade));
      return with_cors(router::error_response(
          403, bad_host ? "This server does not answer to that host name; see [server] origins."
                        : "Pages of this origin may not use this server; see [server] origins."));
    }
  }
  if (engine) {
    if (auto error = engine_error(request)) return with_cors(std::move(*error));
    return std::nullopt;
  }
  if (upgrade) return with_cors(router::error_response(404, "There is no WebSocket at this address."));
  // Without a body there is nothing of a wrong type: logging out needs none.
  const bool body = request.chunked || request.content_length.value_or(0) > 0;
  if (request.method == "POST" && router::Rest::is_call(request.path) && !is_json(request) &&
      (body || request.header("Content-Type")))
    return with_cors(router::error_response(415, "Send the body as application/json."));
  return std::nullopt;
}

std::optional<wire::HttpResponse> PublicSite::engine_error(const wire::HttpRequest& request) const {
  const bool upgrade = request.wants_websocket_upgrade;
  if (request.parameter("transport") != "websocket") return engine_verdict(0, "Transport unknown", upgrade);
  if (request.parameter("sid")) return engine_verdict(1, "Session ID unknown", upgrade);
  if (request.method != "GET") return engine_verdict(2, "Bad handshake method", upgrade);
  if (!upgrade) return engine_verdict(3, "Bad request", upgrade);
  if (request.parameter("EIO") != "4") return engine_verdict(5, "Unsupported protocol version", upgrade);
  return std::nullopt;
}

wire::HttpResponse PublicSite::preflight(const wire::HttpRequest& request) const {
  const auto origin = origins_.origin(request);
  wire::HttpResponse response{.status = 204};
  if (origin == Origin::kRefused)
    response = router::error_response(403, "Pages of this origin may not use this server.");
  OriginPolicy::add_cors(response, request, origin);
  if (origin == Origin::kAllowed || origin == Origin::kSame) {
    response.headers.emplace_back("Access-Control-Allow-Methods", "GET,POST");
    if (const auto asked = request.header("Access-Control-Request-Headers"))
      response.headers.emplace_back("Access-Control-Allow-Headers", *asked);
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return response;
}

void PublicSite::handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) {
  const auto origin = origins_.origin(request);
  if (request.path == "/" && (request.method == "GET" || request.method == "HEAD")) {
    wire::HttpResponse hello{.headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                             .body = "pillard is running. Dashboards connect here by Socket.IO.\n"};
    OriginPolicy::add_cors(hello, request, origin);
    return answer(std::move(hello));
  }
  const router::HttpContext context{
      .client = connection.peer().host(),
      .same_origin = origin == Origin::kSame,
      .secure =
          origin != Origin::kNone && request.header("Origin").value_or(std::string_view{}).starts_with("https://"),
      .connection = connection.id()};
  rest_.handle(connection.reactor(), request, std::move(body), context,
               [request, origin, answer = std::move(answer)](wire::HttpResponse response) mutable {
                 OriginPolicy::add_cors(response, request, origin);
                 answer(std::move(response));
               });
}

std::variant<Site::Upgrade, wire::HttpResponse> PublicSite::upgrade(Connection& connection,
                                                                    const wire::HttpRequest& request) {
  auto checked = wire::check_websocket_upgrade(request);
  if (const auto* error = std::get_if<wire::HttpError>(&checked)) {
    auto response = router::error_response(error->status, error->reason);
    if (error->status == 426) response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return response;
  }
  auto door = std::make_unique<SocketIoDoor>(
      sockets_, std::string(request.cookie(router::kSessionCookie).value_or(std::string_view{})), connection.id());
  auto engine = std::make_unique<EngineSession>(settings_.engine, std::move(door));
  return Upgrade{.first = wire::websocket_upgrade_response(std::get<std::string>(checked)),
                 .protocol = std::make_unique<WebSocket>(
                     connection, wire::WsLimits{.max_message = settings_.engine.max_payload}, std::move(engine))};
}

std::optional<wire::HttpResponse> AdminSite::refuse(const wire::HttpRequest& request) {
  // A page whose own name was turned to this address sends no Origin along with a GET, but its name as Host.
  const auto host = request.header("Host");
  if (request.header("Origin") || (host && !OriginPolicy::literal_host(*host)))
    return router::error_response(403, "This address is not for web pages; ask by IP address or localhost.");
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  auto response = router::error_response(405, "This address takes GET only.");
  response.headers.emplace_back("Allow", "GET");
  return response;
}

void AdminSite::handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) {
  (void)connection;
  (void)body;
  if (request.path == "/metrics")
    return answer({.headers = {{"Content-Type", std::string(observe::Metrics::kContentType)}},
                   .body = services_.metrics.render()});
  if (request.path == "/healthz" || request.path == "/readyz") {
    auto report = request.path == "/healthz" ? services_.health.alive() : services_.health.ready();
    return answer(router::json_response(report.status, std::move(report.json)));
  }
  answer(router::error_response(404, "There is nothing at this address; try /metrics."));
}

std::variant<Site::Upgrade, wire::HttpResponse> AdminSite::upgrade(Connection&, const wire::HttpRequest&) {
  return router::error_response(404, "There is no WebSocket at this address.");
}

}  // namespace pillard::transport
