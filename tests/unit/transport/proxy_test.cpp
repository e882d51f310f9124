// Who asks, when something stands in front: trusted proxies, limits by address, a base path.
#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using testing::HasSubstr;

config::Settings behind_a_proxy(std::size_t connections_per_address = 100) {
  config::Settings made;
  made.server.trusted_proxies = {"127.0.0.0/8"};
  made.limits.connections_per_address = connections_per_address;
  return made;
}
std::string from(const std::string& address) { return "X-Forwarded-For: " + address + "\r\n"; }
constexpr auto kLogOut = "POST /api/ssh/disconnect";

TEST(Proxy, SaysThatTheBrowserSeesHttps) {
  test::PublicServer server(behind_a_proxy());
  EXPECT_TRUE(server.ask(kLogOut, "X-Forwarded-Proto: https\r\n").has("; Secure"));
  EXPECT_FALSE(server.ask(kLogOut, "X-Forwarded-Proto: http\r\n").has("; Secure"));
  EXPECT_FALSE(server.ask(kLogOut, "Forwarded: proto=https\r\n").has("; Secure")) << "not the header that was chosen";
}

TEST(Proxy, IsNotBelievedUnlessItIsTrusted) {
  test::PublicServer server;
  EXPECT_FALSE(server.ask(kLogOut, "X-Forwarded-Proto: https\r\n").has("; Secure"));
}

TEST(Proxy, MayBeToldByForwarded) {
  auto settings = behind_a_proxy();
  settings.server.forwarded = config::Forwarding::kForwarded;
  test::PublicServer server(settings);
  EXPECT_TRUE(server.ask(kLogOut, "Forwarded: for=203.0.113.7;proto=https\r\n").has("; Secure"));
  EXPECT_FALSE(server.ask(kLogOut, "X-Forwarded-Proto: https\r\n").has("; Secure"));
}

TEST(Proxy, EndsTlsInFrontOfPagesOfTheSameName) {
  test::PublicServer server(behind_a_proxy());
  const std::string secure = "X-Forwarded-Proto: https\r\n";
  EXPECT_EQ(server.ask(kLogOut, secure + "Origin: https://localhost\r\n").status, 401) << "a page of ours";
  EXPECT_EQ(server.ask(kLogOut, secure + "Origin: http://localhost\r\n").status, 403) << "over TLS it is another one";
  EXPECT_EQ(server.ask(kLogOut, "Origin: https://localhost\r\n").status, 401)
      << "in front may be one that says nothing";
}

TEST(Proxy, IsCountedByWhomItSpeaksFor) {
  test::PublicServer server(behind_a_proxy(2));
  const test::WsClient one(server.server.port(), test::kEngineTarget, from("203.0.113.7"));
  auto two = std::make_optional<test::WsClient>(server.server.port(), test::kEngineTarget, from("203.0.113.7"));
  auto three = server.connect();
  three.send(test::WsClient::upgrade(test::kEngineTarget, from("203.0.113.7")));
  const auto refused = three.answer();
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr("Too many connections from this address"));
  EXPECT_TRUE(refused.has("Vary: Origin\r\n")) << "a page may read why";
  EXPECT_EQ(server.server.metrics.limits.connections_per_address.value(), 1U);
  EXPECT_TRUE(server.server.spine.logged.wait_for("client=203.0.113.7"));
  EXPECT_TRUE(server.ask("POST /api/call/get_config", from("203.0.113.7")).has("application/problem+json"));
  // Others come by the same proxy.
  const test::WsClient other(server.server.port(), test::kEngineTarget, from("203.0.113.8"));
  two.reset();
  ASSERT_TRUE(server.server.open_become(2));
  const test::WsClient again(server.server.port(), test::kEngineTarget, from("203.0.113.7"));
}

TEST(Proxy, CarriesRequestsOfManyOnOneConnection) {
  test::PublicServer server(behind_a_proxy(1));
  auto shared = server.connect();
  auto second = server.connect();
  for (int i = 0; i < 3; ++i)
    for (auto* connection : {&shared, &second}) {
      connection->send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + from("203.0.113." + std::to_string(i)) +
                       "\r\n");
      EXPECT_EQ(connection->answer().status, 200) << "an answered request is not counted any more";
    }
}

TEST(Proxy, GivesTheLimiterTheAddressOfTheClient) {
  test::SpineOptions spine;
  spine.limiter.address = {.attempts = 1, .window = std::chrono::minutes(10)};
  test::PublicServer server(behind_a_proxy(), std::move(spine));
  const std::string json = "Content-Type: application/json\r\n";
  // The egress rules refuse this machine, but only behind the limiter.
  const std::string login = R"({"host":"127.0.0.1","port":1,"username":"u","password":"p"})";
  const auto attempt = [&](const std::string& client) {
    return server.ask("POST /api/ssh/connect", json + from(client), login).status;
  };
  EXPECT_EQ(attempt("203.0.113.7"), 500);
  EXPECT_EQ(attempt("203.0.113.7"), 429);
  EXPECT_EQ(attempt("203.0.113.8"), 500);
}

TEST(BasePath, IsInFrontOfEverything) {
  config::Settings settings;
  settings.server.base = "/pillard";
  test::PublicServer server(settings);
  EXPECT_EQ(server.ask("GET /pillard/healthz").status, 200);
  EXPECT_THAT(server.ask("GET /pillard").body, HasSubstr("pillard is running"));
  EXPECT_THAT(server.ask("GET /pillard/").body, HasSubstr("pillard is running"));
  EXPECT_EQ(server.ask("GET /pillard/?EIO=4&transport=polling").status, 200);
  EXPECT_EQ(server.ask("GET /pillard/socket.io/?EIO=4&transport=polling").status, 200);
  test::WsClient(server.server.port(), "/pillard/?EIO=4&transport=websocket");
  test::WsClient(server.server.port(), "/pillard/socket.io/?EIO=4&transport=websocket");
  EXPECT_TRUE(server.ask("POST /pillard/api/ssh/disconnect").has("Set-Cookie: ssh_session=; Path=/pillard; "));
}

TEST(BasePath, LeavesNothingElsewhere) {
  config::Settings settings;
  settings.server.base = "/pillard";
  test::PublicServer server(settings);
  for (const auto* target : {"GET /", "GET /healthz", "GET /pillardx/healthz", "GET /pillard%2Fhealthz",
                             "GET /socket.io/?EIO=4&transport=polling", "POST /api/ssh/disconnect"}) {
    const auto status = server.ask(target).status;
    EXPECT_TRUE(status == 404 || status == 400) << target << ": " << status;
  }
  auto client = server.connect();
  client.send(test::WsClient::upgrade(test::kEngineTarget));
  EXPECT_EQ(client.answer().status, 404);
}

TEST(BasePath, FollowsASessionToItsLoop) {
  config::Settings settings;
  settings.server.base = "/pillard";
  test::PublicServer server(settings, {.reactors = 2});
  for (int i = 0; i < 4; ++i) {
    const auto opened = server.ask("GET /pillard/?EIO=4&transport=polling").body;
    const auto at = opened.find("\"sid\":\"");
    ASSERT_NE(at, std::string::npos) << opened;
    const auto sid = opened.substr(at + 7, 20);
    EXPECT_EQ(server.ask("POST /pillard/?EIO=4&transport=polling&sid=" + sid, "", "40").body, "ok");
  }
}

TEST(IdleTimeout, EndsAConnectionBetweenRequests) {
  config::Settings settings;
  settings.limits.idle_timeout = std::chrono::milliseconds(150);
  test::PublicServer server(settings);
  auto client = server.connect();
  client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(client.take_all(), "") << "without a word";
  EXPECT_EQ(server.server.metrics.limits.idle_timeout.value(), 1U);
  EXPECT_EQ(server.server.metrics.limits.head_timeout.value(), 0U);
}

TEST(LimitReached, IsCountedByItsKey) {
  config::Settings settings;
  settings.limits.body_bytes = 1024;
  settings.limits.head_timeout = std::chrono::milliseconds(150);
  test::PublicServer server(settings);
  EXPECT_EQ(server.ask("POST /api/ssh/connect", "Content-Type: application/json\r\n", std::string(1025, ' ')).status,
            413);
  EXPECT_EQ(server.ask("GET /healthz", "X: " + std::string(20'000, 'x') + "\r\n").status, 431);
  auto slow = server.connect();
  slow.send("GET /healthz");
  EXPECT_EQ(slow.answer().status, 408);
  const auto text = server.server.spine.metrics.render();
  for (const auto* limit : {"body_bytes", "head_bytes", "head_timeout"})
    EXPECT_THAT(text, HasSubstr("pillard_limit_reached_total{limit=\"" + std::string(limit) + "\"} 1\n"));
  for (const auto* limit : {"connections", "connections_per_address", "idle_timeout", "messages_per_second",
                            "outbox_bytes", "stall_timeout", "subscriptions"})
    EXPECT_THAT(text, HasSubstr("pillard_limit_reached_total{limit=\"" + std::string(limit) + "\"} 0\n"));
}

}  // namespace
}  // namespace pillard::transport
