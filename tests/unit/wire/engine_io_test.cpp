#include "wire/engine_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace pillard::wire::engine_io {
namespace {

using ::testing::ElementsAre;

TEST(EngineIo, DecodesADigitAndItsData) {
  const auto packet = decode("4hello");
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->type, Type::kMessage);
  EXPECT_EQ(packet->data, "hello");
  EXPECT_FALSE(packet->binary);
  EXPECT_EQ(decode("2probe")->type, Type::kPing);
  EXPECT_EQ(decode("3")->data, "");
}

TEST(EngineIo, KnowsEveryType) {
  for (int digit = 0; digit <= 6; ++digit) {
    EXPECT_EQ(decode(std::to_string(digit))->type, static_cast<Type>(digit));
  }
}

TEST(EngineIo, RefusesEmptyAndUnknownPackets) {
  for (const char* text : {"", "7", "9", "a", " 4", "-1", "b", "\x80"}) EXPECT_FALSE(decode(text)) << text;
}

TEST(EngineIo, EncodesADigitAndItsData) {
  std::string out;
  append_packet(out, Type::kPing);
  append_packet(out, Type::kMessage, "x");
  EXPECT_EQ(out, "24x");
}

TEST(EngineIo, WritesTheFiveKeysOfTheHandshakeInOrder) {
  EXPECT_EQ(
      handshake_json({.sid = "lv_VI97HAXpY6yYWAAAB",
                      .upgrade_to_websocket = true,
                      .ping_interval = 10000,
                      .ping_timeout = 30000,
                      .max_payload = 1000000}),
      R"({"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":["websocket"],"pingInterval":10000,"pingTimeout":30000,"maxPayload":1000000})");
  EXPECT_EQ(handshake_json({.sid = "s"}),
            R"({"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})");
}

/// "4:data", "4b:bytes", and "failed" at the end if it did.
std::vector<std::string> packets(std::string_view body) {
  std::vector<std::string> all;
  PayloadReader reader(body);
  while (const auto packet = reader.next()) {
    all.push_back(std::to_string(static_cast<int>(packet->type)) + (packet->binary ? "b:" : ":") +
                  std::string(packet->data));
  }
  EXPECT_FALSE(reader.next());
  if (reader.failed()) all.emplace_back("failed");
  return all;
}

TEST(EngineIoPayload, SplitsABodyIntoItsPackets) {
  EXPECT_THAT(packets("4a"), ElementsAre("4:a"));
  EXPECT_THAT(packets("4hello\x1e"
                      "2\x1e"
                      "4\xE2\x82\xAC"),
              ElementsAre("4:hello", "2:", "4:\xE2\x82\xAC"));
  EXPECT_THAT(packets("4a\x1e"
                      "bAQID\x1e"
                      "b"),
              ElementsAre("4:a", "4b:\x01\x02\x03", "4b:"));
}

TEST(EngineIoPayload, HandsOutWhatStandsBeforeABadPacketAndNothingBehind) {
  EXPECT_THAT(packets("4a\x1e"
                      "9\x1e"
                      "4b"),
              ElementsAre("4:a", "failed"));
  EXPECT_THAT(packets("4a\x1e"), ElementsAre("4:a", "failed"));
  EXPECT_THAT(packets("4a\x1e\x1e"
                      "4b"),
              ElementsAre("4:a", "failed"));
  EXPECT_THAT(packets("4a\x1e"
                      "b?\x1e"
                      "4b"),
              ElementsAre("4:a", "failed"));
  EXPECT_THAT(packets("4a\x1e"
                      "4\xFF"),
              ElementsAre("4:a", "failed"));
  EXPECT_THAT(packets(""), ElementsAre("failed"));
  EXPECT_THAT(packets("abc"), ElementsAre("failed"));
}

TEST(EngineIoPayload, ReadsBackWhatItWrote) {
  std::string body;
  append_to_payload(body, Type::kMessage, "one");
  append_binary_to_payload(body, std::string("\0\x1e\xFF", 3));
  append_to_payload(body, Type::kNoop);
  EXPECT_EQ(body,
            "4one\x1e"
            "bAB7/\x1e"
            "6");
  EXPECT_THAT(packets(body), ElementsAre("4:one", std::string("4b:\0\x1e\xFF", 6), "6:"));
}

TEST(EngineIoPayload, SurvivesEveryTruncation) {
  const std::string body =
      "4hello\x1e"
      "bAQID\x1e"
      "4\xE2\x82\xAC";
  for (std::size_t length = 0; length < body.size(); ++length) packets(body.substr(0, length));
}

}  // namespace
}  // namespace pillard::wire::engine_io
