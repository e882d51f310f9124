// Engine.IO: the handshake, and heartbeats by absolute deadlines.
#include "transport/engine.h"

#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::ws_frame;
using test::ws_text;

config::Settings quick() {
  config::Settings settings;
  settings.engine = {.ping_interval = 100ms, .ping_timeout = 400ms, .max_payload = 5000, .connect_timeout = 10s};
  return settings;
}

class EngineTest : public testing::Test {
 protected:
  test::PublicServer server{quick()};
};

TEST_F(EngineTest, ShakesHandsWithExactlyTheFiveKeys) {
  test::WsClient client(server.server.port(), test::kEngineTarget);
  EXPECT_THAT(client.heard(),
              testing::MatchesRegex(R"re(0\{"sid":"[A-Za-z0-9_-]{20}","upgrades":\[\],"pingInterval":100,)re"
                                    R"re("pingTimeout":400,"maxPayload":5000\})re"));
}

TEST_F(EngineTest, GivesEachSessionItsOwnId) {
  test::WsClient one(server.server.port(), test::kEngineTarget);
  test::WsClient two(server.server.port(), test::kEngineTarget);
  EXPECT_NE(one.heard(), two.heard());
}

TEST_F(EngineTest, PingsAtItsTimesAndLivesOnPongs) {
  const auto began = Clock::now();
  auto client = server.joined();
  for (int i = 1; i <= 6; ++i) {
    ASSERT_EQ(client.heard(), "2") << i;
    EXPECT_GE(Clock::now() - began, i * 100ms) << "never early";
    client.say("3");
  }
  EXPECT_LT(Clock::now() - began, 1s) << "each deadline stems from the one before, not from the answer";
}

TEST_F(EngineTest, ClosesAClientThatDoesNotAnswer) {
  const auto began = Clock::now();
  auto client = server.joined();
  EXPECT_EQ(client.heard(), "2");
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_GE(Clock::now() - began, 500ms);
  EXPECT_LT(Clock::now() - began, 900ms);
}

TEST_F(EngineTest, TakesAnotherPacketForASignOfLifeOnce) {
  const auto began = Clock::now();
  auto client = server.joined();
  EXPECT_EQ(client.heard(), "2");
  EXPECT_EQ(client.wait(1, 200ms), "");
  client.say("6");
  EXPECT_EQ(client.wait(1, 250ms), "") << "past the first deadline";
  client.say("6");
  EXPECT_EQ(client.close_code(), 1000);
  const auto lived = Clock::now() - began;
  EXPECT_GE(lived, 690ms);
  EXPECT_LT(lived, 930ms) << "the second one gave no more time";
}

TEST_F(EngineTest, IgnoresAPongThatNobodyAskedFor) {
  auto client = server.joined();
  client.say("3");
  client.say("3");
  EXPECT_EQ(client.heard(), "2");
}

TEST_F(EngineTest, ClosesForPacketsThatOnlyAServerSendsOrThatAreNone) {
  for (const auto* packet : {"2", "2probe", "5", "0{}", "", "9", "x", "b"}) {
    auto client = server.engine();
    client.send(ws_text(packet) + ws_text("40"));
    EXPECT_EQ(client.heard(), "close 1000") << packet;
    client.say_goodbye();
    EXPECT_TRUE(client.ends());
  }
}

TEST_F(EngineTest, EndsWhenTheClientSaysSo) {
  auto client = server.joined();
  client.say("1");
  EXPECT_EQ(client.heard(), "close 1000");
  client.say_goodbye();
  EXPECT_TRUE(client.ends());
}

TEST_F(EngineTest, BoundsWhatAMessageMayBe) {
  auto client = server.joined();
  client.say("42[\"" + std::string(5000, 'x') + "\"]");
  EXPECT_EQ(client.close_code(), 1009);
}

TEST_F(EngineTest, TakesNoBinaryThatWasNotAnnounced) {
  auto client = server.joined();
  client.send(ws_frame(0x82, "bytes"));
  EXPECT_EQ(client.close_code(), 1000);
}

TEST(EngineDeadline, ClosesAClientThatJoinsNothing) {
  config::Settings settings;
  settings.engine.connect_timeout = 150ms;
  test::PublicServer server(settings);
  const auto began = Clock::now();
  auto joined = server.joined();
  auto idle = server.engine();
  auto refused = server.engine();
  refused.say("40/nowhere,");
  EXPECT_EQ(refused.heard(), R"(44/nowhere,{"message":"Invalid namespace"})");
  EXPECT_EQ(idle.heard(), "close 1000");
  EXPECT_EQ(refused.heard(), "close 1000");
  EXPECT_GE(Clock::now() - began, 150ms);
  EXPECT_EQ(joined.wait(1, 100ms), "");
}

}  // namespace
}  // namespace pillard::transport
