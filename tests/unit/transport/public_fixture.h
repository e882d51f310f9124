#pragma once
// The daemon's own public site, as dashboards see it.
#include "unit/transport/certificates.h"
#include "unit/transport/fixture.h"
#include "unit/transport/ws_client.h"

namespace pillard::test {

constexpr auto kEngineTarget = "/?EIO=4&transport=websocket";

class PublicServer {
 public:
  /// `certificates`: those that are shown; null: plain.
  explicit PublicServer(config::Settings asked = {}, SpineOptions spine = {},
                        const Certificates* certificates = nullptr)
      : settings(std::move(asked)),
        server({.spine = std::move(spine), .limits = settings.limits}),
        store(server.spine.store),
        sockets(services_of(server.spine, store)),
        site(settings, services_of(server.spine, store), sockets) {
    if (certificates) tls.emplace(certificates->files(), server.spine.log, server.spine.metrics);
    server.start(site, {"127.0.0.1", 0}, {.tls = tls ? &*tls : nullptr});
  }
  ~PublicServer() {
    server.stop();
    site.stop();
    sockets.stop();
    server.spine.reactors.drain();
  }
  RawClient connect() const { return server.connect(); }
  /// Behind the Engine.IO handshake.
  WsClient engine(const std::string& more = {}) const {
    WsClient client(server.port(), kEngineTarget, more);
    EXPECT_EQ(client.heard().substr(0, 8), R"(0{"sid":)");
    return client;
  }
  /// In the namespace "/".
  WsClient joined(const std::string& more = {}) const {
    auto client = engine(more);
    client.say("40");
    EXPECT_EQ(client.heard().substr(0, 9), R"(40{"sid":)");
    return client;
  }
  /// One HTTP request and its answer.
  RawClient::Answer ask(const std::string& request_line, const std::string& fields = {}, const std::string& body = {}) {
    auto client = connect();
    client.send(request_line + " HTTP/1.1\r\nHost: localhost\r\n" + fields +
                (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body);
    return client.answer(!request_line.starts_with("HEAD"));
  }
  session::SessionPtr log_in() { return server.spine.log_in(server.spine.credential()); }

  const config::Settings settings;
  Server server;
  std::optional<transport::Tls> tls;
  MoodyStore store;
  router::Sockets sockets;
  transport::PublicSite site;
};

}  // namespace pillard::test
