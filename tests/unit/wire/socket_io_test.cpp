#include "wire/socket_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pillard/json.h"
#include "wire/ws_frame.h"

namespace pillard::wire::socket_io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Packet read(std::string_view text, const Limits& limits = {}) {
  auto result = decode(text, limits);
  if (const auto* error = std::get_if<Error>(&result)) {
    ADD_FAILURE() << error->reason << " for " << text;
    return {};
  }
  return std::get<Packet>(std::move(result));
}

std::string event_frame(std::string_view nsp, std::string_view name, std::string_view json) {
  std::string frame = "before";
  append_event_frame(frame, nsp, name, json);
  return frame.substr(6);
}

/// The words of the refusal; empty if it was accepted.
std::string refusal(std::string_view text, const Limits& limits = {}) {
  const auto result = decode(text, limits);
  const auto* error = std::get_if<Error>(&result);
  return error == nullptr ? "" : error->reason;
}

TEST(SocketIo, DecodesConnect) {
  EXPECT_EQ(read("0").type, Type::kConnect);
  EXPECT_EQ(read("0").nsp, "/");
  EXPECT_EQ(read("0").payload, "");
  EXPECT_EQ(read(R"(0{"token":"abc"})").payload, R"({"token":"abc"})");
  EXPECT_EQ(read(R"(0/admin,{"token":"abc"})").nsp, "/admin");
  EXPECT_EQ(read("0/custom").nsp, "/custom");
  EXPECT_EQ(read("0/node/a,").nsp, "/node/a");
}

TEST(SocketIo, RefusesConnectWithAnythingButAnObject) {
  for (const char* text :
       {"0[]", "0null", "0\"x\"", "0true", "01", "0{", "0{}x", "0{}{}", "0/a,[]", "0 ", "0abc", "012{}"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
}

TEST(SocketIo, DecodesDisconnect) {
  EXPECT_EQ(read("1").type, Type::kDisconnect);
  EXPECT_EQ(read("1/custom").nsp, "/custom");
  EXPECT_EQ(read("1/custom,").nsp, "/custom");
}

TEST(SocketIo, RefusesDisconnectWithAPayload) {
  for (const char* text : {"1{}", "1[]", "1/a,{}", "11", "1x"}) EXPECT_NE(refusal(text), "") << text;
}

TEST(SocketIo, DecodesAnEventIntoItsNameAndArguments) {
  const auto packet = read(R"(2/admin,456["project:delete",123,{"b":1.0,"a":[]},"x"])");
  EXPECT_EQ(packet.type, Type::kEvent);
  EXPECT_EQ(packet.nsp, "/admin");
  EXPECT_EQ(packet.id, 456U);
  EXPECT_EQ(packet.event, "project:delete");
  EXPECT_THAT(packet.arguments, ElementsAre("123", R"({"b":1.0,"a":[]})", R"("x")"));
  EXPECT_EQ(packet.payload, R"(["project:delete",123,{"b":1.0,"a":[]},"x"])");
}

TEST(SocketIo, DecodesEventsWithoutIdOrArguments) {
  const auto packet = read(R"(2["hello"])");
  EXPECT_EQ(packet.id, std::nullopt);
  EXPECT_EQ(packet.event, "hello");
  EXPECT_THAT(packet.arguments, IsEmpty());
}

TEST(SocketIo, UnescapesTheNameAndToleratesANumber) {
  EXPECT_EQ(read(R"(2["a\u00e9\n"])").event, "a\xC3\xA9\n");
  EXPECT_EQ(read("2[12.50]").event, "12.50");
}

TEST(SocketIo, RefusesEventsWithoutAProperArray) {
  for (const char* text : {"2",
                           "2[]",
                           "2{}",
                           "2null",
                           "2\"a\"",
                           "2[null]",
                           "2[{}]",
                           "2[[\"a\"]]",
                           "2[true]",
                           "2[\"\"]",
                           "2[\"a\"",
                           "2[\"a\",]",
                           "2[\"a\"]x",
                           "2[\"a\"][]",
                           "2abc[\"a\"]",
                           "2-1[\"a\"]",
                           "2/ns",
                           "2/ns[\"a\",1]",
                           "2[\"a\",\"\xFF\"]",
                           "2[\"a\",\"\\ud800\"]",
                           "2[\"a\",01]"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
}

TEST(SocketIo, RefusesReservedEventNames) {
  for (const char* name :
       {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "\\u0063onnect"}) {
    EXPECT_EQ(refusal("2[\"" + std::string(name) + "\"]"), "the event name is reserved") << name;
  }
  EXPECT_EQ(refusal("2[\"connection\"]"), "");
}

TEST(SocketIo, ReadsIdsUpTo64Bits) {
  EXPECT_EQ(read("20[\"a\"]").id, 0U);
  EXPECT_EQ(read("218446744073709551615[\"a\"]").id, UINT64_MAX);
  EXPECT_EQ(refusal("218446744073709551616[\"a\"]"), "the id is too big");
  EXPECT_EQ(refusal("2" + std::string(100'000, '9') + "[\"a\"]"), "the id is too big");
}

TEST(SocketIo, DecodesAcks) {
  const auto packet = read(R"(3/a,7[true,{"x":1}])");
  EXPECT_EQ(packet.type, Type::kAck);
  EXPECT_EQ(packet.id, 7U);
  EXPECT_THAT(packet.arguments, ElementsAre("true", R"({"x":1})"));
  EXPECT_THAT(read("30[]").arguments, IsEmpty());
}

TEST(SocketIo, RefusesAcksWithoutIdOrArray) {
  for (const char* text : {"3", "3[]", "37", "37{}", "37null", "3x[]", "37[]x", "3/a,[]"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(SocketIo, DecodesConnectErrors) {
  EXPECT_EQ(read(R"(4{"message":"no"})").type, Type::kConnectError);
  for (const char* text : {"4", "4[]", "4\"no\"", "41{}"}) EXPECT_NE(refusal(text), "") << text;
}

TEST(SocketIo, DecodesBinaryEvents) {
  const auto packet = read(R"(52-/admin,9["upload",{"_placeholder":true,"num":0},[{"num":1,"_placeholder":true}]])");
  EXPECT_EQ(packet.type, Type::kBinaryEvent);
  EXPECT_EQ(packet.attachments, 2U);
  EXPECT_EQ(packet.nsp, "/admin");
  EXPECT_EQ(packet.id, 9U);
  EXPECT_EQ(packet.event, "upload");
  EXPECT_EQ(read(R"(61-3[{"_placeholder":true,"num":0}])").type, Type::kBinaryAck);
}

TEST(SocketIo, RefusesBadAttachmentCounts) {
  for (const char* text :
       {"5[\"a\"]", "5-[\"a\"]", "50-[\"a\"]", "5-1-[\"a\"]", "5x-[\"a\"]", "51[\"a\"]", "51.5-[\"a\"]", "511-[\"a\"]",
        "599999999999999999999-[\"a\"]", "6-1[]", "61-[]", "51", "51-"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_EQ(refusal("510-[\"a\"]"), "");
  EXPECT_NE(refusal("53-[\"a\"]", {.attachments = 2}), "");
}

TEST(SocketIo, RefusesPlaceholdersOutOfRange) {
  for (const char* value :
       {R"({"_placeholder":true,"num":1})", R"({"_placeholder":true,"num":-1})", R"({"_placeholder":true})",
        R"({"_placeholder":true,"num":0.5})", R"({"_placeholder":true,"num":"0"})",
        R"([{"a":{"_placeholder":true,"num":99999999999}}])"}) {
    EXPECT_EQ(refusal("51-[\"a\"," + std::string(value) + "]"), "a placeholder names no attachment") << value;
  }
  EXPECT_EQ(refusal(R"(51-["a",{"_placeholder":false,"num":7},{"_placeholder":1},{"num":5}])"), "");
}

TEST(SocketIo, LeavesPlaceholdersAloneInTextEvents) {
  EXPECT_EQ(refusal(R"(2["a",{"_placeholder":true,"num":7}])"), "");
}

TEST(SocketIo, RefusesUnknownTypes) {
  for (const char* text : {"", "7", "9[\"a\"]", "a", "-", "[\"a\"]", " 2[\"a\"]"}) {
    EXPECT_EQ(refusal(text), "the packet type is unknown") << text;
  }
}

TEST(SocketIo, BoundsNestingWithoutRecursion) {
  const auto nested = [](std::size_t depth) {
    return "2[\"a\"," + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "]";
  };
  EXPECT_EQ(refusal(nested(json::kMaxDepth)), "");
  EXPECT_NE(refusal(nested(json::kMaxDepth + 1)), "");
  EXPECT_NE(refusal(nested(100'000)), "");
  EXPECT_NE(refusal("51-[\"a\"," + std::string(100'000, '[')), "");
  EXPECT_NE(refusal("0" + std::string(100'000, '{')), "");
}

TEST(SocketIo, ChecksNamespaces) {
  EXPECT_EQ(read("0/,").nsp, "/");
  EXPECT_EQ(refusal("0/" + std::string(127, 'n')), "");
  EXPECT_NE(refusal("0/" + std::string(128, 'n')), "");
  for (const char* text : {"0/a\nb", "0/a\tb,", "0/\x7f", "0/\xFF", "0/\xC3,"}) EXPECT_NE(refusal(text), "") << text;
  EXPECT_NE(refusal(std::string("0/a\0b", 5)), "");
}

TEST(SocketIo, BoundsNamesAndArguments) {
  EXPECT_EQ(refusal("2[\"" + std::string(256, 'e') + "\"]"), "");
  EXPECT_NE(refusal("2[\"" + std::string(257, 'e') + "\"]"), "");
  std::string arguments;
  for (int i = 0; i < 64; ++i) arguments += ",1";
  EXPECT_EQ(refusal("2[\"a\"" + arguments + "]"), "");
  EXPECT_NE(refusal("2[\"a\"" + arguments + ",1]"), "");
}

TEST(SocketIo, RefusesEveryTruncation) {
  for (const std::string& text :
       {std::string(R"(2/admin,12["a",{"b":[1,"c"]},null])"), std::string(R"(3/a,12[{"b":1}])"),
        std::string(R"(52-/a,1["u",{"_placeholder":true,"num":1}])")}) {
    ASSERT_EQ(refusal(text), "");
    for (std::size_t length = 0; length < text.size(); ++length)
      EXPECT_NE(refusal(text.substr(0, length)), "") << length;
  }
}

TEST(SocketIo, NeverRepeatsWhatWasSent) {
  EXPECT_THAT(refusal(R"(0{"token":hunter2})"), Not(HasSubstr("unter")));
  EXPECT_THAT(refusal("2[\"" + std::string(300, 'Z') + "\"]"), Not(HasSubstr("ZZ")));
}

TEST(SocketIo, EncodesConnectAndItsRefusal) {
  EXPECT_EQ(connect("/", "abc"), R"(40{"sid":"abc"})");
  EXPECT_EQ(connect("/admin", "abc"), R"(40/admin,{"sid":"abc"})");
  EXPECT_EQ(connect_error("/random", "Invalid namespace"), R"(44/random,{"message":"Invalid namespace"})");
  EXPECT_EQ(connect_error("/", "no \"way\"", R"({"code":1})"), R"(44{"message":"no \"way\"","data":{"code":1}})");
  EXPECT_EQ(disconnect("/"), "41");
  EXPECT_EQ(disconnect("/admin"), "41/admin,");
}

TEST(SocketIo, EncodesEventsAndAcks) {
  EXPECT_EQ(event("/", "authenticated", ""), R"(42["authenticated"])");
  EXPECT_EQ(event("/", "message-back", R"(1,"2",{"3":[true]})"), R"(42["message-back",1,"2",{"3":[true]}])");
  EXPECT_EQ(event("/a", "x", "1", 12), R"(42/a,12["x",1])");
  EXPECT_EQ(ack("/", 0, "true"), "430[true]");
  EXPECT_EQ(ack("/a", 18446744073709551615U, ""), "43/a,18446744073709551615[]");
}

TEST(SocketIo, DecodesWhatItEncodes) {
  EXPECT_EQ(read(std::string_view(event("/a", "\"\xC3\xA9\n", "1")).substr(1)).event, "\"\xC3\xA9\n");
}

TEST(SocketIo, FramesAnEventAsOneWebSocketMessage) {
  // Names with and without escapes, and sizes on both sides of each form of the length.
  for (const std::string& name : {std::string("log_data"), std::string("a\nb"), std::string(40, '"')}) {
    for (std::size_t size = 1; size < 140; ++size) {
      const std::string json = "\"" + std::string(size, 'x') + "\"";
      for (const char* nsp : {"/", "/node/a"}) {
        std::string expected;
        append_ws_frame(expected, WsOpcode::kText, event(nsp, name, json));
        ASSERT_EQ(event_frame(nsp, name, json), expected) << size;
      }
    }
    for (const std::size_t size : {65'400U, 65'500U, 65'530U, 70'000U}) {
      const std::string json = "\"" + std::string(size, 'x') + "\"";
      std::string expected;
      append_ws_frame(expected, WsOpcode::kText, event("/", name, json));
      EXPECT_EQ(event_frame("/", name, json), expected);
    }
  }
  EXPECT_EQ(event_frame("/", "authenticated", ""),
            "\x81\x13"
            R"(42["authenticated"])");
}

}  // namespace
}  // namespace pillard::wire::socket_io
