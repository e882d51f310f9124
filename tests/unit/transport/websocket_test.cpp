#include "transport/websocket.h"

#include <gtest/gtest.h>

#include "unit/transport/fixture.h"
#include "unit/transport/ws_client.h"
#include "wire/ws_upgrade.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using test::ws_frame;
using test::ws_text;
using test::WsClient;

class WordEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, const fanout::Label& label, std::string_view json, std::string_view) const override {
    wire::append_ws_frame(out, wire::WsOpcode::kText, std::string(label.type) + ' ' + std::string(json));
  }
};
const WordEncoder kWords;
const StreamOptions kLines{.subscribe = "s", .unsubscribe = "u", .event = "line", .gap = "gap"};
const StreamOptions kStates{
    .subscribe = "s", .unsubscribe = "u", .event = "state", .gap = "gap", .overflow = Overflow::kNewest};
const Flow kLineFlow{kLines, "{}", kWords};
const Flow kStateFlow{kStates, "{}", kWords};

/// Says hello, echoes, and does what some words ask for.
class Parrot final : public WsHandler {
 public:
  void opened(WebSocket& socket) override {
    socket_ = &socket;
    socket.send_text("hello");
  }
  void text(std::string_view message) override {
    if (message == "close") return socket_->close(wire::kWsNormal, "bye");
    if (message == "abort") return socket_->connection().abort("asked to");
    if (message.starts_with("burst "))
      for (int left = std::stoi(std::string(message.substr(6))); left > 0; --left)
        socket_->send_text(std::string(1000, 'x'));
    if (message.starts_with("stream "))
      for (int left = std::stoi(std::string(message.substr(7))); left > 0; --left)
        for (const auto* flow : {&kLineFlow, &kStateFlow}) {
          std::string frame;
          wire::append_ws_frame(frame, wire::WsOpcode::kText, std::string(10'000, flow == &kLineFlow ? 'l' : 's'));
          socket_->send(fanout::single(std::move(frame)), *flow);
        }
    if (message == "lost") return socket_->send_text(std::to_string(lines_lost_) + ' ' + std::to_string(states_lost_));
    socket_->send_text(message);
  }
  void binary(std::string_view message) override { socket_->send_text("binary " + std::to_string(message.size())); }
  void lost(const Flow& flow, std::uint64_t events) override {
    (&flow == &kLineFlow ? lines_lost_ : states_lost_) += events;
  }

 private:
  std::uint64_t lines_lost_ = 0;
  std::uint64_t states_lost_ = 0;
  WebSocket* socket_ = nullptr;
};

class ParrotSite final : public test::EchoSite {
 public:
  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request) override {
    auto checked = wire::check_websocket_upgrade(request);
    if (auto* error = std::get_if<wire::HttpError>(&checked)) return wire::HttpResponse{.status = error->status};
    return Upgrade{.first = wire::websocket_upgrade_response(std::get<std::string>(checked)),
                   .protocol = std::make_unique<WebSocket>(connection, wire::WsLimits{.max_message = 1000},
                                                           std::make_unique<Parrot>())};
  }
};

class WebSocketTest : public testing::Test {
 protected:
  WebSocketTest() { server.start(site); }
  ~WebSocketTest() override { server.stop(); }
  WsClient open(int receive_buffer = 0) {
    WsClient client(server.port(), "/", {}, receive_buffer);
    EXPECT_EQ(client.heard(), "hello");
    return client;
  }
  ParrotSite site;
  test::Server server{{.limits = {.outbox_bytes = 65536}}};
};

TEST_F(WebSocketTest, AnswersTheUpgradeAsTheRfcHasIt) {
  auto raw = server.connect();
  raw.send(WsClient::upgrade("/"));
  const auto answer = raw.answer(false);
  EXPECT_EQ(answer.status, 101);
  EXPECT_TRUE(answer.has("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_FALSE(answer.has("Content-Length"));
}

TEST_F(WebSocketTest, OpensForAClientThatWaits) {
  WsClient client(server.port(), "/");
  EXPECT_EQ(client.heard(), "hello");
}

TEST_F(WebSocketTest, TakesFramesThatComeWithTheUpgrade) {
  WsClient client(server.connect());
  client.send(WsClient::upgrade("/") + ws_text("one") + ws_text("two") + ws_text("three").substr(0, 4));
  EXPECT_EQ(client.answer(false).status, 101);
  EXPECT_EQ(client.heard(), "hello");
  EXPECT_EQ(client.heard(), "one");
  EXPECT_EQ(client.heard(), "two");
  client.send(ws_text("three").substr(4));
  EXPECT_EQ(client.heard(), "three");
}

TEST_F(WebSocketTest, TakesFramesByteByByte) {
  auto client = open();
  for (const char byte : ws_text("slowly")) client.send({&byte, 1});
  EXPECT_EQ(client.heard(), "slowly");
}

TEST_F(WebSocketTest, TakesAMessageInPiecesWithAPingBetween) {
  auto client = open();
  client.send(ws_frame(0x01, "one ") + ws_frame(0x89, "ping") + ws_frame(0x00, "two ") + ws_frame(0x80, "three"));
  const auto pong = client.next();
  EXPECT_EQ(pong.opcode, 10);
  EXPECT_EQ(pong.payload, "ping");
  EXPECT_EQ(client.heard(), "one two three");
}

TEST_F(WebSocketTest, HandsOnBinaryAndIgnoresPongs) {
  auto client = open();
  client.send(ws_frame(0x8A, "unasked") + ws_frame(0x82, std::string(5, '\0')));
  EXPECT_EQ(client.heard(), "binary 5");
}

TEST_F(WebSocketTest, SaysWhatIsLostOfStreamsThatItsClientDoesNotRead) {
  auto client = open(4096);
  client.say("stream 1500");
  // Not before something is lost: what is read meanwhile makes room.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (server.metrics.dropped.value() == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  std::uint64_t lines = 0;
  std::uint64_t states = 0;
  std::uint64_t told = 0;
  for (auto heard = client.heard(); heard != "stream 1500"; heard = client.heard()) {
    lines += heard.front() == 'l';
    states += heard.front() == 's';
    if (heard.starts_with("gap ")) told += std::stoull(heard.substr(heard.find(':') + 1));
    ASSERT_FALSE(heard.empty());
  }
  client.say("lost");
  EXPECT_GT(told, 0U);
  EXPECT_EQ(lines + told, 1500U);
  EXPECT_EQ(client.heard(), std::to_string(told) + ' ' + std::to_string(1500 - states));
}

TEST_F(WebSocketTest, AnswersACloseWithItsCodeAndEnds) {
  auto client = open();
  client.send(ws_text("last") + ws_frame(0x88, "\x03\xE8thanks") + ws_text("never"));
  EXPECT_EQ(client.heard(), "last");
  EXPECT_EQ(client.next().payload, "\x03\xE8");
  EXPECT_EQ(client.take_all(), "");
  client.leave();
  EXPECT_TRUE(server.open_become(0));
}

TEST_F(WebSocketTest, AnswersACloseWithoutACode) {
  auto client = open();
  client.send(ws_frame(0x88, ""));
  const auto close = client.next();
  EXPECT_EQ(close.opcode, 8);
  EXPECT_EQ(close.payload, "");
  EXPECT_TRUE(client.ends());
}

TEST_F(WebSocketTest, ClosesByItselfAndHearsNothingMore) {
  auto client = open();
  client.send(ws_text("before") + ws_text("close") + ws_text("after") + ws_frame(0x89, "ping"));
  EXPECT_EQ(client.heard(), "before");
  EXPECT_EQ(client.next().payload,
            "\x03\xE8"
            "bye");
  client.say("still after");
  EXPECT_EQ(client.wait(1, 50ms), "") << "it waits for the client's close frame";
  client.say_goodbye();
  EXPECT_EQ(client.take_all(), "");
}

TEST_F(WebSocketTest, ClosesWithTheCodeOfTheMistake) {
  const std::pair<std::string, int> cases[] = {{ws_frame(0x81, "unmasked", false), 1002},
                                               {ws_frame(0xC1, "reserved bit"), 1002},
                                               {ws_frame(0x83, "unknown opcode"), 1002},
                                               {ws_frame(0x80, "continues nothing"), 1002},
                                               {ws_frame(0x09, "ping in pieces"), 1002},
                                               {ws_frame(0x89, std::string(126, 'x')), 1002},
                                               {ws_frame(0x88, "x"), 1002},
                                               {ws_frame(0x88, "\x03\xED"), 1002},
                                               {ws_text("\xFF"), 1007},
                                               {ws_frame(0x88, "\x03\xE8\xFF"), 1007},
                                               {ws_frame(0x82, std::string(1001, 'x')), 1009},
                                               {ws_frame(0x01, "a") + ws_text("b"), 1002}};
  for (const auto& [bytes, code] : cases) {
    auto client = open();
    client.send(bytes + ws_text("never"));
    EXPECT_EQ(client.next().code(), code) << bytes.substr(0, 20);
    EXPECT_EQ(client.take_all(), "");
  }
  EXPECT_TRUE(server.open_become(0));
}

TEST_F(WebSocketTest, RefusesAnUpgradeThatIsNone) {
  const std::tuple<std::string, char, int> cases[] = {{"Sec-WebSocket-Version: 13", '2', 426},
                                                      {"Sec-WebSocket-Key: dGhl", '!', 400}};
  for (const auto& [field, other, status] : cases) {
    auto bytes = WsClient::upgrade("/");
    bytes[bytes.find(field) + field.size() - 1] = other;
    auto raw = server.connect();
    raw.send(bytes + ws_text("never"));
    EXPECT_EQ(raw.answer().status, status);
    EXPECT_EQ(raw.take_all(), "");
  }
}

TEST_F(WebSocketTest, EndsWithAClientThatLeavesWithoutAWord) {
  auto client = open();
  auto rude = open();
  auto half = open();
  client.leave();
  rude.slam();
  half.finish();
  EXPECT_TRUE(half.ends());
  EXPECT_TRUE(server.open_become(0));
}

TEST_F(WebSocketTest, SurvivesAConnectionThatEndsInsideItsOwnCall) {
  auto client = open();
  client.send(ws_text("one") + ws_text("abort") + ws_text("two"));
  EXPECT_TRUE(client.ends());
  EXPECT_TRUE(server.open_become(0));
}

TEST_F(WebSocketTest, TakesABurstBeyondTheOutboxFromOneWhoReads) {
  auto client = open();
  client.say("burst 90");  // of 1000 bytes, in one turn
  for (int i = 0; i < 90; ++i) ASSERT_EQ(client.heard().size(), 1000U) << i;
  EXPECT_EQ(client.heard(), "burst 90");
  EXPECT_EQ(server.metrics.overflows.value(), 0U);
}

TEST_F(WebSocketTest, CutsOffAClientThatDoesNotRead) {
  auto client = open(4096);
  auto other = open();
  // More than a socket's buffers ever hold.
  client.say("burst 8000");
  EXPECT_TRUE(server.open_become(1));
  EXPECT_EQ(server.metrics.overflows.value(), 1U);
  other.say("still here");
  EXPECT_EQ(other.heard(), "still here");
}

/// Clients that may say as much as they like, but have to read.
class PatienceTest : public WebSocketTest {
 protected:
  PatienceTest() { patient.start(site); }
  ~PatienceTest() override { patient.stop(); }
  test::Server patient{
      {.limits = {
           .outbox_bytes = 65536, .stall_timeout = 1s, .messages_per_second = 100'000, .messages_burst = 1'000'000}}};
};

TEST_F(PatienceTest, DoesNotReadAClientThatPingsAndDoesNotReadAndEndsItInTime) {
  WsClient client(patient.port(), "/", {}, 4096);
  ASSERT_EQ(client.heard(), "hello");
  std::string pings;
  for (int i = 0; i < 100; ++i) pings += ws_frame(0x89, std::string(125, 'p'));
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (patient.metrics.overflows.value() == 0 && std::chrono::steady_clock::now() < deadline) client.send(pings);
  EXPECT_EQ(patient.metrics.overflows.value(), 1U);
  // A turn's worth of answers, and one more.
  EXPECT_LT(patient.metrics.outbox_high_water.value(), 70'000) << "what it asks is not read before it reads answers";
  EXPECT_TRUE(patient.open_become(0));
}

/// 10 messages, then 20 a second.
class FloodTest : public WebSocketTest {
 protected:
  FloodTest() { strict.start(site); }
  ~FloodTest() override { strict.stop(); }
  test::Server strict{{.limits = {.messages_per_second = 20, .messages_burst = 10}}};
};

TEST_F(FloodTest, ReadsOneThatSaysTooMuchMoreSlowlyAndLosesNothing) {
  WsClient client(strict.port(), "/", {});
  ASSERT_EQ(client.heard(), "hello");
  std::string all;
  for (int i = 0; i < 20; ++i) all += ws_text(std::to_string(i));
  const auto before = std::chrono::steady_clock::now();
  client.send(all);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(client.heard(), std::to_string(i));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 400ms);
  EXPECT_EQ(strict.metrics.floods.value(), 0U);
  EXPECT_GE(strict.metrics.throttled.value(), 9U);
}

TEST_F(FloodTest, LetsAThrottledClientHangUp) {
  WsClient client(strict.port(), "/", {});
  ASSERT_EQ(client.heard(), "hello");
  std::string all;
  for (int i = 0; i < 100; ++i) all += ws_text("x");
  client.send(all);
  client.slam();
  EXPECT_TRUE(strict.open_become(0));
}

TEST_F(WebSocketTest, SaysThatTheServerEnds) {
  auto client = open();
  auto idle = server.connect();
  ASSERT_TRUE(server.open_become(2));
  std::promise<void> empty;
  test::on(server.spine.reactors[0], [&] { server.homes[0]->going_away([&] { empty.set_value(); }); });
  EXPECT_TRUE(idle.ends()) << "who asks for nothing";
  EXPECT_EQ(client.next().payload,
            "\x03\xE9"
            "the server ends");
  client.say_goodbye();
  EXPECT_TRUE(client.ends());
  client.leave();
  idle.leave();
  EXPECT_EQ(empty.get_future().wait_for(5s), std::future_status::ready);
  auto late = server.connect();
  EXPECT_TRUE(late.ends()) << "who comes after the farewell";
}

TEST_F(WebSocketTest, DoesNotWaitForeverForAClientToHangUp) {
  auto client = open();
  client.say_goodbye();
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.metrics.open.value(), 1) << "it has three seconds to end its side";
  EXPECT_TRUE(server.open_become(0));
}

}  // namespace
}  // namespace pillard::transport
