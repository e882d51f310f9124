// JSON at /ws, as far as it goes without a node.
#include "transport/native_door.h"

#include <gmock/gmock.h>

#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

config::Settings settings() {
  config::Settings made;
  made.engine.connect_timeout = 500ms;
  return made;
}

class NativeDoorTest : public testing::Test {
 protected:
  test::WsClient open(const std::string& fields = {}) { return {server.server.port(), "/ws", fields}; }
  test::WsClient authenticated() {
    auto client = open("Authorization: Bearer " + log_in()->id + "\r\n");
    EXPECT_EQ(client.heard(), R"({"type":"authenticated"})");
    return client;
  }
  session::SessionPtr log_in() { return server.server.spine.log_in(server.server.spine.credential(closed.number())); }
  static std::string error(const std::string& head, const std::string& message, const std::string& code) {
    return "{" + head + R"("error":{"message":")" + message + R"(","code":")" + code + R"("}})";
  }

  test::ClosedPort closed;
  test::PublicServer server{settings(), {.allow = {"127.0.0.0/8"}}};
};

TEST_F(NativeDoorTest, TakesTheTokenOfTheCookieOrTheHeader) {
  const auto session = log_in();
  for (const auto& field : {"Cookie: ssh_session=" + session->id, "Authorization: Bearer " + session->id}) {
    auto client = open(field + "\r\n");
    EXPECT_EQ(client.heard(), R"({"type":"authenticated"})");
  }
}

TEST_F(NativeDoorTest, TakesATokenInAMessageAndWhatIsSentRightBehindIt) {
  auto client = open();
  client.say(R"({"type":"auth","id":1,"params":{"token":")" + log_in()->id + "\"}}");
  client.say(R"({"type":"subscribe_status","id":2})");
  EXPECT_EQ(client.heard(), R"({"type":"authenticated"})");
  EXPECT_EQ(client.heard(), R"({"type":"auth","id":1,"data":null})");
  EXPECT_EQ(client.heard(), R"({"type":"subscribe_status","id":2,"data":{"topic":"status_update"}})");
}

TEST_F(NativeDoorTest, SaysWhatIsWrongWithATokenAndLetsItsClientTryAgain) {
  auto client = open("Cookie: ssh_session=dead\r\n");
  EXPECT_EQ(client.heard(),
            error(R"("type":"error",)", "Authentication error: Invalid or expired session.", "unauthenticated"));
  const std::pair<std::string, std::string> cases[] = {
      {R"({"token":"dead"})", error(R"("type":"auth","id":1,)", "Invalid or expired session", "unauthenticated")},
      {"{}", error(R"("type":"auth","id":1,)", "params.token: expected a value, got nothing", "bad_request")},
      {R"({"token":5})", error(R"("type":"auth","id":1,)", "params.token: expected a string", "bad_request")}};
  for (const auto& [params, expected] : cases) {
    client.say(R"({"type":"auth","id":1,"params":)" + params + "}");
    EXPECT_EQ(client.heard(), expected);
  }
  client.say(R"({"type":"subscribe_status"})");
  EXPECT_EQ(client.heard(), error(R"("type":"subscribe_status",)", "Not authenticated.", "unauthenticated"));
  client.say(R"({"type":"auth","params":{"token":")" + log_in()->id + "\"}}");
  EXPECT_EQ(client.heard(), R"({"type":"authenticated"})");
}

TEST_F(NativeDoorTest, ClosesAClientThatDoesNotAuthenticateInTime) {
  auto client = open();
  const auto frame = client.next();
  EXPECT_EQ(frame.code(), 1008);
  EXPECT_THAT(frame.payload, HasSubstr("no authentication in time"));
}

TEST_F(NativeDoorTest, NamesWhatItDoesNotUnderstandAndGoesOn) {
  auto client = authenticated();
  const std::pair<const char*, std::string> cases[] = {
      {R"({"type":"nothing","id":"x"})",
       error(R"("type":"nothing","id":"x",)",
             R"(There is no message type \"nothing\" here; GET /api/openapi.json lists them.)", "unsupported")},
      {R"({"type":"authenticate","params":"t"})",
       error(R"("type":"authenticate",)",
             R"(There is no message type \"authenticate\" here; GET /api/openapi.json lists them.)", "unsupported")},
      {R"({"type":"get_config","credit":1})",
       error(R"("type":"get_config",)", "credit: only a subscription has credit; `grant` adds to it", "bad_request")},
      {R"({"type":"subscribe_logs","id":3,"params":{"service":5}})",
       error(R"("type":"subscribe_logs","id":3,)", "params.service: expected a string, got 5", "bad_request")},
      {R"({"type":"grant","params":{"topic":"x","credit":1}})",
       error(R"("type":"grant",)", "params.topic: there is no subscription of this topic", "not_found")},
      {R"({"type":"grant","params":{"topic":"x","credit":0}})",
       error(R"("type":"grant",)", "params.credit: expected an integer from 1 to 1000000000, got 0", "bad_request")},
      {R"({"id":9})",
       error(R"("type":"error","id":9,)", "type: expected the name of a message type, got nothing", "bad_request")}};
  for (const auto& [message, expected] : cases) {
    client.say(message);
    EXPECT_EQ(client.heard(), expected) << message;
  }
  client.say(R"({"type":"a",})");
  EXPECT_THAT(client.heard(), StartsWith(R"({"type":"error","error":{"message":"The message is not valid JSON: )"));
  client.say(R"({"type":"unsubscribe_status","id":4})");
  EXPECT_EQ(client.heard(), R"({"type":"unsubscribe_status","id":4,"data":null})");
}

TEST_F(NativeDoorTest, TakesNoBinaryMessages) {
  auto client = authenticated();
  client.send(test::ws_frame(0x82, "x"));
  EXPECT_EQ(client.close_code(), 1003);
}

TEST_F(NativeDoorTest, GivesSubscriptionsOfOneTypeTopicsThatDiffer) {
  auto client = authenticated();
  std::vector<std::string> topics;
  for (const auto* service : {"a", "b", "a"}) {
    client.say(R"({"type":"subscribe_logs","params":{"service":")" + std::string(service) + "\"}}");
    std::string heard;
    while (heard.rfind(R"({"type":"subscribe_logs","data":)", 0) != 0) heard = client.heard();
    topics.push_back(heard);
  }
  EXPECT_THAT(topics[0], HasSubstr(R"({"topic":"log_data#)"));
  EXPECT_NE(topics[0], topics[1]);
  EXPECT_EQ(topics[0], topics[2]);
  EXPECT_EQ(server.server.spine.hub->metrics().subscriptions.value(), 2);
}

TEST_F(NativeDoorTest, NamesTheTopicThatAProblemIsOf) {
  auto client = authenticated();
  client.say(R"({"type":"subscribe_status","id":1})");
  EXPECT_EQ(client.heard(), R"({"type":"subscribe_status","id":1,"data":{"topic":"status_update"}})");
  const auto problem = client.heard();
  EXPECT_THAT(problem, StartsWith(R"({"type":"error","topic":"status_update","error":{"message":)"));
  EXPECT_THAT(problem, HasSubstr(R"("code":"disconnected","type":"subscribe_status","params":{}}})"));
}

TEST_F(NativeDoorTest, GrantsCreditToThoseWhoAskedForIt) {
  auto client = authenticated();
  client.say(R"({"type":"subscribe_status","credit":0})");
  EXPECT_EQ(client.heard(), R"({"type":"subscribe_status","data":{"topic":"status_update"}})");
  client.heard();  // that the node is away
  client.say(R"({"type":"grant","id":1,"params":{"topic":"status_update","credit":5}})");
  EXPECT_EQ(client.heard(), R"({"type":"grant","id":1,"data":null})");
  client.say(R"({"type":"subscribe_status"})");
  EXPECT_EQ(client.heard(), R"({"type":"subscribe_status","data":{"topic":"status_update"}})");
  client.say(R"({"type":"grant","id":2,"params":{"topic":"status_update","credit":5}})");
  EXPECT_THAT(client.heard(), HasSubstr("this subscription was made without credit and is not held back"));
}

TEST_F(NativeDoorTest, AnswersACallWithItsId) {
  auto client = authenticated();
  client.say(R"({"type":"get_config","id":"c1"})");
  const auto answer = client.heard();
  EXPECT_THAT(answer, StartsWith(R"({"type":"get_config","id":"c1","error":{"message":)"));
  EXPECT_THAT(answer, HasSubstr(R"("code":"disconnected"}})"));
}

TEST_F(NativeDoorTest, EndsWithItsSession) {
  const auto session = log_in();
  auto client = open("Cookie: ssh_session=" + session->id + "\r\n");
  client.heard();
  server.server.spine.log_out(session->id);
  EXPECT_EQ(client.heard(), error(R"("type":"error",)", "Invalid or expired session", "unauthenticated"));
  EXPECT_EQ(client.close_code(), 1000);
}

TEST_F(NativeDoorTest, IsAWebSocketOnlyAndForPagesThatMay) {
  EXPECT_EQ(server.ask("GET /ws").status, 426);
  auto client = server.connect();
  client.send(test::WsClient::upgrade("/ws", "Origin: https://evil.example\r\n"));
  EXPECT_EQ(client.answer().status, 403);
}

class HeartbeatTest : public testing::Test {
 protected:
  static config::Settings settings() {
    config::Settings made;
    made.engine.ping_interval = 100ms;
    made.engine.ping_timeout = 300ms;
    return made;
  }
  test::PublicServer server{settings()};
};

TEST_F(HeartbeatTest, PingsAndKeepsThoseWhoAnswer) {
  test::WsClient client(server.server.port(), "/ws");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client.next().opcode, 9);
    client.send(test::ws_frame(0x8A, ""));
  }
}

TEST_F(HeartbeatTest, ClosesThoseWhoDoNot) {
  test::WsClient client(server.server.port(), "/ws");
  EXPECT_EQ(client.close_code(), 1008);
}

/// What the encoder writes, one payload a line.
std::string written(const fanout::Encoder& encoder, const fanout::Label& label, std::size_t count, std::string json,
                    std::vector<std::uint32_t>* events = nullptr) {
  std::vector<fanout::SharedEvent> all(count,
                                       std::make_shared<const fanout::Event>(fanout::Event{std::move(json), "c"}));
  fanout::Batch batch;
  encoder.encode_all(batch, label, all);
  if (events) *events = batch.events;
  std::string out;
  for (std::size_t i = 0; i < batch.size(); ++i)
    out += std::string(wire::read_own_ws_frame(std::string_view(batch.bytes).substr(batch.begin_of(i))).payload) + '\n';
  return out;
}

class EncoderTest : public testing::Test {
 protected:
  const fanout::Encoder& encoder = native_encoder();
  const fanout::Label lines{.type = "line", .batch = "lines", .topic = "line#1"};
  const fanout::Label states{.type = "state", .batch = {}, .topic = "state"};
};

TEST_F(EncoderTest, WritesManyLinesAsOneFrame) {
  std::vector<std::uint32_t> events;
  EXPECT_EQ(written(encoder, lines, 3, "1", &events), "{\"type\":\"lines\",\"topic\":\"line#1\",\"data\":[1,1,1]}\n");
  EXPECT_THAT(events, testing::ElementsAre(3U));
}

TEST_F(EncoderTest, WritesAFrameForEachStateThatHasNoLists) {
  EXPECT_EQ(
      written(encoder, states, 2, "{}"),
      "{\"type\":\"state\",\"topic\":\"state\",\"data\":{}}\n{\"type\":\"state\",\"topic\":\"state\",\"data\":{}}\n");
}

TEST_F(EncoderTest, BoundsAFrameInEventsAndInBytes) {
  std::vector<std::uint32_t> events;
  written(encoder, lines, 600, "1", &events);
  EXPECT_THAT(events, testing::ElementsAre(256U, 256U, 88U));
  written(encoder, lines, 3, '"' + std::string(30'000, 'x') + '"', &events);
  EXPECT_THAT(events, testing::ElementsAre(2U, 1U));
  written(encoder, lines, 2, '"' + std::string(100'000, 'x') + '"', &events);
  EXPECT_THAT(events, testing::ElementsAre(1U, 1U)) << "a large one alone";
}

}  // namespace
}  // namespace pillard::transport
