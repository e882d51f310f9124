#include "router/rest.h"

#include <fmt/format.h>

#include "observe/ids.h"
#include "pillard/schema.h"
#include "router/old_calls.h"
#include "router/openapi.h"
#include "session/record.h"
#include "ssh/private_key.h"
#include "wire/http_text.h"

namespace pillard::router {

namespace {
constexpr std::string_view kSocketCookie = "ssh_session_ws";  // readable by the dashboard's scripts

struct ConnectRequest {
  std::string host;
  std::uint16_t port = 22;
  std::string username;
  std::optional<std::string> password;
  std::optional<std::string> privateKey;  // NOLINT: a name on the wire
  std::optional<std::string> passphrase;
  PILLARD_FIELDS(ConnectRequest, PILLARD_FIELD(host, {.required = true}), PILLARD_FIELD(port, {.min = 1}),
                 PILLARD_FIELD(username, {.required = true}), PILLARD_FIELD(password, {.secret = true}),
                 PILLARD_FIELD(privateKey, {.secret = true, .max_length = 65536}),
                 PILLARD_FIELD(passphrase, {.secret = true}))
};

struct ConnectFailure {
  bool success = false;
  std::string error = "Connection failed";
  std::string message;
  std::string code;
  PILLARD_FIELDS(ConnectFailure, PILLARD_FIELD(success), PILLARD_FIELD(error), PILLARD_FIELD(message),
                 PILLARD_FIELD(code))
};

struct ConnectSuccess {
  bool success = true;
  std::optional<std::string> sessionId;  // NOLINT: a name on the wire
  PILLARD_FIELDS(ConnectSuccess, PILLARD_FIELD(success), PILLARD_FIELD(sessionId))
};

struct Failure {
  bool success = false;
  std::string error;
  std::string message;
  PILLARD_FIELDS(Failure, PILLARD_FIELD(success), PILLARD_FIELD(error), PILLARD_FIELD(message))
};

wire::HttpResponse failure(const Error& error) {
  // The old server knew only these two; its pages show the message.
  const int status = error.code() == Code::kBadRequest ? 400 : 500;
  return json_response(status,
                       encoded(ConnectFailure{.message = error.what(), .code = std::string(name(error.code()))}));
}

wire::HttpResponse method_not_allowed(std::string_view allowed) {
  auto response = error_response(405, fmt::format("This address takes {} only.", allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

session::Secret taken(std::optional<std::string>& text) {
  return text ? session::Secret::take(*text) : session::Secret();
}

session::Credential credential_of(const std::string& body) {
  ConnectRequest request;
  struct Wipe {
    ConnectRequest& request;
    ~Wipe() {
      for (auto* secret : {&request.password, &request.privateKey, &request.passphrase})
        if (*secret) session::wipe(**secret);
    }
  } const wipe{request};
  if (!json::valid(body)) throw Error(Code::kBadRequest, "The body is not valid JSON.");
  decode(request, body, "body");
  const auto given = [](const std::optional<std::string>& text) { return text && !text->empty(); };
  if (!given(request.password) && !given(request.privateKey))
    throw Error(Code::kBadRequest, "body.password: expected a value, got nothing");
  auto valid = session::validate({.host = std::move(request.host),
                                  .port = request.port,
                                  .username = std::move(request.username),
                                  .password = taken(request.password),
                                  .private_key = taken(request.privateKey),
                                  .passphrase = taken(request.passphrase)});
  if (!valid) throw Error(valid.error());
  if (const auto error = ssh::inspect_key(*valid)) throw Error(*error);
  return std::move(valid).value();
}
}  // namespace

std::string token_of(const wire::HttpRequest& request) {
  if (const auto cookie = request.cookie(kSessionCookie)) return std::string(*cookie);
  constexpr std::string_view kBearer = "Bearer ";
  const auto authorization = request.header("Authorization").value_or(std::string_view{});
  if (!wire::iequals(authorization.substr(0, kBearer.size()), kBearer)) return {};
  return std::string(wire::trim_ows(authorization.substr(kBearer.size())));
}

std::string connect_request_schema() { return schema_of<ConnectRequest>().json; }
std::string connect_failure_schema() { return json_schema<ConnectFailure>(); }

wire::HttpResponse json_response(int status, std::string json) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          .body = std::move(json)};
}

wire::HttpResponse error_response(int status, std::string_view message) {
  return json_response(
      status, encoded(Failure{.error = std::string(wire::standard_reason(status)), .message = std::string(message)}));
}

void Rest::handle(reactor::Reactor& home, const wire::HttpRequest& request, std::string body,
                  const HttpContext& context, Answer answer) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.path == "/healthz" || request.path == "/readyz") {
    if (!get) return answer(method_not_allowed("GET"));
    auto report = request.path == "/healthz" ? services_.health.alive() : services_.health.ready();
    return answer(json_response(report.status, std::move(report.json)));
  }
  // Those that a plugin answers have a door of their own.
  if (const auto* const old = find_old_call(request.path))
    if (auto refusal = refuse_old_call(*old, services_.registry, request)) return answer(std::move(*refusal));
  if (request.path == "/api/ssh/connect" || request.path == "/api/ssh/disconnect") {
    if (request.method != "POST") return answer(method_not_allowed("POST"));
    if (request.path == "/api/ssh/connect") {
      connect(home, body, context, std::move(answer));
      return session::wipe(body);  // it holds the password
    }
    return disconnect(home, request, context, std::move(answer));
  }
  answer(error_response(404, "There is nothing at this address."));
}

void Rest::connect(reactor::Reactor& home, const std::string& body, const HttpContext& context, Answer answer) {
  std::optional<session::Credential> credential;
  try {
    credential = credential_of(body);
  } catch (const Error& error) {
    auto response = failure(error);
    response.status = 400;  // whatever its code: the request alone shows it
    return answer(std::move(response));
  }
  if (!services_.store.can_keep(*credential)) {
    if (const auto held_back = throttle_.pass("sealing"))
      services_.log.warning("router", "login with a private key refused: set session.seal_key to keep keys in Redis",
                            {{"suppressed", *held_back}});
    return answer(failure(session::sealing_missing()));
  }
  const auto node = session::node_key(*credential);
  if (const auto refusal = services_.limiter.attempt(context.client, node, credential->username)) {
    auto response = failure(refusal->error);
    response.status = 429;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(refusal->retry_after).count();
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
    if (const auto held_back = throttle_.pass(context.client.text()))
      services_.log.warning("router", "login refused by the limiter",
                            {{"connection", observe::base36(context.connection)},
                             {"client", context.client.text()},
                             {"node", node},
                             {"suppressed", *held_back}});
    return answer(std::move(response));
  }
  // A login always asks the node afresh, whatever connections stand.
  services_.pool.verify(*credential, home,
                        [this, &home, credential = *credential, node, context,
                         answer = std::move(answer)](std::optional<Error> error) mutable {
                          if (error) {
                            services_.log.info("router", "login failed",
                                               {{"connection", observe::base36(context.connection)},
                                                {"client", context.client.text()},
                                                {"node", node},
                                                {"code", name(error->code())}});
                            return answer(failure(*error));
                          }
                          services_.limiter.succeeded(node, credential.username);
                          keep(home, std::move(credential), context, std::move(answer));
                        });
}

void Rest::keep(reactor::Reactor& home, session::Credential credential, const HttpContext& context, Answer answer) {
  services_.store.create(home, std::move(credential),
                         [this, context, answer = std::move(answer)](Result<session::SessionPtr> session) mutable {
                           if (!session) return answer(failure(session.error()));
                           const auto& id = (*session)->id;
                           services_.log.info("router", "login",
                                              {{"connection", observe::base36(context.connection)},
                                               {"session", session::log_id(id)},
                                               {"node", session::node_key((*session)->credential)}});
                           ConnectSuccess success;
                           // A page of our own has the cookie; a page elsewhere may never see it and needs the token
                           // itself.
                           if (!context.same_origin) success.sessionId = id;
                           auto response = json_response(200, encoded(success));
                           set_cookies(response, id, ttl_, context.secure);
                           answer(std::move(response));
                         });
}

void Rest::disconnect(reactor::Reactor& home, const wire::HttpRequest& request, const HttpContext& context,
                      Answer answer) {
  auto token = token_of(request);
  if (!session::valid_token(token)) {
    auto response = error_response(401, "Not authenticated: there is no session to end.");
    set_cookies(response, {}, std::chrono::seconds(0), context.secure);
    return answer(std::move(response));
  }
  auto id = session::log_id(token);
  services_.store.remove(
      home, std::move(token),
      [this, context, id = std::move(id), answer = std::move(answer)](Result<session::SessionPtr> removed) mutable {
        // Anybody can make up a token: only the end of a session is worth a line.
        services_.log.write(removed && *removed ? Level::kInfo : Level::kDebug, "router", "logout",
                            {{"connection", observe::base36(context.connection)}, {"session", id}});
        if (!removed && removed.error().code() != Code::kDisconnected)
          return answer(error_response(500, removed.error().what()));  // the session stands
        if (removed && *removed) services_.hub.release(session::lane_key((*removed)->credential));
        auto response = !removed   ? error_response(500, removed.error().what())
                        : *removed ? json_response(200, R"({"success":true})")
                                   : error_response(401, "Not authenticated: the session was over already.");
        set_cookies(response, {}, std::chrono::seconds(0), context.secure);
        answer(std::move(response));
      });
}

void Rest::set_cookies(wire::HttpResponse& response, std::string_view token, std::chrono::seconds age,
                       bool secure) const {
  const auto rest =
      fmt::format("; Path={}; Max-Age={}; SameSite=Lax{}", cookie_path_, age.count(), secure ? "; Secure" : "");
  response.headers.emplace_back("Set-Cookie", fmt::format("{}={}{}; HttpOnly", kSessionCookie, token, rest));
  response.headers.emplace_back("Set-Cookie", fmt::format("{}={}{}", kSocketCookie, token, rest));
}

}  // namespace pillard::router
