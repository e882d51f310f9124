// A chunked body: the same in any cut, and never more than its bound.
#include "wire/http_chunked.h"

#include "fuzz/fuzz.h"

namespace pillard::fuzz {

namespace {
using State = wire::ChunkedDecoder::State;
constexpr std::uint64_t kMost = 64;

State decode(std::string_view text, std::size_t cut, std::string& body, std::size_t& taken) {
  wire::ChunkedDecoder decoder(kMost);
  auto state = State::kMore;
  taken = 0;
  while (taken < text.size() && state == State::kMore) {
    auto piece = text.substr(taken, cut);
    const auto size = piece.size();
    state = decoder.take(piece, body);
    taken += size - piece.size();
  }
  return state;
}
}  // namespace

void run(std::string_view input) {
  std::string whole;
  std::size_t whole_taken = 0;
  const auto state = decode(input, input.size() + 1, whole, whole_taken);
  FUZZ_REQUIRE(whole.size() <= kMost);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}}) {
    std::string body;
    std::size_t taken = 0;
    FUZZ_REQUIRE(decode(input, cut, body, taken) == state);
    FUZZ_REQUIRE(body == whole);
    if (state == State::kDone) FUZZ_REQUIRE(taken == whole_taken);
  }
}

}  // namespace pillard::fuzz
