#include "wire/ws_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "wire/ws_deflate.h"

namespace pillard::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = WsEvent::Kind;

constexpr std::uint8_t kMask[4] = {0x37, 0xFA, 0x21, 0x3D};
constexpr int kFin = 0x80;

/// A client's frame: any first byte, the length in its shortest form, masked.
std::string frame(int first, std::string payload) {
  std::string out;
  append_ws_header(out, WsOpcode::kText, payload.size());
  out[0] = static_cast<char>(first);
  out[1] = static_cast<char>(static_cast<unsigned char>(out[1]) | 0x80);
  for (const std::uint8_t byte : kMask) out += static_cast<char>(byte);
  ws_mask(payload, kMask, 0);
  return out + payload;
}

std::string text(const std::string& payload) { return frame(kFin | 1, payload); }
std::string binary(const std::string& payload) { return frame(kFin | 2, payload); }
std::string first_text(const std::string& payload) { return frame(1, payload); }
std::string more(const std::string& payload) { return frame(0, payload); }
std::string last(const std::string& payload) { return frame(kFin, payload); }
std::string ping(const std::string& payload) { return frame(kFin | 9, payload); }
std::string close(int code, const std::string& reason = {}) {
  return frame(kFin | 8, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + reason);
}

/// One event as text: "text:hello", "close 1000:bye", "error 1002".
std::string told(const WsEvent& event) {
  const std::string payload(event.payload);
  switch (event.kind) {
    case Kind::kNone: return "none";
    case Kind::kText: return "text:" + payload;
    case Kind::kBinary: return "binary:" + payload;
    case Kind::kPing: return "ping:" + payload;
    case Kind::kPong: return "pong:" + payload;
    case Kind::kClose: return "close " + std::to_string(event.code) + ":" + payload;
    case Kind::kError: return "error " + std::to_string(event.code);
  }
  return "?";
}

/// Feeds a copy of its own for each piece, freed afterwards, so that a sanitizer sees what outlives it.
void feed(WsDecoder& decoder, std::string_view piece, std::vector<std::string>& events) {
  const auto copy = std::make_unique<char[]>(piece.size());
  std::copy(piece.begin(), piece.end(), copy.get());
  std::span<char> input(copy.get(), piece.size());
  while (true) {
    const WsEvent event = decoder.next(input);
    if (event.kind == Kind::kNone) break;
    events.push_back(told(event));
    if (event.kind == Kind::kError) return;
  }
  EXPECT_TRUE(input.empty());
}

std::vector<std::string> decode(std::string_view bytes, std::size_t piece = SIZE_MAX, WsLimits limits = {}) {
  WsDecoder decoder(limits);
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
    feed(decoder, bytes.substr(at, piece), events);
    if (!events.empty() && events.back().starts_with("error")) break;
  }
  return events;
}

const std::string kLong(300, 'l');
const std::string kVeryLong(70'000, 'v');

struct Sequence {
  std::string bytes;
  std::vector<std::string> events;
};
const std::vector<Sequence> kValid{
    {text("hello"), {"text:hello"}},
    {text(""), {"text:"}},
    {binary(std::string("\0\xFF", 2)), {std::string("binary:\0\xFF", 9)}},
    {text(kLong), {"text:" + kLong}},
    {text(std::string(125, 'a')), {"text:" + std::string(125, 'a')}},
    {text(std::string(126, 'a')), {"text:" + std::string(126, 'a')}},
    {text("a") + text("b") + binary("c"), {"text:a", "text:b", "binary:c"}},
    {first_text("a") + more("b") + last("c"), {"text:abc"}},
    {first_text("") + more("") + last(""), {"text:"}},
    {first_text("") + last("x") + text("y"), {"text:x", "text:y"}},
    {first_text("\xE2") + more("\x82") + last("\xAC"), {"text:\xE2\x82\xAC"}},
    {frame(2, "\xFF") + last("\xFE"), {"binary:\xFF\xFE"}},
    {first_text("a") + ping("p") + more("b") + ping("") + last("c"), {"ping:p", "ping:", "text:abc"}},
    {ping(std::string(125, 'p')), {"ping:" + std::string(125, 'p')}},
    {frame(kFin | 10, "x"), {"pong:x"}},
    {frame(kFin | 8, ""), {"close 1005:"}},
    {close(1000), {"close 1000:"}},
    {close(1001, "b\xC3\xBC"), {"close 1001:b\xC3\xBC"}},
    {close(4999, std::string(123, 'r')), {"close 4999:" + std::string(123, 'r')}},
    {close(1000) + "anything \xFF\xFF" + text("late"), {"close 1000:"}},
    {first_text("a") + close(1000), {"close 1000:"}},
};

TEST(WsDecoder, DecodesEverySequenceInAnyCut) {
  for (const auto& [bytes, events] : kValid) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, SIZE_MAX}) {
      EXPECT_EQ(decode(bytes, piece), events) << piece;
    }
  }
}

TEST(WsDecoder, DecodesEverySequenceCutInTwoAnywhere) {
  for (const auto& [bytes, events] : kValid) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      WsDecoder decoder;
      std::vector<std::string> seen;
      feed(decoder, std::string_view(bytes).substr(0, cut), seen);
      feed(decoder, std::string_view(bytes).substr(cut), seen);
      EXPECT_EQ(seen, events) << cut;
    }
  }
}

TEST(WsDecoder, SaysNothingBeforeTheLastByteOfAFrame) {
  for (const std::string& bytes : {text("hello"), ping("hello"), close(1000, "bye"), binary(kLong)}) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_THAT(decode(bytes.substr(0, length)), IsEmpty()) << length;
    }
  }
}

TEST(WsDecoder, Decodes64BitLengths) {
  for (const std::size_t piece : {std::size_t{1000}, SIZE_MAX}) {
    EXPECT_THAT(decode(text(kVeryLong), piece), ElementsAre("text:" + kVeryLong));
  }
}

TEST(WsDecoder, HandsOutAWholeFrameWithoutCopyingIt) {
  std::string bytes = text("hello") + text("world");
  std::span<char> input(bytes);
  WsDecoder decoder;
  const WsEvent hello = decoder.next(input);
  const WsEvent world = decoder.next(input);
  EXPECT_EQ(static_cast<const void*>(hello.payload.data()), bytes.data() + 6);
  EXPECT_EQ(hello.payload, "hello") << "and an earlier message stays readable while the input does";
  EXPECT_EQ(world.payload, "world");
}

struct Broken {
  const char* what;
  std::string bytes;
  int code;
  std::size_t at;  // how many bytes are enough to know
};
std::string raw(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}
std::vector<Broken> broken() {
  std::vector<Broken> all{
      {"unmasked", raw({0x81, 0x05}) + "hello", 1002, 2},
      {"unmasked and empty", raw({0x81, 0x00}), 1002, 2},
      {"fragmented ping", frame(9, ""), 1002, 1},
      {"fragmented close", frame(8, ""), 1002, 1},
      {"long ping", frame(kFin | 9, std::string(126, 'x')), 1002, 2},
      {"long close", frame(kFin | 8, std::string(126, 'x')), 1002, 2},
      {"continuation without a start", last("x"), 1002, 1},
      {"continuation behind a whole message", text("a") + more("b"), 1002, text("a").size() + 1},
      {"text inside a message", first_text("a") + text("b"), 1002, first_text("a").size() + 1},
      {"binary inside a message", first_text("a") + frame(2, "b"), 1002, first_text("a").size() + 1},
      {"16 bits for 125", raw({0x82, 0xFE, 0, 125}) + "mask", 1002, 4},
      {"64 bits for 65535", raw({0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}) + "mask", 1002, 10},
      {"top bit of the length", raw({0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}) + "mask", 1002, 10},
      {"close of one byte", frame(kFin | 8, "x"), 1002, 7},
      {"bad close reason", close(1000, "\xC3("), 1007, 10},
      {"cut close reason", close(1000, "\xE2\x82"), 1007, 10},
      {"bad text", text("ab\xFFz"), 1007, 9},
      {"text that ends inside a character", text("\xE2\x82"), 1007, 8},
      {"bad text in a later fragment", first_text("\xCE\xBA") + more("\xED\xA0\x80"), 1007, 16},
      {"bad text across fragments", first_text("\xF4") + last("\x90\x80\x80"), 1007, 14},
      {"fragmented text that ends inside a character", first_text("a") + last("\xE2"), 1007, 14},
      {"too big", raw({0x82, 0xFF, 0, 0, 0, 0, 0, 0x0F, 0x42, 0x41}), 1009, 10},
      {"terabytes", raw({0x81, 0xFF, 0, 0, 0xFF, 0, 0, 0, 0, 0}), 1009, 10},
  };
  for (const int bit : {0x40, 0x20, 0x10}) all.push_back({"reserved bit", frame(kFin | bit | 1, "x"), 1002, 1});
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    all.push_back({"reserved opcode", frame(kFin | opcode, "x"), 1002, 1});
  }
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    all.push_back({"bad close code", close(code), 1002, 8});
  }
  return all;
}

TEST(WsDecoder, RefusesEveryBrokenSequenceInAnyCut) {
  for (const auto& [what, bytes, code, at] : broken()) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}, SIZE_MAX}) {
      const auto events = decode(bytes, piece);
      ASSERT_FALSE(events.empty()) << what;
      EXPECT_EQ(events.back(), "error " + std::to_string(code)) << what << " in pieces of " << piece;
    }
  }
}

TEST(WsDecoder, RefusesAsSoonAsItCanBeKnown) {
  for (const Broken& sequence : broken()) {
    const auto failed = [&](std::size_t length) {
      const auto events = decode(sequence.bytes.substr(0, length), 1);
      return !events.empty() && events.back().starts_with("error");
    };
    EXPECT_FALSE(failed(sequence.at - 1)) << sequence.what;
    EXPECT_TRUE(failed(sequence.at)) << sequence.what;
  }
}

TEST(WsDecoder, StaysInItsError) {
  WsDecoder decoder;
  std::vector<std::string> events;
  feed(decoder, frame(kFin | 3, "x"), events);
  feed(decoder, text("fine"), events);
  EXPECT_THAT(events, ElementsAre("error 1002", "error 1002"));
}

TEST(WsDecoder, SaysWhyInWords) {
  std::string bytes = raw({0x81, 0x01}) + "x";
  std::span<char> input(bytes);
  WsDecoder decoder;
  EXPECT_EQ(decoder.next(input).payload, "a client's frame must be masked");
}

TEST(WsDecoder, AcceptsExactlyTheBiggestMessage) {
  const WsLimits limits{.max_message = 10};
  EXPECT_THAT(decode(text("0123456789"), SIZE_MAX, limits), ElementsAre("text:0123456789"));
  EXPECT_THAT(decode(text("0123456789a"), SIZE_MAX, limits), ElementsAre("error 1009"));
}

TEST(WsDecoder, CountsFragmentsTogetherAndControlFramesNot) {
  const WsLimits limits{.max_message = 10};
  EXPECT_THAT(decode(first_text("01234") + ping(kLong.substr(0, 100)) + last("56789"), 1, limits),
              ElementsAre("ping:" + kLong.substr(0, 100), "text:0123456789"));
  EXPECT_THAT(decode(first_text("01234") + last("56789a"), 1, limits), ElementsAre("error 1009"));
}

TEST(WsDecoder, ForgetsAnUnfinishedMessageAtTheNextOne) {
  EXPECT_THAT(decode(first_text("a") + last("b") + first_text("c") + last("d"), 1), ElementsAre("text:ab", "text:cd"));
}

TEST(WsMask, IsItsOwnInverseAtEveryPhaseAndLength) {
  for (std::size_t phase = 0; phase < 4; ++phase) {
    for (std::size_t length = 0; length < 40; ++length) {
      std::string bytes;
      for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>('a' + i);
      std::string masked = bytes;
      ws_mask(masked, kMask, phase);
      for (std::size_t i = 0; i < length; ++i) {
        ASSERT_EQ(static_cast<std::uint8_t>(masked[i]), static_cast<std::uint8_t>(bytes[i]) ^ kMask[(phase + i) & 3]);
      }
      ws_mask(masked, kMask, phase);
      EXPECT_EQ(masked, bytes);
    }
  }
}

TEST(WsEncoder, WritesLengthsInTheirShortestForm) {
  const auto header = [](std::uint64_t size) {
    std::string out;
    append_ws_header(out, WsOpcode::kBinary, size);
    EXPECT_EQ(out.size(), ws_header_size(size));
    return out;
  };
  EXPECT_EQ(header(0), raw({0x82, 0}));
  EXPECT_EQ(header(125), raw({0x82, 125}));
  EXPECT_EQ(header(126), raw({0x82, 126, 0, 126}));
  EXPECT_EQ(header(65535), raw({0x82, 126, 0xFF, 0xFF}));
  EXPECT_EQ(header(65536), raw({0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
}

std::string deflated(std::string_view message) {
  WsDeflater deflater({});
  std::string out;
  deflater.deflate(out, message);
  return out;
}
std::vector<std::string> inflate(std::string_view bytes, std::size_t piece = SIZE_MAX, WsLimits limits = {},
                                 WsDeflate agreed = {}) {
  WsDecoder decoder(limits, agreed);
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
    feed(decoder, bytes.substr(at, piece), events);
    if (!events.empty() && events.back().starts_with("error")) break;
  }
  return events;
}
constexpr int kRsv1 = 0x40;

/// A message in as many frames as it has bytes, and one more.
std::string in_single_bytes(int first, const std::string& payload) {
  std::string frames = frame(first, "");
  for (const char byte : payload.substr(0, payload.size() - 1)) frames += more(std::string(1, byte));
  return frames + last(payload.substr(payload.size() - 1));
}

TEST(WsDecoderWithDeflate, InflatesInAnyCutAndInAnyFragments) {
  const std::string euro = "\xE2\x82\xAC";
  for (const auto& message : {std::string("hello"), std::string(), kLong + euro, kVeryLong + euro + kVeryLong}) {
    const auto payload = deflated(message);
    const auto half = payload.size() / 2;
    const std::vector<std::string> expected{"text:" + message};
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      EXPECT_EQ(inflate(frame(kFin | kRsv1 | 1, payload), piece), expected);
      EXPECT_EQ(inflate(frame(kRsv1 | 1, payload.substr(0, half)) + more("") + last(payload.substr(half)), piece),
                expected);
      EXPECT_EQ(inflate(in_single_bytes(kRsv1 | 1, payload), piece), expected);
    }
  }
  EXPECT_THAT(inflate(frame(kRsv1 | 2, deflated("ab")) + ping("p") + last("")), ElementsAre("ping:p", "binary:ab"));
}

TEST(WsDecoderWithDeflate, TakesPlainMessagesBetweenCompressedOnes) {
  const auto compressed = frame(kFin | kRsv1 | 1, deflated("hello"));
  EXPECT_THAT(inflate(text("a") + compressed + first_text("b") + last("c") + compressed),
              ElementsAre("text:a", "text:hello", "text:bc", "text:hello"));
}

TEST(WsDecoderWithDeflate, ReadsWithWhatWasBeforeUnlessAgreedOtherwise) {
  WsDeflater deflater({.context_takeover = true});
  std::string frames;
  for (int i = 0; i < 3; ++i) {
    std::string payload;
    deflater.deflate(payload, kLong + "end");
    frames += frame(kFin | kRsv1 | 1, payload);
  }
  const auto told = "text:" + kLong + "end";
  EXPECT_THAT(inflate(frames), ElementsAre(told, told, told));
  EXPECT_THAT(inflate(frames, SIZE_MAX, {}, {.client_no_context_takeover = true}), ElementsAre(told, "error 1007"));
}

TEST(WsDecoderWithDeflate, AllowsTheBitOnlyWhereAMessageBegins) {
  EXPECT_THAT(decode(frame(kFin | kRsv1 | 1, deflated("a"))), ElementsAre("error 1002")) << "not agreed";
  EXPECT_THAT(inflate(frame(kRsv1 | 1, deflated("a")) + frame(kFin | kRsv1, "")), ElementsAre("error 1002"));
  EXPECT_THAT(inflate(first_text("a") + frame(kFin | kRsv1, "")), ElementsAre("error 1002"));
  for (const int control : {8, 9, 10})
    EXPECT_THAT(inflate(frame(kFin | kRsv1 | control, "")), ElementsAre("error 1002")) << control;
  for (const int bits : {0x20, 0x10, 0x60, 0x50, 0x70})
    EXPECT_THAT(inflate(frame(kFin | bits | 1, "")), ElementsAre("error 1002")) << bits;
}

TEST(WsDecoderWithDeflate, ClosesOnWhatCannotBeInflated) {
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 1, "\xFF\xFF\xFF")), ElementsAre("error 1007"));
  const auto payload = deflated(kLong);
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 2, payload.substr(0, payload.size() - 2))), ElementsAre("error 1007"));
}

TEST(WsDecoderWithDeflate, ChecksTheInflatedText) {
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 1, deflated("\xC3("))), ElementsAre("error 1007"));
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 1, deflated("a\xC3"))), ElementsAre("error 1007")) << "half a character";
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 2, deflated("\xC3("))), ElementsAre("binary:\xC3("));
  // While it arrives: the message never ends.
  EXPECT_THAT(inflate(frame(kRsv1 | 1, deflated(kLong + "\xFF"))), ElementsAre("error 1007"));
}

TEST(WsDecoderWithDeflate, BoundsWhatAMessageInflatesTo) {
  const WsLimits limits{.max_message = 5000};
  const auto most = frame(kFin | kRsv1 | 1, deflated(std::string(5000, 'x')));
  EXPECT_THAT(inflate(most + most, SIZE_MAX, limits),
              ElementsAre("text:" + std::string(5000, 'x'), "text:" + std::string(5000, 'x')));
  for (const std::size_t piece : {std::size_t{1}, SIZE_MAX}) {
    EXPECT_THAT(inflate(frame(kFin | kRsv1 | 1, deflated(std::string(5001, 'x'))), piece, limits),
                ElementsAre("error 1009"));
    EXPECT_THAT(inflate(in_single_bytes(kRsv1 | 1, deflated(std::string(3'000'000, 'x'))), piece, limits),
                ElementsAre("error 1009"));
  }
  // Stored blocks are longer than what they hold; empty ones without end are refused as such.
  std::string stored;
  for (int i = 0; i < 50; ++i) stored += std::string("\x00\x64\x00\x9B\xFF", 5) + std::string(100, 'y');
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 1, stored + '\0'), SIZE_MAX, limits),
              ElementsAre("text:" + std::string(5000, 'y')));
  std::string nothing;
  for (int i = 0; i < 2000; ++i) nothing += std::string("\x00\x00\x00\xFF\xFF", 5);
  EXPECT_THAT(inflate(frame(kFin | kRsv1 | 1, nothing), SIZE_MAX, limits), ElementsAre("error 1009"));
  EXPECT_THAT(inflate(in_single_bytes(kRsv1 | 1, nothing), SIZE_MAX, limits), ElementsAre("error 1009"));
}

TEST(WsDecoderWithDeflate, TakesAMessageIn65536Fragments) {
  std::string frames = frame(kRsv1 | 1, "");
  const auto payload = deflated(kVeryLong);
  for (std::size_t i = 0; i < 65'534; ++i) frames += more(i < payload.size() ? payload.substr(i, 1) : "");
  EXPECT_THAT(inflate(frames + last("")), ElementsAre("text:" + kVeryLong));
}

TEST(WsEncoder, WritesWholeFrames) {
  std::string out = "before";
  append_ws_frame(out, WsOpcode::kPong, "hi");
  EXPECT_EQ(out, "before" + raw({0x8A, 2}) + "hi");
}

TEST(WsEncoder, WritesCloseFramesWithAndWithoutACode) {
  std::string out;
  append_ws_close(out, 1000, "bye");
  EXPECT_EQ(out, raw({0x88, 5, 0x03, 0xE8}) + "bye");
  out.clear();
  append_ws_close(out, kWsNoCode, "ignored");
  EXPECT_EQ(out, raw({0x88, 0}));
}

TEST(WsEncoder, CutsALongCloseReasonBetweenCharacters) {
  std::string out;
  append_ws_close(out, 1008, std::string(122, 'x') + "\xE2\x82\xAC");
  EXPECT_EQ(out.substr(4), std::string(122, 'x'));
  out.clear();
  append_ws_close(out, 1008, std::string(123, 'x') + "\xE2\x82\xAC");
  EXPECT_EQ(out.substr(4), std::string(123, 'x'));
}

}  // namespace
}  // namespace pillard::wire
