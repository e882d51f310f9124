#include "transport/public_site.h"

#include "transport/listener.h"
#include "transport/socket_io_door.h"

namespace pillard::transport {

namespace {
bool is_json(const wire::HttpRequest& request) {
  auto type = std::string(request.header("Content-Type").value_or(std::string_view{}));
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type.size() == 16 && strncasecmp(type.c_str(), "application/json", 16) == 0;
}
}  // namespace

/// Whoever connects by itself is counted from here on; of a proxy nobody knows yet whom it speaks for.
std::optional<AddressLimit::Place> PublicSite::enter(const wire::Address& peer) {
  if (proxies_.trusts(peer)) return AddressLimit::Place();
  return addresses_.take(peer);
}

std::optional<wire::HttpResponse> PublicSite::admit(Connection& connection, wire::HttpRequest& request) {
  Site::admit(connection, request);
  if (proxies_.trusts(connection.peer())) {
    const auto client = proxies_.client(request.client, request.secure, request.headers);
    request.client = client.address;
    request.secure = client.secure;
    if (!connection.place().of(request.client)) {
      connection.place().leave();
      auto place = addresses_.take(request.client);
      if (!place) {
        too_many_from_one_.add();
        if (const auto held_back = throttle_.pass(request.client.group()))
          log_.warning("transport", "too many connections of one address: one was refused",
                       {{"client", request.client.text()},
                        {"limit", settings_.limits.connections_per_address},
                        {"suppressed", *held_back}});
        return too_many_connections();
      }
      connection.place() = std::move(*place);
    }
  }
  const auto& base = settings_.server.base;
  if (base.empty()) return std::nullopt;
  const std::string_view path = request.path;
  if (!path.starts_with(base) || (path.size() > base.size() && path[base.size()] != '/'))
    return router::error_response(404, "There is nothing at this address.");
  request.path = path.size() > base.size() ? std::string(path.substr(base.size())) : "/";
  return std::nullopt;
}

/// What comes next may be somebody else's.
void PublicSite::answered(Connection& connection) {
  if (proxies_.trusts(connection.peer())) connection.place().leave();
}

/// A path of Socket.IO's; on "/" only what asks for it, others want to see that it runs.
bool PublicSite::is_engine(const wire::HttpRequest& request) const {
  const auto bare = [](std::string_view p) { return p.size() > 1 && p.ends_with('/') ? p.substr(0, p.size() - 1) : p; };
  const auto path = bare(request.path);
  return (path == bare(settings_.server.path) || path == "/socket.io") &&
         (request.wants_websocket_upgrade || request.parameter("EIO") || request.parameter("transport"));
}

std::optional<wire::HttpResponse> PublicSite::refuse(const wire::HttpRequest& request) {
  const bool upgrade = request.wants_websocket_upgrade;
  const bool engine = is_engine(request);
  if (request.method == "OPTIONS" && !upgrade) return preflight(request);
  if (engine || upgrade || request.method != "GET") {
    // No browser opens a unix socket, so none can be tricked into it by a name.
    const bool bad_host = !request.local_socket && !origins_.host(request);
    if (bad_host || origins_.origin(request) == Origin::kRefused) {
      if (const auto held_back = throttle_.pass(bad_host ? "host" : "origin"))
        log_.info(
            "transport",
            bad_host ? observe::Text("request refused by its Host") : observe::Text("request refused by its Origin"),
            {{"origin", request.header("Origin").value_or("-")},
             {"host", request.header("Host").value_or("-")},
             {"client", request.client.text()},
             {"suppressed", *held_back}});
      if (engine) return EngineServer::verdict(4, upgrade);
      return router::error_response(403, bad_host
                                             ? "This server does not answer to that host name; see [server] origins."
                                             : "Pages of this origin may not use this server; see [server] origins.");
    }
  }
  if (engine) return engine_.refuse(request);
  if (upgrade) return router::error_response(404, "There is no WebSocket at this address.");
  // Without a body there is nothing of a wrong type: logging out needs none.
  const bool body = request.chunked || request.content_length.value_or(0) > 0;
  if (request.method == "POST" && router::Rest::is_call(request.path) && !is_json(request) &&
      (body || request.header("Content-Type")))
    return router::error_response(415, "Send the body as application/json.");
  return std::nullopt;
}

Connections* PublicSite::home(const Connection& connection, const wire::HttpRequest& request) {
  return is_engine(request) ? engine_.home(connection, request) : nullptr;
}

std::uint64_t PublicSite::body_limit(const Connection& connection, const wire::HttpRequest& request) {
  return is_engine(request) ? settings_.engine.max_payload : Site::body_limit(connection, request);
}

Site::Admission PublicSite::visit(Connection& connection, const wire::HttpRequest& request) {
  if (is_engine(request)) return engine_.visit(connection, request);
  return nullptr;
}

void PublicSite::dress(const wire::HttpRequest& request, wire::HttpResponse& response) {
  OriginPolicy::add_cors(response, request, origins_.origin(request));
}

wire::HttpResponse PublicSite::preflight(const wire::HttpRequest& request) const {
  const auto origin = origins_.origin(request);
  wire::HttpResponse response{.status = 204};
  if (origin == Origin::kRefused)
    response = router::error_response(403, "Pages of this origin may not use this server.");
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
    return answer({.headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                   .body = "pillard is running. Dashboards connect here by Socket.IO.\n"});
  }
  const router::HttpContext context{
      .client = request.client,
      .same_origin = origin == Origin::kSame,
      // A page says by its origin that it is https, though whoever ended its TLS may say nothing.
      .secure = request.secure || (origin != Origin::kNone &&
                                   request.header("Origin").value_or(std::string_view{}).starts_with("https://")),
      .connection = connection.id()};
  rest_.handle(connection.reactor(), request, std::move(body), context, std::move(answer));
}

std::variant<Site::Upgrade, wire::HttpResponse> PublicSite::upgrade(Connection& connection,
                                                                    const wire::HttpRequest& request) {
  return engine_.upgrade(connection, request);
}

std::unique_ptr<EngineHandler> PublicSite::speak(router::Sockets& sockets, const wire::HttpRequest& request) const {
  return std::make_unique<SocketIo>(std::make_unique<RouterNamespaces>(
      sockets, settings_.engine.namespaces,
      std::string(request.cookie(router::kSessionCookie).value_or(std::string_view{}))));
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
