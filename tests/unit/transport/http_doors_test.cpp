// Calls and streams by HTTP, as far as they go without a node: who may ask, what is refused and how, how streams end.
#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

config::Settings settings() {
  config::Settings made;
  made.limits.body_bytes = 1000;
  made.limits.messages_burst = 20;
  made.limits.messages_per_second = 1;
  made.engine.ping_interval = 30ms;
  return made;
}

class HttpDoorsTest : public testing::Test {
 protected:
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }
  static std::string cookie(const std::string& token) { return "Cookie: ssh_session=" + token + "\r\n"; }
  static std::string problem(int status, const std::string& title, const std::string& detail, const std::string& code) {
    return R"({"type":"about:blank","title":")" + title + R"(","status":)" + std::to_string(status) + R"(,"detail":")" +
           detail + R"(","code":")" + code + R"("})";
  }
  /// Behind the head of a stream's answer.
  test::RawClient stream(const std::string& target, const std::string& fields) {
    auto client = server.connect();
    client.send("GET /api/stream/" + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
    head = client.take_through("\r\n\r\n");
    EXPECT_THAT(head, HasSubstr("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(client.take_through("\n\n"), "retry: 2000\n\n");
    return client;
  }
  session::SessionPtr log_in() { return server.server.spine.log_in(server.server.spine.credential(closed.number())); }

  test::ClosedPort closed;
  test::PublicServer server{settings(), {.allow = {"127.0.0.0/8"}}};
  std::string head;
};

constexpr auto kJson = "Content-Type: application/json\r\n";
constexpr auto kEvil = "Origin: https://evil.example\r\n";
constexpr auto kDashboard = "Origin: http://localhost:3000\r\n";
constexpr auto kCall = "POST /api/call/get_config";
constexpr auto kStatus = "GET /api/stream/subscribe_status";

TEST_F(HttpDoorsTest, WantsASession) {
  for (const auto* line : {kCall, kStatus}) {
    auto answer = server.ask(line, kDashboard);
    EXPECT_EQ(answer.body, problem(401, "Unauthorized",
                                   "Not authenticated: send the token as the cookie ssh_session or as Authorization: "
                                   "Bearer.",
                                   "unauthenticated"));
    EXPECT_TRUE(answer.has("Content-Type: application/problem+json\r\n"));
    EXPECT_TRUE(answer.has("WWW-Authenticate: Bearer\r\n"));
    EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
    for (const auto& fields : {bearer("dead"), cookie("dead"), bearer(session::new_token())}) {
      answer = server.ask(line, fields + kDashboard);
      EXPECT_EQ(answer.status, 401) << line;
      EXPECT_THAT(answer.body, HasSubstr("Authentication error: Invalid or expired session."));
      EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: http://localhost:3000\r\n")) << line;
    }
  }
}

TEST_F(HttpDoorsTest, SaysThatSessionsCannotBeLookedUp) {
  server.store.away = true;
  for (const auto* line : {kCall, kStatus})
    EXPECT_EQ(server.ask(line, bearer(session::new_token())).status, 503) << line;
  server.store.away = false;
}

TEST_F(HttpDoorsTest, RefusesForeignPagesAndBadBodiesInTheFormOfProblems) {
  auto answer = server.ask(kCall, std::string(kJson) + kEvil);
  EXPECT_EQ(answer.body,
            problem(403, "Forbidden", "Pages of this origin may not use this server; see [server] origins.",
                    "access_denied"));
  EXPECT_EQ(server.ask(kStatus, kEvil).status, 403) << "a stream is read by GET";
  EXPECT_EQ(
      server.ask(kStatus, "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n").body,
      problem(403, "Forbidden",
              "A page reads a stream by a script of its own, of an allowed origin; it can neither embed it nor go "
              "there.",
              "access_denied"));
  EXPECT_EQ(server.ask(kStatus, "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n").status, 403);
  EXPECT_EQ(server.ask(kStatus, "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n").status, 401) << "ours";
  EXPECT_EQ(server.ask(kStatus, std::string(kDashboard) + "Sec-Fetch-Site: cross-site\r\n").status, 401) << "allowed";
  answer = server.ask(kCall, "Content-Type: text/plain\r\n", "{}");
  EXPECT_EQ(answer.body, problem(415, "Unsupported Media Type", "Send the body as application/json.", "bad_request"));
  answer = server.ask(kCall, kJson, std::string(1001, ' '));
  EXPECT_EQ(answer.body, problem(413, "Content Too Large", "the body is too large", "bad_request"));
  answer = server.ask("PUT /api/call/get_config");
  EXPECT_EQ(answer.status, 405);
  EXPECT_TRUE(answer.has("Allow: POST\r\n"));
  EXPECT_THAT(server.ask("POST /api/call/nothing").body, HasSubstr(R"("code":"not_found")"));
  EXPECT_THAT(server.ask("POST /api/ssh/nothing", kJson).body, HasSubstr(R"({"success":false,)"))
      << "the old server's calls keep their form";
}

TEST_F(HttpDoorsTest, SaysWhereABodyIsNotJson) {
  const auto answer = server.ask(kCall, kJson + bearer(log_in()->id), "{\"a\":tru}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("The body is not valid JSON: "));
  EXPECT_THAT(answer.body, HasSubstr("5"));
}

TEST_F(HttpDoorsTest, AnswersACallWithTheProblemOfItsNode) {
  const auto session = log_in();
  for (const auto& fields : {bearer(session->id), cookie(session->id)}) {
    const auto answer = server.ask(kCall, fields);
    EXPECT_EQ(answer.status, 502);
    EXPECT_THAT(answer.body, HasSubstr(R"("code":"disconnected")"));
    EXPECT_TRUE(answer.has("Connection: keep-alive\r\n"));
  }
}

constexpr auto kOldCall = "POST /api/ssh/getConfig";

TEST_F(HttpDoorsTest, AnswersAnOldCallInTheWordsOfTheOldServer) {
  const auto session = log_in();
  auto answer = server.ask(kOldCall, kJson + cookie(session->id) + kDashboard, "{}");
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, testing::StartsWith(R"({"success":false,"error":")"));
  EXPECT_THAT(answer.body, testing::EndsWith(R"("code":"disconnected"})"));
  EXPECT_TRUE(answer.has("Content-Type: application/json\r\n"));
  EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
  answer = server.ask(kOldCall, kJson + bearer(session->id), "{\"a\":tru}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr(R"("error":"Invalid request data","message":"The body is not valid JSON: )"));
  for (const auto& fields : {std::string(), cookie("dead"), bearer(session::new_token())}) {
    answer = server.ask(kOldCall, kJson + fields, "{}");
    EXPECT_EQ(answer.status, 401);
    EXPECT_THAT(answer.body, HasSubstr(R"("error":"Authentication required. Please log in.")"));
  }
}

TEST_F(HttpDoorsTest, HoldsOldCallsToTheRulesOfAllOthers) {
  EXPECT_EQ(server.ask(kOldCall, std::string(kJson) + kEvil, "{}").status, 403);
  EXPECT_EQ(server.ask(kOldCall, "Content-Type: text/plain\r\n", "{}").status, 415);
  EXPECT_EQ(server.ask(kOldCall, kJson, std::string(1001, ' ')).status, 413);
  EXPECT_EQ(server.ask("GET /api/ssh/getConfig").status, 405);
  EXPECT_EQ(server.ask("POST /api/ssh/controlService", kJson, "{}").status, 501) << "no plugin offers it";
  for (int i = 0; i < 20; ++i) server.ask(kOldCall, kJson, "{}");
  const auto answer = server.ask(kOldCall, kJson, "{}");
  EXPECT_EQ(answer.status, 429) << "they count among the calls of an address";
  EXPECT_TRUE(answer.has("Retry-After: 1\r\n"));
  EXPECT_THAT(answer.body, HasSubstr(R"("error":"Too many requests from this address.")"));
}

TEST_F(HttpDoorsTest, LimitsWhatAnAddressAsks) {
  std::string last;
  for (int i = 0; i < 21; ++i) {
    const auto answer = server.ask(i % 2 ? kCall : kStatus);
    EXPECT_EQ(answer.status, i < 20 ? 401 : 429) << i;
    EXPECT_EQ(answer.has("Retry-After: 1\r\n"), i == 20);
    last = answer.body;
  }
  EXPECT_EQ(last, problem(429, "Too Many Requests", "Too many requests from this address.", "overloaded"));
  EXPECT_EQ(server.server.metrics.limits.messages_per_second.value(), 1U);
  server.ask(kCall);
  EXPECT_EQ(server.server.metrics.limits.messages_per_second.value(), 2U);
}

TEST_F(HttpDoorsTest, AnswersAnUpgradeInTheFormOfProblems) {
  for (const auto* path : {"/api/call/get_config", "/api/stream/subscribe_status"}) {
    auto client = server.connect();
    client.send(test::WsClient::upgrade(path));
    const auto answer = client.answer();
    EXPECT_EQ(answer.body, problem(404, "Not Found", "There is no WebSocket at this address.", "not_found")) << path;
  }
}

TEST_F(HttpDoorsTest, ShowsItsDescriptionByGetOnly) {
  EXPECT_EQ(server.ask("GET /api/openapi.json").status, 200);
  EXPECT_EQ(server.ask("HEAD /api/openapi.json").status, 200);
  for (const auto* method : {"POST", "PUT", "DELETE"}) {
    const auto answer = server.ask(std::string(method) + " /api/openapi.json");
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_TRUE(answer.has("Allow: GET\r\n")) << method;
  }
}

TEST_F(HttpDoorsTest, TakesABodyAsLargeAsItIsSaidTo) {
  auto large = settings();
  large.limits.body_bytes = 1'000'000;
  test::PublicServer roomy(large, {.allow = {"127.0.0.0/8"}});
  const auto session = roomy.server.spine.log_in(roomy.server.spine.credential(closed.number()));
  const auto answer = roomy.ask(kCall, kJson + bearer(session->id), "{}" + std::string(600'000, ' '));
  EXPECT_EQ(answer.status, 502) << answer.body;
}

TEST_F(HttpDoorsTest, AnswersWhoHoldsABodyBackUntilThePluginIsGone) {
  const auto session = log_in();
  for (const std::string line : {kCall, kStatus}) {
    auto client = server.connect();
    client.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + kJson + bearer(session->id) +
                "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.take_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n") << "its type was known then";
    server.server.spine.registry.forget(server.server.spine.plugin);
    client.send("{}");
    const auto answer = client.answer();
    EXPECT_EQ(answer.status, 404) << line;
    EXPECT_THAT(answer.body, HasSubstr(R"("code":"not_found")"));
    server.server.spine.enrol<test::LogsQuery>(test::kLinger);
  }
}

TEST_F(HttpDoorsTest, AnswersWhoWaitsForASessionWhenTheDaemonEnds) {
  server.store.hold = true;
  std::vector<test::RawClient> clients;
  for (const auto* line : {kCall, kStatus}) {
    clients.push_back(server.connect());
    clients.back().send(std::string(line) + " HTTP/1.1\r\nHost: localhost\r\n" + bearer(log_in()->id) + kDashboard +
                        "\r\n");
  }
  ASSERT_TRUE(server.server.open_become(2));
  while (server.server.metrics.messages.value() < 2) std::this_thread::yield();
  test::on(server.server.spine.reactors[0], [&] { server.server.homes[0]->going_away([] {}); });
  for (auto& client : clients) {
    const auto answer = client.answer();
    EXPECT_EQ(answer.body, problem(503, "Service Unavailable", "The server ends; ask again.", "overloaded"));
    EXPECT_TRUE(answer.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
  }
  test::on(server.server.spine.reactors[0], [&] { server.store.release(); });
}

TEST_F(HttpDoorsTest, StreamsTheProblemOfANodeAndKeepsTheConnectionAlive) {
  auto client = stream("subscribe_status?interval=2000", bearer(log_in()->id) + kDashboard);
  for (const auto* line : {"Content-Type: text/event-stream\r\n", "Cache-Control: no-store\r\n",
                           "Connection: close\r\n", "Access-Control-Allow-Origin: http://localhost:3000\r\n"})
    EXPECT_THAT(head, HasSubstr(line));
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  const auto error = client.take_through("}\n\n");
  EXPECT_THAT(error, HasSubstr("event: error\ndata: {\"message\":"));
  EXPECT_THAT(error, HasSubstr(R"("code":"disconnected","type":"subscribe_status","params":{})"));
  EXPECT_EQ(error.find("\nid: "), std::string::npos) << "it goes on";
  EXPECT_EQ(client.take_through(":\n\n"), ":\n\n");
  EXPECT_EQ(client.take_through(":\n\n"), ":\n\n");
  client.leave();
  EXPECT_TRUE(server.server.open_become(0));
  test::on(server.server.spine.reactors[0], [] {});  // a connection goes at the end of its last turn
  EXPECT_EQ(server.server.spine.hub->metrics().subscriptions.value(), 0);
}

TEST_F(HttpDoorsTest, RefusesParamsThatDoNotFitBeforeAnythingIsStreamed) {
  const auto token = bearer(log_in()->id);
  const std::pair<const char*, const char*> cases[] = {
      {"subscribe_logs", "params.service: expected a value, got nothing"},
      {"subscribe_logs?service=../x", "params.service: not a unit name"},
      {"subscribe_logs?service=a&service=b", "params.service: given twice"},
      {"subscribe_status?interval=soon", R"(params.interval: expected an integer from 1000 to 60000, got \"soon\")"}};
  for (const auto& [target, words] : cases) {
    const auto answer = server.ask("GET /api/stream/" + std::string(target), token);
    EXPECT_EQ(answer.body, problem(400, "Bad Request", words, "bad_request")) << target;
  }
}

TEST_F(HttpDoorsTest, EndsAStreamForGoodAndTellsABrowserNotToComeBack) {
  test::PublicServer strict(settings());  // no node may be reached
  auto client = strict.connect();
  client.send("GET /api/stream/subscribe_status HTTP/1.1\r\nHost: localhost\r\n" + bearer(strict.log_in()->id) +
              "\r\n");
  client.take_through("\r\n\r\n");
  const auto all = client.take_all();
  EXPECT_THAT(all, HasSubstr("id: pillard:ended\nevent: error\ndata: {\"message\":"));
  EXPECT_THAT(all, HasSubstr("\"code\":\"access_denied\""));
  EXPECT_THAT(all, HasSubstr("\"ended\":true}\n\n"));
  EXPECT_EQ(strict.ask(kStatus, "Last-Event-ID: pillard:ended\r\n").status, 204);
  EXPECT_EQ(strict.ask("GET /api/stream/subscribe_status?lastEventId=pillard:ended").status, 204);
}

TEST_F(HttpDoorsTest, EndsTheStreamsOfASessionThatEnds) {
  const auto session = log_in();
  auto client = stream("subscribe_logs?service=a", cookie(session->id));
  server.server.spine.log_out(session->id);
  EXPECT_THAT(
      client.take_all(),
      HasSubstr("event: error\ndata: {\"message\":\"Invalid or expired session\",\"code\":\"unauthenticated\"}"));
}

TEST_F(HttpDoorsTest, EndsACallWhoseClientLeaves) {
  server.store.hold = true;
  auto client = server.connect();
  client.send(std::string(kCall) + " HTTP/1.1\r\nHost: localhost\r\n" + bearer(log_in()->id) + "\r\n");
  EXPECT_TRUE(server.server.open_become(1));
  client.leave();
  EXPECT_TRUE(server.server.open_become(0));
  test::on(server.server.spine.reactors[0], [&] { server.store.release(); });
}

}  // namespace
}  // namespace pillard::transport
