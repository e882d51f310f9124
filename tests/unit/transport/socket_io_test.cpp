// Socket.IO as the old dashboards speak it.
#include "transport/socket_io_door.h"

#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using test::ws_text;
using testing::StartsWith;

constexpr auto kAuthenticated = R"(42["authenticated"])";
constexpr auto kRefused = R"(44{"message":"Authentication error: Invalid or expired session."})";
constexpr auto kJoined = R"re(40\{"sid":"[A-Za-z0-9_-]{20}"\})re";

class SocketIoTest : public testing::Test {
 protected:
  static std::string cookie(const std::string& token) { return "Cookie: x=y; ssh_session=" + token + "\r\n"; }
  static std::string auth(const std::string& token) { return R"(40{"token":")" + token + R"("})"; }
  /// Sends one packet to a client that has joined; the code with which it is closed.
  int closed_by(const std::string& packet) {
    auto client = server.joined();
    client.send(ws_text(packet) + ws_text("420[\"authenticate\",\"x\"]"));
    return client.next().code();
  }
  test::PublicServer server;
};

TEST_F(SocketIoTest, JoinsWithoutAToken) {
  auto client = server.engine();
  client.say("40");
  EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined));
  EXPECT_EQ(client.wait(1, 50ms), "") << "it is not authenticated";
}

TEST_F(SocketIoTest, DoesNotRevealTheIdOfItsEngineSession) {
  test::WsClient client(server.server.port(), test::kEngineTarget);
  const auto engine_id = client.heard().substr(9, 20);
  client.say("40");
  EXPECT_THAT(client.heard(), testing::Not(testing::HasSubstr(engine_id)));
}

TEST_F(SocketIoTest, TakesTheTokenOfTheConnectPacket) {
  const auto session = server.log_in();
  auto client = server.engine();
  client.say(auth(session->id));
  EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined));
  EXPECT_EQ(client.heard(), kAuthenticated);
}

TEST_F(SocketIoTest, TakesTheTokenOfTheCookieFirst) {
  const auto session = server.log_in();
  auto client = server.engine(cookie(session->id));
  client.say(auth("something else"));
  EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined));
  EXPECT_EQ(client.heard(), kAuthenticated);
  auto stale = server.engine(cookie("stale"));
  stale.say(auth(session->id));
  EXPECT_EQ(stale.heard(), kRefused);
}

TEST_F(SocketIoTest, TakesTheTokenOfTheAuthenticateEvent) {
  const auto session = server.log_in();
  auto client = server.joined();
  client.say(R"(420["authenticate",")" + session->id + "\"]");
  EXPECT_EQ(client.heard(), kAuthenticated);
  EXPECT_EQ(client.heard(), "430[true]");
  client.say(R"(421["authenticate","x"])");
  EXPECT_EQ(client.heard(), R"(42["error",{"message":"Authentication token mismatch.","code":"unauthenticated"}])");
  EXPECT_EQ(client.heard(), "431[false]");
}

TEST_F(SocketIoTest, RefusesADeadTokenAndLetsTheClientTryAgain) {
  auto client = server.engine();
  client.say(auth(session::new_token()));
  EXPECT_EQ(client.heard(), kRefused);
  client.say(auth(server.log_in()->id));
  EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined));
  EXPECT_EQ(client.heard(), kAuthenticated);
}

TEST_F(SocketIoTest, TakesATokenThatIsNoStringForNone) {
  for (const auto* packet : {R"(40{"token":5})", R"(40{"token":null})", "40{}", R"(40{"token":""})"}) {
    auto client = server.engine();
    client.say(packet);
    EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined)) << packet;
  }
}

TEST_F(SocketIoTest, AnswersWhatAsksForIt) {
  auto client = server.joined();
  client.send(ws_text(R"(420["nonsense"])") + ws_text(R"(42["nonsense",{"a":1}])") +
              ws_text(R"(4299["subscribe_status",{"interval":5000}])"));
  EXPECT_EQ(client.heard(),
            R"(430[{"error":{"message":"There is no message type of this name here.","code":"not_found"}}])");
  EXPECT_EQ(client.heard(), R"(42["error",{"message":"There is no message type of this name here.",)"
                            R"("code":"not_found","type":"nonsense","params":{"a":1}}])");
  EXPECT_EQ(client.heard(), R"(4399[{"error":{"message":"Not authenticated.","code":"unauthenticated"}}])");
}

TEST_F(SocketIoTest, KeepsTheOrderOfWhatComesBehindAToken) {
  const auto session = server.log_in();
  auto client = server.joined();
  client.send(ws_text(R"(420["authenticate",")" + session->id + "\"]") + ws_text(R"(421["unsubscribe_status"])") +
              ws_text(R"(422["nonsense"])"));
  EXPECT_EQ(client.heard(), kAuthenticated);
  EXPECT_EQ(client.heard(), "430[true]");
  EXPECT_EQ(client.heard(), R"(431[{"data":null}])");
  EXPECT_THAT(client.heard(), StartsWith("432["));
}

TEST_F(SocketIoTest, ForgetsAClientThatLeavesDuringTheLookUp) {
  const auto session = server.log_in();
  auto& reactor = server.server.spine.reactors[0];
  test::on(reactor, [&] { server.store.hold = true; });
  auto gone = server.engine();
  gone.say(auth(session->id));
  auto left = server.engine();
  left.send(ws_text(auth(session->id)) + ws_text("41") + ws_text("40"));
  EXPECT_THAT(left.heard(), testing::MatchesRegex(kJoined)) << "without a token, at once";
  gone.slam();
  ASSERT_TRUE(server.server.open_become(1));
  test::on(reactor, [&] { server.store.release(); });
  EXPECT_EQ(left.wait(1, 50ms), "") << "the answer was for one who is not there any more";
}

TEST_F(SocketIoTest, ClosesForWhatComesBeforeTheNamespaceIsJoined) {
  for (const auto* packet : {R"(42["authenticate","x"])", "41", "430[]"}) {
    auto client = server.engine();
    client.say(packet);
    EXPECT_EQ(client.next().code(), 1000) << packet;
  }
}

TEST_F(SocketIoTest, ClosesForASecondConnect) { EXPECT_EQ(closed_by("40"), 1000); }
TEST_F(SocketIoTest, ClosesForAConnectError) { EXPECT_EQ(closed_by(R"(44{"message":"x"})"), 1000); }
TEST_F(SocketIoTest, ClosesForANamespaceThatWasNotJoined) { EXPECT_EQ(closed_by(R"(42/other,["x"])"), 1000); }
TEST_F(SocketIoTest, TakesAttachmentsAsBase64) {
  auto client = server.joined();
  client.send(ws_text(R"(452-7["nonsense",{"a":{"_placeholder":true,"num":1},"b":[1]}])") +
              test::ws_frame(0x82, "one") + test::ws_frame(0x82, "two"));
  EXPECT_THAT(client.heard(), StartsWith("437[{\"error\""));
  client.send(ws_text(R"(451-["nonsense",{"a":{"_placeholder":true,"num":0},"b":[1]}])") +
              test::ws_frame(0x82, "bytes"));
  EXPECT_THAT(client.heard(), testing::HasSubstr(R"("params":{"a":"Ynl0ZXM=","b":[1]})"));
}

TEST_F(SocketIoTest, ClosesForATextInPlaceOfAnAttachment) {
  EXPECT_EQ(closed_by(R"(451-["x",{"_placeholder":true,"num":0}])"), 1000);
}

TEST_F(SocketIoTest, CarriesANodeInEachNamespaceWithATokenOfItsOwn) {
  const auto one = server.log_in();
  const auto two = server.log_in();
  auto client = server.engine();
  for (const auto& [name, session] : {std::pair("/node/a", one), std::pair("/node/b", two)}) {
    client.say("40" + std::string(name) + R"(,{"token":")" + session->id + R"("})");
    EXPECT_THAT(client.heard(), StartsWith("40" + std::string(name) + R"(,{"sid":")"));
    EXPECT_EQ(client.heard(), "42" + std::string(name) + R"(,["authenticated"])");
  }
  client.say(R"(42/node/b,1["nonsense"])");
  EXPECT_THAT(client.heard(), StartsWith("43/node/b,1["));
  server.server.spine.log_out(one->id);
  EXPECT_THAT(client.heard(), StartsWith(R"(42/node/a,["error")"));
  EXPECT_EQ(client.heard(), "41/node/a,");
  client.say(R"(42/node/b,2["nonsense"])");
  EXPECT_THAT(client.heard(), StartsWith("43/node/b,2["));
  client.say("40/node/a/b");
  EXPECT_EQ(client.heard(), R"(44/node/a/b,{"message":"Invalid namespace"})");
}

TEST_F(SocketIoTest, ClosesForPacketsThatAreNone) {
  for (const auto& packet : {std::string("4"), std::string("42"), std::string("42abc"), std::string("42{}"),
                             std::string("42[]"), std::string(R"(42["disconnect"])"), std::string("47"),
                             std::string(R"(42["x")"), "42[\"x\"," + std::string(1000, '[') + std::string(1000, ']')})
    EXPECT_EQ(closed_by(packet), 1000) << packet.substr(0, 20);
}

TEST_F(SocketIoTest, IgnoresAnAckOfNothing) {
  auto client = server.joined();
  client.send(ws_text("437[]") + ws_text(R"(420["nonsense"])"));
  EXPECT_THAT(client.heard(), StartsWith("430["));
}

TEST_F(SocketIoTest, KnowsNoOtherNamespaceAndStaysOpen) {
  auto client = server.engine();
  client.send(ws_text("40/random,") + ws_text(R"(40/x,{"token":"y"})") + ws_text("40"));
  EXPECT_EQ(client.heard(), R"(44/random,{"message":"Invalid namespace"})");
  EXPECT_EQ(client.heard(), R"(44/x,{"message":"Invalid namespace"})");
  EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined));
}

TEST_F(SocketIoTest, LetsAClientLeaveAndJoinAgain) {
  const auto session = server.log_in();
  auto client = server.engine();
  for (int i = 0; i < 3; ++i) {
    client.send(ws_text(auth(session->id)));
    EXPECT_THAT(client.heard(), testing::MatchesRegex(kJoined));
    EXPECT_EQ(client.heard(), kAuthenticated);
    client.say("41");
  }
  client.say(R"(42["nonsense"])");
  EXPECT_EQ(client.heard(), "close 1000") << "it had left";
}

TEST_F(SocketIoTest, EndsAllSocketsOfASessionThatEnds) {
  const auto session = server.log_in();
  auto one = server.engine();
  auto two = server.engine(cookie(session->id));
  auto other = server.joined();
  one.say(auth(session->id));
  two.say("40");
  for (auto* client : {&one, &two}) {
    EXPECT_THAT(client->heard(), StartsWith("40{"));
    EXPECT_EQ(client->heard(), kAuthenticated);
  }
  server.server.spine.log_out(session->id);
  for (auto* client : {&one, &two}) {
    EXPECT_EQ(client->heard(), R"(42["error",{"message":"Invalid or expired session","code":"unauthenticated"}])");
    EXPECT_EQ(client->heard(), "41");
    EXPECT_EQ(client->heard(), "close 1000");
  }
  EXPECT_EQ(other.wait(1, 50ms), "");
}

TEST_F(SocketIoTest, PassesOnTheEndOfAStream) {
  auto client = server.engine();
  client.say(auth(server.log_in()->id));
  EXPECT_THAT(client.heard(), StartsWith("40{"));
  EXPECT_EQ(client.heard(), kAuthenticated);
  client.say(R"(42["subscribe_logs",{"service":"execution"}])");
  const auto told = client.heard();  // this machine may not be connected to
  EXPECT_THAT(told, StartsWith(R"(42["error",{"message":")"));
  EXPECT_THAT(told, testing::EndsWith(R"("code":"access_denied","type":"subscribe_logs",)"
                                      R"("params":{"service":"execution"},"ended":true}])"));
}

}  // namespace
}  // namespace pillard::transport
