// HTTP on a connection: requests in any cut, answers in their order, and how it ends.
#include "transport/http.h"

#include <gtest/gtest.h>

#include "unit/transport/fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;

class HttpTest : public testing::Test {
 protected:
  explicit HttpTest(std::chrono::milliseconds head_timeout = 10s)
      : server({.limits = {.head_bytes = 6000, .head_timeout = head_timeout, .body_bytes = 1000}}) {
    server.start(site);
  }
  ~HttpTest() override { server.stop(); }
  static std::string get(const std::string& path, const std::string& more = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
  }
  static std::string post(const std::string& path, const std::string& body, const std::string& more = {}) {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           more + "\r\n" + body;
  }

  test::EchoSite site;
  test::Server server;
};

TEST_F(HttpTest, AnswersAHeadThatComesByteByByte) {
  auto client = server.connect();
  for (const char byte : get("/slowly")) client.send({&byte, 1});
  EXPECT_EQ(client.answer().body, "GET /slowly ");
}

TEST_F(HttpTest, KeepsTheConnectionForFurtherRequests) {
  auto client = server.connect();
  for (const auto* path : {"/one", "/two", "/three"}) {
    client.send(get(path));
    const auto answer = client.answer();
    EXPECT_EQ(answer.body, "GET " + std::string(path) + ' ');
    EXPECT_TRUE(answer.has("Connection: keep-alive\r\n"));
  }
  EXPECT_EQ(server.metrics.accepted.value(), 1U);
}

TEST_F(HttpTest, AnswersPipelinedRequestsInTheirOrder) {
  auto client = server.connect();
  client.send(get("/one") + post("/two", "body") + get("/three") + post("/four", "") + get("/five"));
  EXPECT_EQ(client.answer().body, "GET /one ");
  EXPECT_EQ(client.answer().body, "POST /two body");
  EXPECT_EQ(client.answer().body, "GET /three ");
  EXPECT_EQ(client.answer().body, "POST /four ");
  EXPECT_EQ(client.answer().body, "GET /five ");
}

TEST_F(HttpTest, LetsNoAnswerOvertakeOneThatIsPending) {
  auto client = server.connect();
  client.send(get("/later") + get("/two") + get("/later") + get("/four"));
  ASSERT_EQ(site.asked.wait(1).size(), 1U);
  EXPECT_EQ(client.wait(1, 50ms), "");
  site.release();
  EXPECT_EQ(client.answer().body, "GET /later ");
  EXPECT_EQ(client.answer().body, "GET /two ");
  ASSERT_EQ(site.asked.wait(2).size(), 2U);
  site.release();
  EXPECT_EQ(client.answer().body, "GET /later ");
  EXPECT_EQ(client.answer().body, "GET /four ");
}

TEST_F(HttpTest, TakesABodyCutAnywhere) {
  const auto whole = post("/body", "0123456789");
  for (std::size_t cut = whole.size() - 12; cut < whole.size(); ++cut) {
    auto client = server.connect();
    client.send(whole.substr(0, cut));
    client.send(whole.substr(cut));
    EXPECT_EQ(client.answer().body, "POST /body 0123456789");
  }
}

TEST_F(HttpTest, ToleratesEmptyLinesBetweenRequests) {
  auto client = server.connect();
  client.send("\r\n" + get("/one") + "\r\n\r\n\r");
  EXPECT_EQ(client.answer().body, "GET /one ");
  client.send("\n" + get("/two"));
  EXPECT_EQ(client.answer().body, "GET /two ");
}

TEST_F(HttpTest, ClosesWhenAskedTo) {
  auto client = server.connect();
  client.send(get("/one", "Connection: close\r\n") + get("/never"));
  const auto answer = client.answer();
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_EQ(client.take_all(), "");
}

TEST_F(HttpTest, ClosesForOldClientsUnlessTheyAskOtherwise) {
  auto client = server.connect();
  client.send("GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(client.answer().has("Connection: keep-alive\r\n"));
  client.send("GET /two HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.answer().body, "GET /two ");
  EXPECT_TRUE(client.ends());
}

TEST_F(HttpTest, AnswersHeadWithoutABody) {
  auto client = server.connect();
  client.send("HEAD /one HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/two"));
  EXPECT_TRUE(client.answer(false).has("Content-Length: 10\r\n"));
  EXPECT_EQ(client.answer().body, "GET /two ");
}

TEST_F(HttpTest, InvitesABodyThatWaitsForIt) {
  auto client = server.connect();
  client.send("POST /one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.take_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.answer().body, "POST /one body");
}

TEST_F(HttpTest, DoesNotInviteABodyThatItRefuses) {
  auto client = server.connect();
  client.send("POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 403);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(client.ends());
}

TEST_F(HttpTest, KeepsTheConnectionWhenItRefusesARequestWithoutABody) {
  auto client = server.connect();
  client.send(get("/refused") + get("/two"));
  EXPECT_EQ(client.answer().status, 403);
  EXPECT_EQ(client.answer().body, "GET /two ");
}

TEST_F(HttpTest, RefusesWhatItCannotOrWillNotRead) {
  const std::pair<std::string, int> cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", 413},
      {post("/", std::string(1001, 'x')), 413},
      {"GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {get("/", "X: " + std::string(7000, 'x') + "\r\n"), 431}};
  for (const auto& [request, status] : cases) {
    auto client = server.connect();
    client.send(request + get("/never"));
    const auto answer = client.answer();
    EXPECT_EQ(answer.status, status) << request.substr(0, 40);
    EXPECT_TRUE(answer.has("Connection: close\r\n"));
    EXPECT_EQ(client.take_all(), "") << request.substr(0, 40);
    EXPECT_FALSE(client.reset());
  }
}

TEST_F(HttpTest, TakesABodyOfExactlyTheLimit) {
  auto client = server.connect();
  client.send(post("/", std::string(1000, 'x')));
  EXPECT_EQ(client.answer().status, 200);
}

class HttpDeadlineTest : public HttpTest {
 protected:
  HttpDeadlineTest() : HttpTest(150ms) {}
};

TEST_F(HttpDeadlineTest, ClosesWithoutAWordIfNoRequestBegins) {
  auto client = server.connect();
  EXPECT_EQ(client.take_all(), "");
  auto empty_lines = server.connect();
  empty_lines.send("\r\n\r\n");
  EXPECT_EQ(empty_lines.take_all(), "");
}

TEST_F(HttpDeadlineTest, HasOneDeadlineForTheWholeRequest) {
  auto head = server.connect();
  head.send("GET / HTTP/1.1\r\n");
  auto body = server.connect();
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n1234");
  EXPECT_EQ(head.answer().status, 408);
  EXPECT_EQ(head.take_all(), "");
  EXPECT_EQ(body.answer().status, 408);
  EXPECT_EQ(body.take_all(), "");
}

TEST_F(HttpDeadlineTest, IsNotHurriedByALateByte) {
  const auto began = std::chrono::steady_clock::now();
  auto client = server.connect();
  client.send("G");
  EXPECT_EQ(client.wait(1, 100ms), "");
  client.send("E");  // gives no more time
  EXPECT_EQ(client.answer().status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
}

TEST_F(HttpDeadlineTest, IsPatientBetweenRequests) {
  auto client = server.connect();
  client.send(get("/one"));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(client.wait(1, 300ms), "") << "longer than a head may take";
  client.send(get("/two"));
  EXPECT_EQ(client.answer().body, "GET /two ");
  client.send("GET");
  EXPECT_EQ(client.answer().status, 408) << "the next head has its deadline again";
}

TEST_F(HttpDeadlineTest, IsPatientWithItsOwnAnswers) {
  auto client = server.connect();
  client.send(get("/later"));
  ASSERT_EQ(site.asked.wait(1).size(), 1U);
  EXPECT_EQ(client.wait(1, 300ms), "");
  site.release();
  EXPECT_EQ(client.answer().body, "GET /later ");
}

TEST_F(HttpTest, AnswersAClientThatHasEndedItsSide) {
  auto client = server.connect();
  client.send(get("/one"));
  client.finish();
  EXPECT_EQ(client.answer().body, "GET /one ");
  EXPECT_TRUE(client.ends());
  auto later = server.connect();
  later.send(get("/later") + get("/two"));
  later.finish();
  ASSERT_EQ(site.asked.wait(1).size(), 1U);
  site.release();
  EXPECT_EQ(later.answer().body, "GET /later ");
  EXPECT_EQ(later.answer().body, "GET /two ");
  EXPECT_TRUE(later.ends());
  EXPECT_TRUE(server.open_become(0));
}

TEST_F(HttpTest, ForgetsAClientThatLeavesWhileItsAnswerIsPending) {
  auto polite = server.connect();
  auto rude = server.connect();
  polite.send(get("/later"));
  rude.send(get("/later"));
  ASSERT_EQ(site.asked.wait(2).size(), 2U);
  polite.leave();
  rude.slam();
  EXPECT_TRUE(server.open_become(1)) << "an error is seen at once";
  site.release();
  EXPECT_TRUE(server.open_become(0));
}

TEST_F(HttpTest, ClosesOneConnectionForASiteThatThrows) {
  auto other = server.connect();
  other.send(get("/one"));
  ASSERT_EQ(other.answer().status, 200);
  auto client = server.connect();
  client.send(get("/throws"));
  EXPECT_TRUE(client.ends());
  other.send(get("/two"));
  EXPECT_EQ(other.answer().status, 200);
}

TEST_F(HttpTest, ClosesAfterARefusedUpgrade) {
  auto client = server.connect();
  client.send(get("/", "Upgrade: websocket\r\nConnection: Upgrade\r\n") + get("/never"));
  EXPECT_EQ(client.answer().status, 404);
  EXPECT_EQ(client.take_all(), "");
}

TEST_F(HttpTest, ClosesAfterAnUpgradeThatTheSiteRefusesByItsHead) {
  auto client = server.connect();
  client.send(get("/refused", "Upgrade: websocket\r\nConnection: Upgrade\r\n") + get("/never"));
  EXPECT_TRUE(client.answer().has("Connection: close\r\n"));
  EXPECT_EQ(client.take_all(), "");
}

}  // namespace
}  // namespace pillard::transport
