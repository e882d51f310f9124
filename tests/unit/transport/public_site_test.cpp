// What the public and the admin listener answer to plain HTTP, and who may become a socket.
#include "transport/public_site.h"

#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using testing::HasSubstr;

config::Settings settings() {
  config::Settings made;
  made.server.path = "/live";
  made.limits.body_bytes = 1000;
  return made;
}

class PublicSiteTest : public testing::Test {
 protected:
  int upgrade(const std::string& target, const std::string& more = {}) {
    auto client = server.connect();
    client.send(test::WsClient::upgrade(target, more));
    const auto answer = client.answer();
    if (answer.status != 101) {
      EXPECT_TRUE(answer.has("Connection: close\r\n"));
      EXPECT_TRUE(client.ends());
    }
    last = answer.body;
    return answer.status;
  }
  test::PublicServer server;
  std::string last;  // words of the refusal
};

constexpr auto kJson = "Content-Type: application/json\r\n";
constexpr auto kDashboard = "Origin: http://localhost:3000\r\n";
constexpr auto kEvil = "Origin: https://evil.example\r\n";

TEST_F(PublicSiteTest, SaysThatItRuns) {
  EXPECT_THAT(server.ask("GET /").body, HasSubstr("pillard is running"));
  EXPECT_EQ(server.ask("HEAD /").status, 200);
  EXPECT_EQ(server.ask("GET /?x=y").status, 200);
  EXPECT_EQ(server.ask("GET /nothing").status, 404);
}

TEST_F(PublicSiteTest, GivesTheVerdictsOfEngineIo) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"GET /?EIO=3&transport=polling", "5", "Unsupported protocol version"},
      {"GET /?EIO=4&transport=polling&sid=x", "1", "Session ID unknown"},
      {"POST /?EIO=4&transport=polling", "2", "Bad handshake method"},
      {"GET /?EIO=4", "0", "Transport unknown"},
      {"GET /?EIO=4&transport=constructor", "0", "Transport unknown"},
      {"GET /?EIO=4&transport=websocket&sid=x", "1", "Session ID unknown"},
      {"POST /?EIO=4&transport=websocket", "2", "Bad handshake method"},
      {"GET /?EIO=4&transport=websocket", "3", "Bad request"},
      {"GET /socket.io/?EIO=4&transport=nothing", "0", "Transport unknown"}};
  for (const auto& [line, code, message] : cases) {
    const auto answer = server.ask(line, kDashboard);
    EXPECT_EQ(answer.status, 400) << line;
    EXPECT_EQ(answer.body, "{\"code\":" + std::string(code) + ",\"message\":\"" + message + "\"}") << line;
    EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: http://localhost:3000\r\n")) << line;
  }
  EXPECT_EQ(server.ask("GET /?EIO=4&transport=websocket", kEvil).body, R"({"code":4,"message":"Forbidden"})");
}

TEST_F(PublicSiteTest, GivesUpgradesTheVerdictAsText) {
  EXPECT_EQ(upgrade("/?EIO=3&transport=websocket"), 400);
  EXPECT_EQ(last, "Unsupported protocol version");
  EXPECT_EQ(upgrade("/?transport=websocket"), 400);
  EXPECT_EQ(last, "Unsupported protocol version");
  EXPECT_EQ(upgrade("/?EIO=4&transport=polling"), 400);
  EXPECT_EQ(last, "Bad request");
  EXPECT_EQ(upgrade("/?EIO=4&transport=websocket&sid=x"), 400);
  EXPECT_EQ(last, "Session ID unknown");
  EXPECT_EQ(upgrade("/elsewhere?EIO=4&transport=websocket"), 404);
}

TEST_F(PublicSiteTest, OpensSocketsForTheOriginsThatMay) {
  const std::string good = test::kEngineTarget;
  EXPECT_EQ(upgrade(good), 101) << "no browser";
  EXPECT_EQ(upgrade(good, kDashboard), 101);
  EXPECT_EQ(upgrade(good, "Origin: http://localhost\r\n"), 101) << "a page of ours";
  EXPECT_EQ(upgrade("/socket.io/?EIO=4&transport=websocket"), 101);
  EXPECT_EQ(upgrade("/socket.io?transport=websocket&EIO=4&t=x"), 101);
  for (const auto* origin : {kEvil, "Origin: null\r\n", "Origin: http://localhost:3002\r\n"}) {
    EXPECT_EQ(upgrade(good, origin), 403) << origin;
    EXPECT_EQ(last, "Forbidden");
  }
}

TEST_F(PublicSiteTest, LetsNoStrangerFillTheLog) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(upgrade(test::kEngineTarget, kEvil), 403);
  std::size_t told = 0;
  for (const auto& line : server.server.spine.logged.lines()) told += line.find("refused by its Origin") != line.npos;
  EXPECT_EQ(told, 1U);
}

TEST_F(PublicSiteTest, RefusesNamesThatOthersLetResolveToThisMachine) {
  auto client = server.connect();
  auto bytes = test::WsClient::upgrade(test::kEngineTarget);
  bytes.replace(bytes.find("localhost"), 9, "evil.example");
  client.send(bytes);
  EXPECT_EQ(client.answer().status, 403);
  auto poster = server.connect();
  poster.send("POST /api/ssh/connect HTTP/1.1\r\nHost: evil.example\r\n" + std::string(kJson) +
              "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(poster.answer().status, 403);
}

TEST_F(PublicSiteTest, TakesJsonOnly) {
  for (const auto* type : {"", "Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n",
                           "Content-Type: application/x-www-form-urlencoded\r\n"})
    EXPECT_EQ(server.ask("POST /api/ssh/connect", type, "{}").status, 415) << type;
  for (const auto* type : {kJson, "Content-Type: Application/JSON; charset=utf-8\r\n"})
    EXPECT_EQ(server.ask("POST /api/ssh/connect", type, "{}").status, 400) << type;
}

TEST_F(PublicSiteTest, LogsOutWithoutABody) {
  const auto session = server.log_in();
  const auto answer = server.ask("POST /api/ssh/disconnect", "Cookie: ssh_session=" + session->id + "\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"success":true})");
  EXPECT_TRUE(answer.has("Set-Cookie: ssh_session=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly\r\n"));
  EXPECT_EQ(server.ask("POST /api/ssh/disconnect", "Content-Type: text/plain\r\n").status, 415);
}

TEST_F(PublicSiteTest, LetsNoOtherPagePost) {
  const auto session = server.log_in();
  const auto cookie = "Cookie: ssh_session=" + session->id + "\r\n";
  EXPECT_EQ(server.ask("POST /api/ssh/disconnect", kEvil + cookie).status, 403);
  EXPECT_EQ(server.ask("POST /api/ssh/disconnect", "Origin: null\r\n" + cookie).status, 403);
  EXPECT_EQ(server.server.spine.store.size(), 1U);
  EXPECT_EQ(server.ask("POST /api/ssh/disconnect", kDashboard + cookie).status, 200);
}

TEST_F(PublicSiteTest, LetsDashboardsReadItsErrors) {
  const auto answer = server.ask("POST /api/ssh/connect", std::string(kJson) + kDashboard, "{}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
  EXPECT_TRUE(answer.has("Access-Control-Allow-Credentials: true\r\n"));
  EXPECT_TRUE(answer.has("Vary: Origin\r\n"));
  EXPECT_FALSE(server.ask("GET /healthz", kEvil).has("Access-Control-Allow-Origin"));
}

TEST_F(PublicSiteTest, AnswersPreflights) {
  const auto good = server.ask("OPTIONS /api/ssh/connect",
                               std::string(kDashboard) + "Access-Control-Request-Headers: content-type\r\n");
  EXPECT_EQ(good.status, 204);
  EXPECT_TRUE(good.has("Access-Control-Allow-Methods: GET,POST\r\n"));
  EXPECT_TRUE(good.has("Access-Control-Allow-Headers: content-type\r\n"));
  EXPECT_TRUE(good.has("Access-Control-Allow-Credentials: true\r\n"));
  EXPECT_EQ(server.ask("OPTIONS /?EIO=4&transport=polling", kDashboard).status, 204) << "never a handshake";
  const auto bad = server.ask("OPTIONS /api/ssh/connect", kEvil);
  EXPECT_EQ(bad.status, 403);
  EXPECT_FALSE(bad.has("Access-Control-Allow"));
}

TEST(PublicSite, ServesSocketsOnItsConfiguredPath) {
  test::PublicServer server(settings());
  for (const auto* target :
       {"/live?EIO=4&transport=websocket", "/live/?EIO=4&transport=websocket", "/socket.io/?EIO=4&transport=websocket"})
    test::WsClient(server.server.port(), target);
  auto client = server.connect();
  client.send(test::WsClient::upgrade(test::kEngineTarget));
  EXPECT_EQ(client.answer().status, 404);
  EXPECT_EQ(server.ask("POST /api/ssh/connect", kJson, std::string(1001, ' ')).status, 413);
}

class AdminSiteTest : public testing::Test {
 protected:
  AdminSiteTest() { server.start(site); }
  ~AdminSiteTest() override { server.stop(); }
  test::RawClient::Answer ask(const std::string& line, const std::string& fields = {}) {
    auto client = server.connect();
    client.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
    return client.answer();
  }
  test::Server server{{}};
  AdminSite site{test::services_of(server.spine, server.spine.store), [] { return std::string("{}"); }};
};

TEST_F(AdminSiteTest, ShowsFiguresAndHealth) {
  const auto metrics = ask("GET /metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_TRUE(metrics.has("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("pillard_connections_accepted_total 1\n"));
  EXPECT_EQ(ask("GET /healthz").status, 200);
  server.spine.health.drain();
  EXPECT_EQ(ask("GET /readyz").status, 503);
  EXPECT_EQ(ask("GET /").status, 404);
}

TEST_F(AdminSiteTest, IsNotForPagesNorForAnythingButReading) {
  EXPECT_EQ(ask("GET /metrics", "Origin: http://localhost:3002\r\n").status, 403);
  const auto posted = ask("POST /metrics");
  EXPECT_EQ(posted.status, 405);
  EXPECT_TRUE(posted.has("Allow: GET\r\n"));
  EXPECT_EQ(ask("GET /metrics", "Upgrade: websocket\r\nConnection: Upgrade\r\n").status, 404);
}

}  // namespace
}  // namespace pillard::transport
