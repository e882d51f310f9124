#pragma once
// Listeners on free ports of this machine, with a site of the test's or the daemon's own.
#include <gmock/gmock.h>

#include "transport/listener.h"
#include "transport/public_site.h"
#include "unit/fanout/spine.h"
#include "unit/router/fixture.h"
#include "unit/transport/raw_client.h"

namespace pillard::test {

/// The transport above a Spine.
class Server {
 public:
  struct Options {
    SpineOptions spine{};
    config::Limits limits{};
  };
  explicit Server(Options options) : limits(options.limits), spine(std::move(options.spine)), metrics(spine.metrics) {
    for (std::size_t i = 0; i < spine.reactors.size(); ++i)
      homes.push_back(std::make_unique<transport::Connections>(spine.reactors[i], limits, spine.log, metrics));
  }
  ~Server() { stop(); }

  void start(transport::Site& site, const config::Endpoint& endpoint = {"127.0.0.1", 0},
             transport::Listener::Options options = {}) {
    std::vector<transport::Connections*> all;
    for (const auto& home : homes) all.push_back(home.get());
    listener.emplace(endpoint, all, site, ids, spine.log, metrics, limits.connections, options);
    listener->start(spine.reactors[0]);
    spine.reactors.start();
  }
  /// As the daemon does it.
  void stop() {
    spine.reactors.stop();
    listener.reset();
    homes.clear();
    spine.reactors.drain();
  }
  std::uint16_t port() const { return listener->endpoint().port; }
  RawClient connect(int receive_buffer = 0) const { return RawClient(port(), receive_buffer); }
  /// Whether that many connections are open, now or soon.
  bool open_become(std::int64_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (metrics.open.value() != count)
      if (std::chrono::steady_clock::now() > deadline) return false;
    return true;
  }

  const config::Limits limits;
  Spine spine;
  transport::TransportMetrics metrics;
  observe::Ids ids;
  std::vector<std::unique_ptr<transport::Connections>> homes;
  std::optional<transport::Listener> listener;
};

/// Answers each request with its method, path and body; those to /later when it is told to.
class EchoSite : public transport::Site {
 public:
  std::optional<transport::AddressLimit::Place> enter(const wire::Address& peer) override {
    return addresses.take(peer);
  }
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) override {
    if (request.path == "/refused") return wire::HttpResponse{.status = 403, .body = "no"};
    return std::nullopt;
  }
  void handle(transport::Connection& connection, const wire::HttpRequest& request, std::string body,
              Answer answer) override {
    if (request.path == "/throws") throw std::runtime_error("a site that breaks");
    wire::HttpResponse response{.body = request.method + ' ' + request.path + ' ' + body};
    if (request.path == "/large") response.body.assign(std::stoul(request.query.at(0).second), 'x');
    if (request.path != "/later") return answer(std::move(response));
    home = &connection.reactor();
    held.push_back(
        [answer = std::move(answer), response = std::move(response)]() mutable { answer(std::move(response)); });
    asked.add(request.path);
  }
  std::variant<Upgrade, wire::HttpResponse> upgrade(transport::Connection&, const wire::HttpRequest&) override {
    return wire::HttpResponse{.status = 404, .body = "no socket"};
  }
  /// Answers what was held back.
  void release() {
    on(*home, [&] {
      for (auto& one : std::exchange(held, {})) one();
    });
  }
  transport::AddressLimit addresses{1000};
  Journal asked;
  reactor::Reactor* home = nullptr;

 private:
  std::vector<Function<void()>> held;  // touched on `home`
};

}  // namespace pillard::test
