// Engine.IO by long polling, and the upgrade to a WebSocket.
#include "transport/polling.h"

#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using test::ws_text;
using testing::HasSubstr;
using testing::StartsWith;

config::Settings quick() {
  config::Settings settings;
  settings.engine.ping_interval = 300ms;
  settings.engine.ping_timeout = 200ms;
  settings.engine.max_payload = 2000;
  settings.engine.upgrade_timeout = 400ms;
  return settings;
}

std::string get(const std::string& sid) {
  return "GET /?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}
std::string post_head(const std::string& sid, std::size_t size, const std::string& more = {}) {
  return "POST /?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: localhost\r\n" + more +
         "Content-Length: " + std::to_string(size) + "\r\n\r\n";
}
std::string post(const std::string& sid, const std::string& body) { return post_head(sid, body.size()) + body; }

/// Whatever reactor its connections come to: two of them, so that some are handed over.
class PollingTest : public testing::Test {
 protected:
  PollingTest() : server(quick(), {.reactors = 2}) {}
  std::string open() {
    const auto answer = server.ask("GET /?EIO=4&transport=polling");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, StartsWith(R"(0{"sid":")"));
    EXPECT_THAT(answer.body, HasSubstr(R"("upgrades":["websocket"])"));
    return answer.body.substr(9, 20);
  }
  test::RawClient::Answer poll(const std::string& sid) {
    auto client = server.connect();
    client.send(get(sid));
    return client.answer();
  }
  test::RawClient::Answer say(const std::string& sid, const std::string& body) {
    auto client = server.connect();
    client.send(post(sid, body));
    return client.answer();
  }
  test::WsClient beside(const std::string& sid) {
    return {server.server.port(), "/?EIO=4&transport=websocket&sid=" + sid};
  }
  test::PublicServer server;
};

TEST_F(PollingTest, CarriesBothWays) {
  const auto sid = open();
  const auto answer = say(sid, "40");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
  const auto joined = poll(sid);
  EXPECT_EQ(joined.status, 200);
  EXPECT_TRUE(joined.has("Content-Type: text/plain; charset=UTF-8\r\n"));
  EXPECT_THAT(joined.body, StartsWith(R"(40{"sid":")"));
  say(sid,
      "420[\"a\"]\x1e"
      "421[\"b\"]");
  const auto both = poll(sid).body;
  EXPECT_THAT(both, HasSubstr("\x1e"
                              "431["));
  EXPECT_THAT(both, StartsWith("430["));
}

TEST_F(PollingTest, AnswersAPollThatWaits) {
  const auto sid = open();
  auto waiting = server.connect();
  waiting.send(get(sid));
  EXPECT_EQ(waiting.wait(1, 50ms), "");
  say(sid, "40");
  EXPECT_THAT(waiting.answer().body, StartsWith("40{"));
}

TEST_F(PollingTest, PingsAndEndsWhoDoesNotAnswer) {
  const auto sid = open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(poll(sid).body, "2");
    EXPECT_EQ(say(sid, "3").status, 200);
  }
  EXPECT_EQ(poll(sid).body, "2");
  EXPECT_EQ(poll(sid).body, "1") << "no pong came";
  EXPECT_EQ(poll(sid).status, 400);
}

TEST_F(PollingTest, EndsASessionThatPollsTwiceAtATime) {
  const auto sid = open();
  auto first = server.connect();
  first.send(get(sid));
  EXPECT_EQ(first.wait(1, 50ms), "");
  EXPECT_EQ(poll(sid).status, 400);
  EXPECT_EQ(first.answer().body, "1");
  EXPECT_EQ(poll(sid).body, R"({"code":1,"message":"Session ID unknown"})");
}

TEST_F(PollingTest, EndsASessionWhoseClientLeavesAPoll) {
  const auto sid = open();
  auto leaving = server.connect();
  leaving.send(get(sid));
  EXPECT_EQ(leaving.wait(1, 50ms), "");
  leaving.leave();
  ASSERT_TRUE(server.server.open_become(0));
  EXPECT_EQ(say(sid, "40").status, 400);
}

TEST_F(PollingTest, EndsASessionWhoseClientLeavesAPostUnfinished) {
  const auto sid = open();
  auto leaving = server.connect();
  leaving.send(post_head(sid, 10) + "40");
  EXPECT_EQ(leaving.wait(1, 50ms), "");
  leaving.leave();
  ASSERT_TRUE(server.server.open_become(0));
  EXPECT_EQ(poll(sid).status, 400);
}

TEST_F(PollingTest, EndsASessionForTwoPostsAtATime) {
  const auto sid = open();
  auto first = server.connect();
  first.send(post_head(sid, 10) + "40");
  EXPECT_EQ(first.wait(1, 50ms), "");
  EXPECT_EQ(say(sid, "40").status, 400);
  EXPECT_EQ(poll(sid).status, 400);
}

TEST_F(PollingTest, RefusesWhatIsNoPayload) {
  for (const auto& body : {std::string("abc"), std::string("2"),
                           std::string("40\x1e"
                                       "9"),
                           std::string("b%%")}) {
    const auto sid = open();
    EXPECT_THAT(say(sid, body).status, testing::AnyOf(200, 400)) << body;
    const auto after = poll(sid);
    if (after.status == 200) {
      EXPECT_EQ(after.body, "1") << body;
      EXPECT_EQ(poll(sid).status, 400) << body;
    } else {
      EXPECT_EQ(after.status, 400) << body;
    }
  }
  const auto sid = open();
  auto old = server.connect();
  old.send(post_head(sid, 2, "Content-Type: application/octet-stream\r\n") + "40");
  EXPECT_EQ(old.answer().status, 400);
  EXPECT_EQ(poll(sid).status, 400);
}

TEST(PollingBudget, HoldsBackTheRestOfALongPost) {
  auto settings = quick();
  settings.engine.max_payload = 100000;
  settings.engine.ping_interval = 10s;
  settings.engine.ping_timeout = 10s;
  settings.limits.messages_per_second = 100;
  settings.limits.messages_burst = 10;
  test::PublicServer server(settings);
  const auto opened = server.ask("GET /?EIO=4&transport=polling");
  const auto sid = opened.body.substr(9, 20);
  const auto polled = [&] {
    auto client = server.connect();
    client.send(get(sid));
    return client.answer().body;
  };
  auto joining = server.connect();
  joining.send(post(sid, "40"));
  EXPECT_EQ(joining.answer().body, "ok");
  EXPECT_THAT(polled(), StartsWith("40{"));
  std::string body;
  for (int i = 0; i < 30; ++i)
    body += (i == 0 ? "42"
                    : "\x1e"
                      "42") +
            std::to_string(i) + "[\"x\"]";
  const auto begin = std::chrono::steady_clock::now();
  auto client = server.connect();
  client.send(post(sid, body));
  EXPECT_EQ(client.answer().body, "ok");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 150ms) << "twenty over the burst, at a hundred a second";
  std::string all;
  for (int i = 0; i < 30 && all.find("4329[") == std::string::npos; ++i) all += polled();
  for (int i = 0; i < 30; ++i) EXPECT_THAT(all, HasSubstr("43" + std::to_string(i) + "["));
}

TEST(PollingLimit, BoundsTheSessionsOfAnAddress) {
  auto settings = quick();
  settings.limits.connections_per_address = 3;
  test::PublicServer server(settings);
  std::string last;
  for (int i = 0; i < 3; ++i) {
    const auto answer = server.ask("GET /?EIO=4&transport=polling");
    ASSERT_EQ(answer.status, 200);
    last = answer.body.substr(9, 20);
  }
  EXPECT_EQ(server.ask("GET /?EIO=4&transport=polling").status, 429);
  EXPECT_EQ(server.ask("POST /?EIO=4&transport=polling&sid=" + last, {}, "1").status, 200);
  EXPECT_EQ(server.ask("GET /?EIO=4&transport=polling").status, 200) << "the place of the one that was closed";
}

TEST_F(PollingTest, BoundsABody) {
  const auto sid = open();
  EXPECT_EQ(say(sid, "4" + std::string(2000, '0')).status, 413);
  auto chunks = server.connect();
  chunks.send("POST /?EIO=4&transport=polling&sid=" + sid +
              " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n4\r\n1;x=y\r\n0\r\n0\r\n\r\n");
  EXPECT_EQ(chunks.answer().body, "ok") << "the session goes on";
  EXPECT_THAT(poll(sid).body, StartsWith("40{"));
}

TEST_F(PollingTest, ReleasesThePollWhenTheClientCloses) {
  const auto sid = open();
  auto waiting = server.connect();
  waiting.send(get(sid));
  EXPECT_EQ(waiting.wait(1, 50ms), "");
  EXPECT_EQ(say(sid, "1").body, "ok");
  EXPECT_EQ(waiting.answer().body, "6");
  EXPECT_EQ(poll(sid).status, 400);
}

TEST_F(PollingTest, KeepsItsLastWordForThePollToCome) {
  const auto session = server.log_in();
  const auto sid = open();
  say(sid, R"(40{"token":")" + session->id + R"("})");
  EXPECT_THAT(poll(sid).body, HasSubstr("authenticated"));
  server.server.spine.log_out(session->id);
  std::string all;
  for (int i = 0; i < 3 && all != "1"; ++i) all = poll(sid).body;
  EXPECT_EQ(all, "1") << "in an answer of its own";
  EXPECT_EQ(poll(sid).status, 400);
}

TEST_F(PollingTest, BecomesAWebSocketWithWhatWaited) {
  const auto sid = open();
  say(sid, "40");
  auto waiting = server.connect();
  EXPECT_THAT(poll(sid).body, StartsWith("40{"));
  waiting.send(get(sid));
  EXPECT_EQ(waiting.wait(1, 50ms), "");
  auto socket = beside(sid);
  socket.say("2probe");
  EXPECT_EQ(socket.heard(), "3probe");
  EXPECT_EQ(waiting.answer().body, "6");
  EXPECT_EQ(poll(sid).body, "6") << "one behind the probe is released as well";
  EXPECT_EQ(say(sid, R"(421["x"])").body, "ok") << "polling goes on until the end";
  socket.say("5");
  EXPECT_THAT(socket.heard(), StartsWith("431["));
  EXPECT_EQ(poll(sid).body, R"({"code":3,"message":"Bad request"})");
  EXPECT_EQ(beside(sid).heard(), "close 1000");
  socket.say(R"(422["x"])");
  EXPECT_THAT(socket.heard(), StartsWith("432["));
  EXPECT_EQ(socket.heard(), "2") << "the heartbeat goes on";
}

TEST_F(PollingTest, GoesOnPollingWhenAnUpgradeFails) {
  for (const auto* wrong : {"2", "3probe", "40", "5"}) {
    const auto sid = open();
    auto socket = beside(sid);
    socket.say(wrong);
    EXPECT_EQ(socket.heard(), "close 1000") << wrong;
    say(sid, "40");
    EXPECT_THAT(poll(sid).body, StartsWith("40{")) << wrong;
  }
  const auto sid = open();
  auto slow = beside(sid);
  say(sid, "40");
  EXPECT_THAT(poll(sid).body, StartsWith("40{"));
  EXPECT_EQ(poll(sid).body, "2");
  say(sid, "3");
  EXPECT_EQ(slow.heard(), "close 1000") << "it took too long";
  EXPECT_EQ(poll(sid).body, "2");
}

TEST_F(PollingTest, GivesNoMorePacketsAtATimeThanEveryClientTakes) {
  const auto sid = open();
  say(sid, "40");
  EXPECT_THAT(poll(sid).body, StartsWith("40{"));
  std::string payload;
  for (int i = 0; i < 40; ++i) payload += (i > 0 ? "\x1e" : "") + ("42" + std::to_string(i)) + R"(["x"])";
  EXPECT_EQ(say(sid, payload).body, "ok");
  std::vector<long> counts;
  std::string all;
  for (int i = 0; i < 3; ++i) {
    const auto body = poll(sid).body;
    counts.push_back(std::count(body.begin(), body.end(), '\x1e') + 1);
    all += body + '\x1e';
  }
  EXPECT_THAT(counts, testing::ElementsAre(16, 16, 8));
  for (int i = 0; i < 40; ++i) {
    const auto at = all.find("43" + std::to_string(i) + '[');
    ASSERT_EQ(at, 0U) << i;
    all.erase(0, all.find('\x1e') + 1);
  }
}

TEST(NarrowPollingTest, GivesWhoIsFarBehindAllThatWaits) {
  auto settings = quick();
  settings.engine.max_payload = 100'000;
  settings.limits.outbox_bytes = 16'000;
  test::PublicServer server(std::move(settings));
  const auto sid = server.ask("GET /?EIO=4&transport=polling").body.substr(9, 20);
  const auto path = "/?EIO=4&transport=polling&sid=" + sid;
  std::string payload = "40";
  for (int i = 0; i < 40; ++i) payload += "\x1e" + ("42" + std::to_string(i)) + R"(["x"])";
  EXPECT_EQ(server.ask("POST " + path, {}, "40").body, "ok");
  EXPECT_THAT(server.ask("GET " + path).body, StartsWith("40{"));
  EXPECT_EQ(server.ask("POST " + path, {}, payload.substr(3)).body, "ok");
  const auto body = server.ask("GET " + path).body;
  EXPECT_EQ(std::count(body.begin(), body.end(), '\x1e'), 39);
}

TEST_F(PollingTest, LetsNoPollOvertakeTheUpgradeBeforeIt) {
  auto first = server.connect();  // on the loop that accepts; what comes next goes to the other one
  first.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_EQ(first.answer().status, 200);
  const auto sid = open();
  ASSERT_EQ(sid[1], 'B');
  ASSERT_TRUE(server.server.open_become(1));
  auto socket = beside(sid);
  // The session's loop is busy in the middle of a turn while the client goes on.
  auto& home = server.server.spine.reactors[1];
  std::promise<void> held;
  std::promise<void> go;
  reactor::Timer busy;
  test::on(home, [&] {
    busy = home.after(0ms, [&] {
      held.set_value();
      go.get_future().wait_for(5s);
    });
  });
  ASSERT_EQ(held.get_future().wait_for(5s), std::future_status::ready);
  const auto before = home.load().tasks;
  socket.send(ws_text("2probe") + ws_text("5"));
  auto late = server.connect();
  late.send(get(sid));
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (home.load().tasks == before && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  ASSERT_GT(home.load().tasks, before) << "the poll was not handed over";
  go.set_value();
  EXPECT_EQ(late.answer().body, R"({"code":3,"message":"Bad request"})");
  EXPECT_EQ(socket.heard(), "3probe");
  test::on(home, [&] { busy.reset(); });
}

TEST_F(PollingTest, AnswersWhoAsksAndEndsItsSide) {
  auto first = server.connect();
  first.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_EQ(first.answer().status, 200);
  const auto sid = open();
  ASSERT_EQ(sid[1], 'B');
  ASSERT_TRUE(server.server.open_become(1));
  auto other = server.connect();  // the loop that accepts has one more now
  other.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_EQ(other.answer().status, 200);
  auto asking = server.connect();  // is handed over, its request and its end together
  asking.send("GET /?EIO=4&transport=websocket&sid=" + sid + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  asking.finish();
  EXPECT_EQ(asking.answer().body, R"({"code":3,"message":"Bad request"})");
  EXPECT_TRUE(asking.ends());
}

}  // namespace
}  // namespace pillard::transport
