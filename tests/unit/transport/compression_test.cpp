// permessage-deflate: what is shared, what is compressed for one client, and what clients may send.
#include "transport/compression.h"

#include <gmock/gmock.h>

#include <thread>

#include "fanout/latecomers.h"
#include "transport/native_door.h"
#include "transport/websocket_upgrade.h"
#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using test::ws_frame;
using test::ws_text;
using test::WsClient;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kOffer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
const std::string kLine(600, 'l');

class LineEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, const fanout::Label& label, std::string_view json, std::string_view) const override {
    wire::append_ws_frame(out, wire::WsOpcode::kText, std::string(label.type) + ' ' + std::string(json));
  }
};

fanout::Label label(std::string_view type) { return {.type = type, .batch = {}, .topic = {}}; }

std::string inflated(wire::WsInflater& inflater, std::string_view payload) {
  std::string out;
  auto result = inflater.inflate(out, payload, 10'000'000);
  if (result == wire::WsInflater::Result::kOk) result = inflater.finish(out, 10'000'000);
  return result == wire::WsInflater::Result::kOk ? out : "cannot be inflated";
}
std::string inflated(std::string_view payload) {
  wire::WsInflater inflater({});
  return inflated(inflater, payload);
}
std::string deflated(std::string_view message) {
  wire::WsDeflater deflater({});
  std::string out;
  deflater.deflate(out, message);
  return out;
}

TEST(Compression, SharesOneEncoderAmongAllWithTheSameParameters) {
  observe::Metrics metrics;
  Compression compression({.deflate = true}, metrics);
  const LineEncoder plain;
  const LineEncoder other;
  const auto& encoder = compression.encoder(plain, 12);
  EXPECT_EQ(&compression.encoder(plain, 12), &encoder);
  EXPECT_NE(&compression.encoder(plain, 11), &encoder);
  EXPECT_NE(&compression.encoder(other, 12), &encoder);
}

TEST(Compression, CompressesWhatIsLongEnoughAndSaysHowMuch) {
  observe::Metrics metrics;
  Compression compression({.deflate = true, .deflate_min_bytes = 100}, metrics);
  const LineEncoder plain;
  std::string out = "before";
  compression.encoder(plain, 12).encode(out, label("short"), "x", {});
  const auto end = out.size();
  compression.encoder(plain, 12).encode(out, label("long"), kLine, {});
  const auto first = wire::read_own_ws_frame(std::string_view(out).substr(6));
  EXPECT_EQ(first.payload, "short x");
  EXPECT_FALSE(first.compressed);
  const auto second = wire::read_own_ws_frame(std::string_view(out).substr(end));
  EXPECT_TRUE(second.compressed);
  EXPECT_LT(second.payload.size(), 50U);
  EXPECT_EQ(inflated(second.payload), "long " + kLine);
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_websocket_compressed_messages_total 1\n"));
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_websocket_compressed_input_bytes_total 605\n"));
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_websocket_compressed_output_bytes_total " +
                                          std::to_string(second.payload.size()) + "\n"));
}

TEST(Compression, KeepsTheListsOfTheNativeDoor) {
  observe::Metrics metrics;
  Compression compression({.deflate = true, .deflate_min_bytes = 100}, metrics);
  const std::vector<fanout::SharedEvent> events(
      3, std::make_shared<const fanout::Event>(fanout::Event{'"' + kLine + '"', "c"}));
  fanout::Batch batch;
  compression.encoder(native_encoder(), 12)
      .encode_all(batch, {.type = "line", .batch = "lines", .topic = "line"}, events);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch.events_of(0), 3U);
  const auto frame = wire::read_own_ws_frame(batch.bytes);
  EXPECT_TRUE(frame.compressed);
  EXPECT_THAT(inflated(frame.payload), StartsWith(R"({"type":"lines","topic":"line","data":["lll)"));
}

TEST(Compression, IsSpokenAtTheNativeDoor) {
  config::Settings settings;
  settings.websocket = {.deflate = true, .deflate_min_bytes = 10};
  const test::PublicServer server(settings);
  WsClient client(server.server.port(), "/ws", kOffer);
  client.say(R"({"type":"nothing"})");
  const auto frame = client.next();
  EXPECT_TRUE(frame.compressed);
  EXPECT_THAT(inflated(frame.payload), StartsWith(R"({"type":"nothing","error":{"message":"There is no message type)"));
}

TEST(Compression, IsAskedByManyThreadsAtOnce) {
  observe::Metrics metrics;
  Compression compression({.deflate = true}, metrics);
  const LineEncoder plain;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([&, number] {
      const auto line = std::string(300, static_cast<char>('a' + number));
      for (int i = 0; i < 200; ++i) {
        std::string out;
        compression.encoder(plain, 9 + i % 7).encode(out, label("e"), line, {});
        if (inflated(wire::read_own_ws_frame(out).payload) != "e " + line) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

/// Sends what it is told to, back to the client or to all clients at once.
class Choir final : public test::EchoSite {
 public:
  explicit Choir(const config::WebSocket& options, observe::Metrics& metrics) : compression(options, metrics) {}

  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request) override {
    return open_websocket(connection, request, {.max_message = 100'000}, std::make_unique<Singer>(*this), &compression);
  }
  Compression compression;

 private:
  class Singer final : public WsHandler {
   public:
    explicit Singer(Choir& home) : home_(home) {}
    ~Singer() override {
      std::erase(home_.singers_, this);
      if (flow_) socket_->connection().forget(*flow_, false);
    }
    void opened(WebSocket& socket) override {
      socket_ = &socket;
      flow_.emplace(stream_, "{}", socket.encoder(home_.plain_));
      home_.singers_.push_back(this);
      socket.send_text("hello");
    }
    void text(std::string_view message) override {
      if (message.starts_with("all ")) return home_.spread(message.substr(4));
      if (message.starts_with("state ")) return home_.spread(message.substr(6), 2000);
      socket_->send_text(message);
    }
    void binary(std::string_view message) override { socket_->send_binary(message); }

    WebSocket* socket_ = nullptr;
    std::optional<Flow> flow_;

   private:
    const StreamOptions stream_{.subscribe = "s", .unsubscribe = "u", .event = "line", .gap = "gap"};
    Choir& home_;
  };

  /// As a topic and its shards do it: one batch for each encoder.
  void spread(std::string_view text, int times = 1) {
    for (int i = 0; i < times; ++i) {
      const auto event = std::make_shared<const fanout::Event>(fanout::Event{.json = std::string(text), .cursor = {}});
      std::map<const fanout::Encoder*, SharedBatch> made;
      for (auto* singer : singers_) {
        const auto& encoder = singer->socket_->encoder(plain_);
        auto& batch = made[&encoder];
        if (!batch) batch = fanout::encode_batch(encoder, label("line"), {&event, 1});
        singer->socket_->send(batch, *singer->flow_);
      }
    }
  }

  const LineEncoder plain_;
  std::vector<Singer*> singers_;
};

class CompressedSocketTest : public testing::Test {
 protected:
  void start(config::WebSocket options) {
    options.deflate = true;
    site.emplace(options, server.spine.metrics);
    server.start(*site);
  }
  ~CompressedSocketTest() override { server.stop(); }
  WsClient open(const std::string& more = kOffer, int receive_buffer = 0) {
    WsClient client(server.port(), "/", more, receive_buffer);
    EXPECT_EQ(client.heard(), "hello");
    return client;
  }
  std::string agreed(const std::string& offers) {
    auto raw = server.connect();
    raw.send(WsClient::upgrade("/", offers));
    const auto answer = raw.answer(false);
    if (answer.status != 101) return std::to_string(answer.status);
    const auto begin = answer.head.find("Sec-WebSocket-Extensions: ");
    if (begin == std::string::npos) return "none";
    return answer.head.substr(begin + 26, answer.head.find("\r\n", begin) - begin - 26);
  }
  std::uint64_t messages() {
    const std::string name = "\npillard_websocket_compressed_messages_total ";
    const auto all = server.spine.metrics.render();
    return std::stoull(all.substr(all.find(name) + name.size()));
  }
  test::Server server{{.limits = {.outbox_bytes = 65536, .stall_timeout = 60s, .messages_burst = 100'000}}};
  std::optional<Choir> site;
};

TEST_F(CompressedSocketTest, AgreesOnTheFirstOfferThatItCanKeep) {
  start({});
  EXPECT_EQ(agreed(kOffer),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12");
  EXPECT_EQ(agreed("Sec-WebSocket-Extensions: foo, permessage-deflate; server_max_window_bits=7\r\n"
                   "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"10\"\r\n"),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10");
  EXPECT_EQ(agreed("Sec-WebSocket-Extensions: permessage-deflate; what\r\n"), "none");
  EXPECT_EQ(agreed(""), "none");
  EXPECT_EQ(agreed("Sec-WebSocket-Extensions: permessage-deflate; =\r\n"), "400");
}

TEST_F(CompressedSocketTest, SendsAndReadsCompressedMessages) {
  start({});
  auto client = open();
  client.send(ws_frame(0xC1, deflated(kLine)));
  const auto frame = client.next();
  EXPECT_TRUE(frame.compressed);
  EXPECT_EQ(inflated(frame.payload), kLine);
  client.send(ws_frame(0x42, deflated(kLine).substr(0, 3)) + ws_frame(0x89, "p") +
              ws_frame(0x80, deflated(kLine).substr(3)));
  EXPECT_EQ(client.next().opcode, 10);
  EXPECT_EQ(inflated(client.next().payload), kLine);
  client.say("short");
  const auto plain = client.next();
  EXPECT_FALSE(plain.compressed);
  EXPECT_EQ(plain.payload, "short");
}

TEST_F(CompressedSocketTest, ClosesOnWhatIsWrong) {
  start({});
  const std::tuple<std::string, std::string, int> cases[] = {
      {kOffer, ws_frame(0xC1, deflated(std::string(100'001, 'x'))), 1009},
      {kOffer, ws_frame(0x41, deflated(std::string(100'001, 'x'))), 1009},
      {kOffer, ws_frame(0xC1, "\xFF\xFF"), 1007},
      {kOffer, ws_frame(0xC1, deflated("\xFF")), 1007},
      {kOffer, ws_frame(0xC9, ""), 1002},
      {kOffer, ws_frame(0x01, "a") + ws_frame(0xC0, "b"), 1002},
      {"", ws_frame(0xC1, deflated(kLine)), 1002}};
  for (const auto& [offer, bytes, code] : cases) {
    auto client = open(offer);
    client.send(bytes);
    EXPECT_EQ(client.close_code(), code);
  }
}

TEST_F(CompressedSocketTest, CompressesAFrameOnceForAllWhoAgreedOnTheSame) {
  start({});
  auto one = open();
  auto two = open();
  auto narrow = open("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n");
  auto plain = open("");
  one.say("all " + kLine);
  for (auto* client : {&one, &two, &narrow}) {
    const auto frame = client->next();
    EXPECT_TRUE(frame.compressed);
    EXPECT_EQ(inflated(frame.payload), "line " + kLine);
  }
  EXPECT_EQ(plain.heard(), "line " + kLine);
  EXPECT_EQ(messages(), 2U) << "for 12 window bits, and for 9";
}

TEST_F(CompressedSocketTest, KeepsAContextForEachClientIfToldTo) {
  start({.deflate_context_takeover = true});
  auto client = open();
  auto stateless = open("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n");
  auto plain = open("");
  wire::WsInflater inflater({});
  std::string line = "all ";
  for (int i = 0; i < 100; ++i) line += std::to_string(i * 7919);
  std::size_t first = 0;
  for (int i = 0; i < 5; ++i) {
    client.say(line);
    const auto frame = client.next();
    ASSERT_TRUE(frame.compressed);
    EXPECT_EQ(inflated(inflater, frame.payload), "line " + line.substr(4));
    if (i == 0) first = frame.payload.size();
    EXPECT_EQ(frame.payload.size() < first / 4, i > 0);
    EXPECT_EQ(inflated(stateless.next().payload), "line " + line.substr(4));
    EXPECT_EQ(plain.heard(), "line " + line.substr(4));
  }
  wire::WsDeflater deflater({.context_takeover = true});
  for (int i = 0; i < 3; ++i) {
    std::string payload;
    deflater.deflate(payload, kLine);
    client.send(ws_frame(0xC1, payload));
    EXPECT_EQ(inflated(inflater, client.next().payload), kLine);
  }
}

TEST_F(CompressedSocketTest, KeepsTheContextWholeForAClientThatMissesLines) {
  start({.deflate_level = 1, .deflate_context_takeover = true});
  auto client = open(kOffer, 4096);
  auto speaker = open("");
  std::string noise;
  for (unsigned i = 1; noise.size() < 20'000; ++i) noise += std::to_string(i * 2654435761U);
  speaker.say("state " + noise);  // 40 MB, of which the client reads nothing meanwhile
  speaker.say("the end");
  auto last = speaker.heard();
  while (last != "the end" && !last.starts_with("close") && last != "frame -1") last = speaker.heard();
  ASSERT_EQ(last, "the end");
  client.say("over");
  wire::WsInflater inflater({});
  int lines = 0;
  int gaps = 0;
  for (;;) {
    const auto frame = client.next();
    ASSERT_EQ(frame.opcode, 1) << lines;
    const auto text = frame.compressed ? inflated(inflater, frame.payload) : frame.payload;
    if (text == "over") break;
    if (text.starts_with("gap")) ++gaps;
    if (text == "line " + noise) ++lines;
    ASSERT_TRUE(text.starts_with("gap") || text == "line " + noise) << text.substr(0, 50);
  }
  EXPECT_GT(lines, 0);
  EXPECT_LT(lines, 2000);
  EXPECT_GT(gaps, 0);
}

config::Settings compressed() {
  config::Settings settings;
  settings.websocket = {.deflate = true, .deflate_min_bytes = 0};
  return settings;
}

TEST(CompressedEngine, SpeaksSocketIo) {
  test::PublicServer server(compressed());
  WsClient client(server.server.port(), test::kEngineTarget, kOffer);
  auto frame = client.next();
  EXPECT_TRUE(frame.compressed || frame.payload.size() < 130);
  EXPECT_THAT(frame.compressed ? inflated(frame.payload) : frame.payload, StartsWith(R"(0{"sid":)"));
  client.send(ws_frame(0xC1, deflated("40")));
  frame = client.next();
  EXPECT_THAT(frame.compressed ? inflated(frame.payload) : frame.payload, StartsWith(R"(40{"sid":)"));
  client.send(ws_frame(0xC1, deflated(R"(42["subscribe_status",{}])")));
  frame = client.next();
  EXPECT_TRUE(frame.compressed);
  EXPECT_THAT(inflated(frame.payload), HasSubstr("Not authenticated."));
}

TEST(CompressedEngine, GivesAClientThatPollsPlainMessagesAndCompressesAfterTheUpgrade) {
  test::PublicServer server(compressed());
  const auto opened = server.ask("GET /?EIO=4&transport=polling", kOffer);
  const auto sid = opened.body.substr(9, 20);
  const auto at = "/?EIO=4&transport=polling&sid=" + sid;
  EXPECT_EQ(server.ask("POST " + at, {}, "40").body, "ok");
  EXPECT_THAT(server.ask("GET " + at).body, StartsWith(R"(40{"sid":)"));
  EXPECT_EQ(server.ask("POST " + at, {}, R"(42["subscribe_status",{}])").body, "ok");
  EXPECT_THAT(server.ask("GET " + at).body, HasSubstr("Not authenticated."));

  WsClient client(server.server.port(), "/?EIO=4&transport=websocket&sid=" + sid, kOffer);
  client.say("2probe");
  EXPECT_EQ(client.heard(), "3probe");
  EXPECT_EQ(server.ask("GET " + at).body, "6");
  EXPECT_EQ(server.ask("POST " + at, {}, R"(42["subscribe_status",{}])").body, "ok");
  client.say("5");
  const auto waited = client.next();
  EXPECT_FALSE(waited.compressed) << "it was queued for a poll";
  EXPECT_THAT(waited.payload, HasSubstr("Not authenticated."));
  client.say(R"(42["subscribe_status",{}])");
  const auto frame = client.next();
  EXPECT_TRUE(frame.compressed);
  EXPECT_THAT(inflated(frame.payload), HasSubstr("Not authenticated."));
}

}  // namespace
}  // namespace pillard::transport
