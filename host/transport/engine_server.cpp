#include "transport/engine_server.h"

#include <fmt/format.h>

#include <array>

#include "router/rest.h"
#include "transport/engine_carrier.h"
#include "transport/polling.h"
#include "transport/random_id.h"
#include "transport/websocket_upgrade.h"

namespace pillard::transport {

namespace {

constexpr std::array<std::string_view, 6> kWords{
    "Transport unknown", "Session ID unknown", "Bad handshake method",
    "Bad request",       "Forbidden",          "Unsupported protocol version"};
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An identifier nobody can guess, whose first two characters name a reactor.
std::string new_sid(unsigned reactor) {
  auto sid = random_id();
  sid[0] = kDigits[reactor / kDigits.size() % kDigits.size()];
  sid[1] = kDigits[reactor % kDigits.size()];
  return sid;
}

std::size_t reactor_of(std::string_view sid) {
  if (sid.size() < 2) return std::string_view::npos;
  const auto high = kDigits.find(sid[0]);
  const auto low = kDigits.find(sid[1]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::string_view::npos;
  return high * kDigits.size() + low;
}

}  // namespace

EngineTable::~EngineTable() {
  for (auto& [sid, session] : std::exchange(sessions_, {})) session.reset();
}

void EngineTable::settle(Connections& home) noexcept {
  reactor_ = &home.reactor();
  home_.store(&home, std::memory_order_release);
}

EngineSession& EngineTable::add(std::string sid, std::uint64_t number, std::unique_ptr<EngineHandler> handler) {
  auto session = std::make_unique<EngineSession>(*this, sid, number, std::move(handler));
  return *sessions_.emplace(std::move(sid), std::move(session)).first->second;
}

EngineSession* EngineTable::find(std::string_view sid) {
  const auto found = sessions_.find(std::string(sid));
  if (found == sessions_.end()) return nullptr;
  auto& session = *found->second;
  return session.overdue() ? nullptr : &session;
}

void EngineTable::remove(EngineSession& session) {
  const auto found = sessions_.find(session.sid());
  if (found == sessions_.end()) return;
  if (session.polling()) --polled;
  auto gone = std::move(found->second);
  sessions_.erase(found);
  reactor_->post([gone = std::move(gone)] {});
}

/// The first request of a client that polls.
class EngineServer::Handshake final : public Site::Visit {
 public:
  Handshake(EngineServer& server, const Connection& connection, const wire::HttpRequest& request,
            AddressLimit::Place place)
      : server_(server), connection_(connection), request_(request), place_(std::move(place)) {}
  void handle(std::string, Site::Answer answer) override {
    auto& session = server_.open(connection_, request_);
    session.poll(std::move(place_));
    wire::HttpResponse response{
        .headers = {{"Content-Type", "text/plain; charset=UTF-8"}, {"Cache-Control", "no-store"}}};
    wire::engine_io::append_packet(response.body, wire::engine_io::Type::kOpen, session.handshake());
    answer(std::move(response));  // which ends this visit
    session.start();
  }
  void going_away() override {}

 private:
  EngineServer& server_;
  const Connection& connection_;
  const wire::HttpRequest& request_;
  AddressLimit::Place place_;
};

EngineServer::EngineServer(const config::Engine& options, std::size_t reactors, std::size_t sessions_per_address,
                           Make make, Compression* compression)
    : options_(options), make_(std::move(make)), compression_(compression), polled_(sessions_per_address) {
  for (std::size_t i = 0; i < reactors; ++i) tables_.push_back(std::make_unique<EngineTable>(options));
}

wire::HttpResponse EngineServer::verdict(int code, bool upgrade, std::string_view words) {
  const int status = code == 4 ? 403 : 400;
  const auto message = words.empty() ? kWords[static_cast<std::size_t>(code)] : words;
  // A client that asked for an upgrade reads the words, others the JSON.
  if (upgrade) return {.status = status, .headers = {{"Content-Type", "text/html"}}, .body = std::string(message)};
  return router::json_response(status, fmt::format(R"({{"code":{},"message":"{}"}})", code, message));
}

std::optional<wire::HttpResponse> EngineServer::refuse(const wire::HttpRequest& request) const {
  const bool upgrade = request.wants_websocket_upgrade;
  const auto transport = request.parameter("transport");
  if (transport != "websocket" && transport != "polling") return verdict(0, upgrade);
  if (request.parameter("sid")) return std::nullopt;  // the session knows what fits
  if (request.method != "GET") return verdict(2, upgrade);
  if (upgrade != (transport == "websocket")) return verdict(3, upgrade);
  if (request.parameter("EIO") != "4") return verdict(5, upgrade);
  return std::nullopt;
}

Connections* EngineServer::home(const Connection& connection, const wire::HttpRequest& request) {
  const auto index = reactor_of(request.parameter("sid").value_or(std::string_view{}));
  if (index >= tables_.size() || index == connection.home().reactor().index()) return nullptr;
  return tables_[index]->home();
}

EngineSession& EngineServer::open(const Connection& connection, const wire::HttpRequest& request) {
  auto& sessions = table(connection);
  sessions.settle(connection.home());
  return sessions.add(new_sid(connection.home().reactor().index()), connection.id(), make_(request, connection.id()));
}

Site::Admission EngineServer::visit(Connection& connection, const wire::HttpRequest& request) {
  auto& sessions = table(connection);
  const auto sid = request.parameter("sid");
  if (!sid) {
    if (sessions.polled >= connection.home().limits().connections) {
      auto full = router::error_response(503, "Too many sessions; try again later.");
      full.headers.emplace_back("Retry-After", "5");
      return full;
    }
    auto place = polled_.take(request.client);
    if (!place) {
      connection.home().metrics().limits.connections_per_address.add();
      return router::error_response(429, "Too many sessions of your address; close some of them.");
    }
    return std::make_unique<Handshake>(*this, connection, request, std::move(*place));
  }
  auto* const session = sessions.find(*sid);
  if (!session) return verdict(1, false);
  if (!session->polling() || request.parameter("transport") != "polling" || request.parameter("EIO") != "4")
    return verdict(3, false);
  if (request.method == "GET") return session->polling()->get();
  if (request.method == "POST" && session->open()) return session->polling()->post(request);
  return verdict(session->open() ? 3 : 1, false);
}

std::variant<Site::Upgrade, wire::HttpResponse> EngineServer::upgrade(Connection& connection,
                                                                      const wire::HttpRequest& request) {
  std::unique_ptr<EngineCarrier> carrier;
  if (const auto sid = request.parameter("sid")) {
    auto* const session = table(connection).find(*sid);
    if (!session || !session->open()) return verdict(1, true);
    if (request.parameter("transport") != "websocket" || request.parameter("EIO") != "4") return verdict(3, true);
    // One at a time; another is let in and closed, as clients expect it.
    const bool fits = session->polling() && !session->polling()->offered();
    carrier = std::make_unique<EngineCarrier>(fits ? session : nullptr, EngineCarrier::Stage::kOffered);
  } else {
    carrier = std::make_unique<EngineCarrier>(&open(connection, request), EngineCarrier::Stage::kFirst);
  }
  return open_websocket(connection, request, {.max_message = options_.max_payload}, std::move(carrier), compression_);
}

}  // namespace pillard::transport
