#include "wire/ws_deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace pillard::wire {
namespace {

using Result = WsInflater::Result;
constexpr std::size_t kMost = 4'000'000;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

/// Lines as a log has them: alike, but not the same.
std::string lines(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i)
    text += "{\"line\":\"block " + std::to_string(i * 7919) + " imported\",\"peers\":" + std::to_string(i % 50) + "}\n";
  text.resize(size);
  return text;
}
std::string noise(std::size_t size) {
  std::mt19937 random(7);  // NOLINT: the same in each run
  std::string text(size, '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}

std::string deflated(WsDeflater& deflater, std::string_view message) {
  std::string out;
  deflater.deflate(out, message);
  return out;
}
std::string deflated(std::string_view message) {
  WsDeflater deflater({});
  return deflated(deflater, message);
}

/// The message, or a word.
std::string inflated(WsInflater& inflater, std::string_view payload, std::size_t piece = std::string::npos,
                     std::size_t most = kMost) {
  std::string out;
  auto result = Result::kOk;
  while (!payload.empty() && result == Result::kOk) {
    result = inflater.inflate(out, payload.substr(0, piece), most);
    EXPECT_LE(out.size(), most);
    payload.remove_prefix(std::min(piece, payload.size()));
  }
  if (result == Result::kOk) result = inflater.finish(out, most);
  EXPECT_LE(out.size(), most);
  return result == Result::kOk ? out : result == Result::kBad ? "bad" : "too big";
}
std::string inflated(std::string_view payload, std::size_t piece = std::string::npos, std::size_t most = kMost) {
  WsInflater inflater({});
  return inflated(inflater, payload, piece, most);
}

TEST(WsInflater, ReadsTheExamplesOfTheRfc) {
  // RFC 7692, 7.2.3: one block; its second half alone; no compression; with BFINAL; two blocks; an empty message.
  EXPECT_EQ(inflated(bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
  EXPECT_EQ(inflated(bytes({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00})), "Hello");
  EXPECT_EQ(inflated(bytes({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00})), "Hello");
  EXPECT_EQ(inflated(bytes({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
  EXPECT_EQ(inflated(bytes({0x00})), "");
  WsInflater inflater({});
  EXPECT_EQ(inflated(inflater, bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
  EXPECT_EQ(inflated(inflater, bytes({0xf2, 0x00, 0x11, 0x00, 0x00})), "Hello") << "which refers to the one before";
}

TEST(WsInflater, ReadsFinalBlocksAnywhereInAMessage) {
  const auto final_hello = bytes({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  for (const std::size_t piece : {std::size_t{1}, std::string::npos}) {
    EXPECT_EQ(inflated(final_hello, piece), "Hello") << "without the byte that should follow";
    EXPECT_EQ(inflated(final_hello + final_hello + bytes({0}), piece), "HelloHello");
    EXPECT_EQ(inflated(final_hello + bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}), piece), "HelloHello");
  }
  WsInflater inflater({});
  EXPECT_EQ(inflated(inflater, final_hello), "Hello");
  EXPECT_EQ(inflated(inflater, final_hello), "Hello") << "the stream goes on behind it";
  EXPECT_EQ(inflated(inflater, bytes({0xf2, 0x00, 0x11, 0x00, 0x00})), "bad") << "but nothing before it is known";
}

TEST(WsInflater, TakesNoBytesForTheEmptyMessage) { EXPECT_EQ(inflated(""), ""); }

TEST(WsInflater, RefusesGarbageAndTruncation) {
  EXPECT_EQ(inflated(bytes({0x06})), "bad") << "a block of the reserved type";
  EXPECT_EQ(inflated(bytes({0xff, 0xff, 0xff, 0xff})), "bad");
  EXPECT_EQ(inflated(bytes({0x00, 0x05, 0x00, 0x00, 0x00})), "bad") << "a length that its complement denies";
  EXPECT_EQ(inflated(bytes({0x00, 0x06, 0x00, 0xf9, 0xff, 0x48})), "bad") << "fewer bytes than announced";
  const auto whole = deflated(lines(3000));
  for (std::size_t size = 1; size < whole.size() - 1; ++size)
    EXPECT_EQ(inflated(std::string_view(whole).substr(0, size)), "bad") << size;
}

TEST(WsInflater, StopsABombAtTheLimit) {
  const auto bomb = deflated(std::string(3'000'000, 'x'));
  EXPECT_LT(bomb.size(), 5000U);
  EXPECT_EQ(inflated(bomb, std::string::npos, 1'000'000), "too big");
  EXPECT_EQ(inflated(bomb, 1, 1'000'000), "too big");
  EXPECT_EQ(inflated(bomb, std::string::npos, 2'999'999), "too big");
  EXPECT_EQ(inflated(bomb, std::string::npos, 3'000'000).size(), 3'000'000U) << "exactly the limit is no bomb";
  EXPECT_EQ(inflated(deflated("x"), std::string::npos, 0), "too big");
}

TEST(WsDeflater, IsReadInAnyCut) {
  for (const auto& message : {std::string(), std::string("x"), lines(100), lines(70'000), noise(100'000),
                              std::string(1'000'000, 'a'), lines(16 * 1024), noise(16 * 1024)}) {
    const auto payload = deflated(message);
    EXPECT_FALSE(payload.empty());
    EXPECT_FALSE(payload.ends_with(bytes({0x00, 0x00, 0xff, 0xff})));
    EXPECT_EQ(inflated(payload), message);
    EXPECT_EQ(inflated(payload, 1), message);
    EXPECT_EQ(inflated(payload, 1000), message);
  }
}

/// Whether it can be read by somebody with such a window and no more.
std::string inflated_by_zlib(int window_bits, std::string payload) {
  payload += bytes({0x00, 0x00, 0xff, 0xff});
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -window_bits), Z_OK);
  std::string out;
  char chunk[64];  // small, so that zlib has to look into its window and not into our buffer
  stream.next_in = reinterpret_cast<Bytef*>(payload.data());
  stream.avail_in = static_cast<uInt>(payload.size());
  int status = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    status = inflate(&stream, Z_SYNC_FLUSH);
    out.append(chunk, sizeof chunk - stream.avail_out);
  } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
  inflateEnd(&stream);
  return status == Z_OK || status == Z_BUF_ERROR ? out : "status " + std::to_string(status);
}

TEST(WsDeflater, LooksBackNoFurtherThanAgreed) {
  for (int bits = 8; bits <= 15; ++bits)
    for (const int level : {1, 6, 9})
      for (const auto& message : {lines(100'000), std::string(5000, 'x'), noise(300) + noise(300) + lines(3000)}) {
        WsDeflater deflater({.level = level, .window_bits = bits});
        const auto payload = deflated(deflater, message);
        EXPECT_EQ(inflated_by_zlib(bits, payload), message) << bits << ' ' << level;
        WsInflater inflater({.window_bits = bits});
        EXPECT_EQ(inflated(inflater, payload, 100), message);
      }
}

TEST(WsDeflater, RemembersOnlyWithTakeover) {
  const auto message = noise(2000);
  for (const bool takeover : {false, true}) {
    WsDeflater deflater({.context_takeover = takeover});
    WsInflater inflater({.context_takeover = takeover});
    const auto first = deflated(deflater, message);
    const auto second = deflated(deflater, message);
    EXPECT_EQ(second.size() < first.size() / 10, takeover);
    EXPECT_EQ(second == first, !takeover);
    EXPECT_EQ(inflated(inflater, first), message);
    EXPECT_EQ(inflated(inflater, deflated("")), "");
    EXPECT_EQ(inflated(inflater, second), message);
    EXPECT_EQ(inflated(inflater, deflated(deflater, "")), "");
    EXPECT_EQ(inflated(inflater, deflated(deflater, "")), "");
    EXPECT_EQ(inflated(inflater, deflated(deflater, message)), message);
  }
}

TEST(WsDeflater, FramesWhatWouldGrowAsItIs) {
  WsDeflater deflater({});
  std::string frame;
  deflater.append_frame(frame, WsOpcode::kBinary, noise(1000));
  auto read = read_own_ws_frame(frame);
  EXPECT_FALSE(read.compressed);
  EXPECT_EQ(read.payload, noise(1000));
  frame.clear();
  deflater.append_frame(frame, WsOpcode::kText, lines(1000));
  read = read_own_ws_frame(frame);
  EXPECT_TRUE(read.compressed);
  EXPECT_EQ(read.opcode, WsOpcode::kText);
  EXPECT_EQ(read.size, frame.size());
  EXPECT_EQ(inflated(read.payload), lines(1000));
  WsDeflater remembers({.context_takeover = true});
  frame.clear();
  remembers.append_frame(frame, WsOpcode::kBinary, noise(1000));
  EXPECT_TRUE(read_own_ws_frame(frame).compressed) << "what follows refers to it";
}

}  // namespace
}  // namespace pillard::wire
