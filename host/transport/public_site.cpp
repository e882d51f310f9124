#include "transport/public_site.h"

#include "router/api.h"
#include "router/old_calls.h"
#include "router/problem.h"
#include "transport/call_door.h"
#include "transport/listener.h"
#include "transport/native_door.h"
#include "transport/socket_io_door.h"
#include "transport/stream_door.h"
#include "transport/websocket_upgrade.h"

namespace pillard::transport {

namespace {
constexpr std::string_view kNativePath = "/ws";
constexpr std::string_view kOpenApiPath = "/api/openapi.json";

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
  const bool ours = strip_base(request);
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
        return too_many_connections(ours && router::is_api(request.path));
      }
      connection.place() = std::move(*place);
    }
  }
  if (!ours) return router::error_response(404, "There is nothing at this address.");
  return std::nullopt;
}

/// False if the path is not below it.
bool PublicSite::strip_base(wire::HttpRequest& request) const {
  const auto& base = settings_.server.base;
  if (base.empty()) return true;
  const std::string_view path = request.path;
  if (!path.starts_with(base) || (path.size() > base.size() && path[base.size()] != '/')) return false;
  request.path = path.size() > base.size() ? std::string(path.substr(base.size())) : "/";
  return true;
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

/// Socket.IO says that it is meant, if it should have been given the same path.
bool PublicSite::is_native(const wire::HttpRequest& request) const {
  return request.path == kNativePath && !is_engine(request);
}

/// Refuses what pages ask that may not.
std::optional<wire::HttpResponse> PublicSite::refuse_page(const wire::HttpRequest& request) {
  // No browser opens a unix socket, so none can be tricked into it by a name.
  const bool bad_host = !request.local_socket && !origins_.host(request);
  const auto origin = origins_.origin(request);
  // A stream is a GET that works: a page must not start it by an image.
  const bool blind =
      origin == Origin::kNone && request.path.starts_with(router::kStreamPath) && OriginPolicy::blind_fetch(request);
  if (!bad_host && !blind && origin != Origin::kRefused) return std::nullopt;
  if (const auto held_back = throttle_.pass(bad_host ? "host" : blind ? "fetch" : "origin"))
    log_.info("transport",
              bad_host ? observe::Text("request refused by its Host")
              : blind  ? observe::Text("request refused by its Sec-Fetch-Site or Sec-Fetch-Mode")
                       : observe::Text("request refused by its Origin"),
              {{"origin", request.header("Origin").value_or("-")},
               {"host", request.header("Host").value_or("-")},
               {"client", request.client.text()},
               {"suppressed", *held_back}});
  if (is_engine(request)) return EngineServer::verdict(4, request.wants_websocket_upgrade);
  return refusal(request, {403, bad_host ? "This server does not answer to that host name; see [server] origins."
                                : blind  ? "A page reads a stream by a script of its own, of an allowed origin; it can "
                                           "neither embed it nor go there."
                                         : "Pages of this origin may not use this server; see [server] origins."});
}

std::optional<wire::HttpResponse> PublicSite::refuse(const wire::HttpRequest& request) {
  const bool upgrade = request.wants_websocket_upgrade;
  const bool engine = is_engine(request);
  const bool api = router::is_api(request.path);
  if (request.method == "OPTIONS" && !upgrade) return preflight(request);
  if (engine || upgrade || api || request.method != "GET")
    if (auto response = refuse_page(request)) return response;
  if (engine) return engine_.refuse(request);
  if (is_native(request)) {
    if (upgrade) return std::nullopt;
    auto response = router::error_response(426, "This address is a WebSocket's.");
    response.headers.emplace_back("Upgrade", "websocket");
    return response;
  }
  if (upgrade) return refusal(request, {404, "There is no WebSocket at this address."});
  if (request.path == kOpenApiPath && request.method != "GET" && request.method != "HEAD") {
    auto response = router::error_response(405, "This address takes GET only.");
    response.headers.emplace_back("Allow", "GET");
    return response;
  }
  if (api) {
    if (auto response = router::refuse_api(sockets_.services().registry, request)) return response;
  }
  // Without a body there is nothing of a wrong type: logging out needs none.
  const bool body = request.chunked || request.content_length.value_or(0) > 0;
  if (request.method == "POST" && router::Rest::is_call(request.path) && !is_json(request) &&
      (body || request.header("Content-Type")))
    return refusal(request, {415, "Send the body as application/json."});
  return std::nullopt;
}

wire::HttpResponse PublicSite::refusal(const wire::HttpRequest& request, const wire::HttpError& error) {
  return router::is_api(request.path) ? router::problem_response(error) : Site::refusal(request, error);
}

Connections* PublicSite::home(const Connection& connection, const wire::HttpRequest& request) {
  return is_engine(request) ? engine_.home(connection, request) : nullptr;
}

std::uint64_t PublicSite::body_limit(const Connection& connection, const wire::HttpRequest& request) {
  return is_engine(request) ? settings_.engine.max_payload : Site::body_limit(connection, request);
}

Site::Admission PublicSite::visit(Connection& connection, const wire::HttpRequest& request) {
  if (is_engine(request)) return engine_.visit(connection, request);
  if (request.path.starts_with(router::kCallPath))
    return std::make_unique<CallDoor>(sockets_, budgets_, connection, request, router::api_type(request.path),
                                      router::api_wording());
  if (const auto* const old = router::find_old_call(request.path))
    if (!router::refuse_old_call(*old, sockets_.services().registry, request))
      return std::make_unique<CallDoor>(sockets_, budgets_, connection, request, old->type, old->wording);
  return nullptr;
}

Site::Taken PublicSite::take_over(Connection& connection, const wire::HttpRequest& request) {
  if (!request.path.starts_with(router::kStreamPath)) return {};
  wire::HttpResponse dressed;
  dress(request, dressed);
  return StreamDoor::open(sockets_, budgets_, connection, request,
                          {.heartbeat = settings_.engine.ping_interval, .headers = std::move(dressed.headers)});
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
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.path == kOpenApiPath && get) return answer(router::json_response(200, *openapi_.document()));
  if (request.path == "/" && get) {
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
  if (is_native(request))
    return open_websocket(
        connection, request, {.max_message = settings_.engine.max_payload},
        std::make_unique<NativeDoor>(sockets_, settings_.engine, router::token_of(request), request.client.text()),
        &compression_);
  return engine_.upgrade(connection, request);
}

std::unique_ptr<EngineHandler> PublicSite::speak(router::Sockets& sockets, const wire::HttpRequest& request) const {
  return std::make_unique<SocketIo>(std::make_unique<RouterNamespaces>(
      sockets, settings_.engine.namespaces,
      std::string(request.cookie(router::kSessionCookie).value_or(std::string_view{})), request.client.text()));
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
  if (request.path == "/plugins") return answer(router::json_response(200, plugins_()));
  if (request.path == "/healthz" || request.path == "/readyz") {
    auto report = request.path == "/healthz" ? services_.health.alive() : services_.health.ready();
    return answer(router::json_response(report.status, std::move(report.json)));
  }
  answer(router::error_response(404, "There is nothing at this address; try /metrics or /plugins."));
}

std::variant<Site::Upgrade, wire::HttpResponse> AdminSite::upgrade(Connection&, const wire::HttpRequest&) {
  return router::error_response(404, "There is no WebSocket at this address.");
}

}  // namespace pillard::transport
