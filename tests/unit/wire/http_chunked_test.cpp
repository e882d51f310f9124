#include "wire/http_chunked.h"

#include <gtest/gtest.h>

namespace pillard::wire {
namespace {

using State = ChunkedDecoder::State;

struct Outcome {
  State state = State::kMore;
  std::string body;
  std::string rest;
  int status = 0;
};

/// In pieces of `cut` bytes.
Outcome decode(std::string_view text, std::uint64_t most = 1000, std::size_t cut = 1000) {
  ChunkedDecoder decoder(most);
  Outcome outcome;
  while (!text.empty() && outcome.state == State::kMore) {
    auto piece = text.substr(0, cut);
    const auto size = piece.size();
    outcome.state = decoder.take(piece, outcome.body);
    text.remove_prefix(size - piece.size());
  }
  outcome.rest = text;
  if (outcome.state == State::kBad) outcome.status = decoder.error().status;
  return outcome;
}

TEST(HttpChunked, JoinsChunksInAnyCut) {
  for (std::size_t cut = 1; cut < 60; ++cut) {
    const auto outcome = decode("5\r\nhello\r\nA;x=\"y\"\r\n, world123\r\n0\r\nTrailer: x\r\n\r\nGET /", 1000, cut);
    EXPECT_EQ(outcome.state, State::kDone) << cut;
    EXPECT_EQ(outcome.body, "hello, world123") << cut;
    EXPECT_EQ(outcome.rest, "GET /") << cut;
  }
}

TEST(HttpChunked, RefusesWhatTwoReadersCouldReadInTwoWays) {
  for (const auto* text : {"\r\n", "x\r\n", "-1\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n", "0x5\r\nhello\r\n",
                           "5\nhello\n", "5\r\nhello!\r\n", "5\r\nhello\n", "5;\x01\r\n", "5\rx", "0\r\nno field\r\n",
                           "0\r\nbad name: x\r\n", "0\r\n: x\r\n", "1234567890abc\r\n"}) {
    const auto outcome = decode(text);
    EXPECT_EQ(outcome.state, State::kBad) << text;
    EXPECT_EQ(outcome.status, 400) << text;
  }
}

TEST(HttpChunked, BoundsAllThatMayGrow) {
  EXPECT_EQ(decode("3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n").state, State::kDone);
  EXPECT_EQ(decode("3e9\r\n").status, 413);
  EXPECT_EQ(decode("1\r\nx\r\n3e8\r\n").status, 413);
  EXPECT_EQ(decode("ffffffffffff\r\n").status, 413);
  EXPECT_EQ(decode("1;" + std::string(2000, 'x')).status, 400);
  std::string extensions;
  for (int i = 0; i < 100; ++i) extensions += "1;" + std::string(900, 'x') + "\r\nx\r\n";
  EXPECT_EQ(decode(extensions).status, 413);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) trailers += "X: " + std::string(900, 'x') + "\r\n";
  EXPECT_EQ(decode(trailers).status, 431);
}

}  // namespace
}  // namespace pillard::wire
