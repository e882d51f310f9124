// Compressed messages: what they inflate to is the same in any cut and never longer than allowed, and what is deflated
// inflates to itself. The first byte says how.
#include "fuzz/fuzz.h"
#include "wire/ws_deflate.h"

namespace pillard::fuzz {

namespace {

using Result = wire::WsInflater::Result;
constexpr std::size_t kMost = 100'000;

struct Inflated {
  Result result = Result::kOk;
  std::string first;
  std::string second;
  bool operator==(const Inflated&) const = default;
};

/// The same payload as two messages.
Inflated inflated(wire::WsInflater& inflater, std::string_view payload, bool cut) {
  Inflated all;
  auto& result = all.result;
  for (auto* out : {&all.first, &all.second}) {
    const auto take = [&](const std::string& piece) {
      if (result == Result::kOk) result = inflater.inflate(*out, piece, kMost);
      FUZZ_REQUIRE(out->size() <= kMost);
    };
    if (cut) {
      in_pieces(payload, take);
    } else {
      take(std::string(payload));
    }
    if (result == Result::kOk) result = inflater.finish(*out, kMost);
    if (result != Result::kOk) break;
  }
  return all;
}

}  // namespace

void run(std::string_view input) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const int bits = 8 + static_cast<int>(how & 7U);
  const bool takeover = (how & 8U) != 0;
  const int level = 1 + static_cast<int>((how >> 4U) % 9);

  wire::WsInflater whole({.window_bits = bits, .context_takeover = takeover});
  wire::WsInflater pieces({.window_bits = bits, .context_takeover = takeover});
  const auto at_once = inflated(whole, input, false);
  const auto in_parts = inflated(pieces, input, true);
  if (bits == 15) FUZZ_REQUIRE(at_once == in_parts);  // else distances may be longer than promised

  wire::WsDeflater deflater({.level = level, .window_bits = bits, .context_takeover = takeover});
  wire::WsInflater reader({.window_bits = bits, .context_takeover = takeover});
  for (int i = 0; i < 2; ++i) {
    std::string payload;
    deflater.deflate(payload, input);
    FUZZ_REQUIRE(!payload.empty());
    std::string out;
    FUZZ_REQUIRE(reader.inflate(out, payload, kMost) == Result::kOk);
    FUZZ_REQUIRE(reader.finish(out, kMost) == Result::kOk);
    FUZZ_REQUIRE(out == input);
  }
}

}  // namespace pillard::fuzz
