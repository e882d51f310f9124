// A client's frames, with and without compression: the events are the same in any cut, and a message that is written
// again is read again.
#include <tuple>
#include <vector>

#include "fuzz/fuzz.h"
#include "wire/utf8.h"
#include "wire/ws_frame.h"

namespace pillard::fuzz {

namespace {

using wire::WsEvent;
using Seen = std::vector<std::tuple<WsEvent::Kind, std::string, std::uint16_t>>;

constexpr wire::WsLimits kLimits{.max_message = 70'000};

/// False when nothing more can come.
bool take(wire::WsDecoder& decoder, std::string bytes, Seen& seen) {
  std::span<char> left(bytes);
  for (;;) {
    const WsEvent event = decoder.next(left);
    if (event.kind == WsEvent::Kind::kNone) {
      FUZZ_REQUIRE(left.empty());
      return true;
    }
    seen.emplace_back(event.kind, event.payload, event.code);
    if (event.kind == WsEvent::Kind::kError || event.kind == WsEvent::Kind::kClose) return false;
  }
}

void check(const Seen& seen) {
  for (const auto& [kind, payload, code] : seen) {
    if (kind == WsEvent::Kind::kText) FUZZ_REQUIRE(wire::is_utf8(payload));
    FUZZ_REQUIRE(payload.size() <= kLimits.max_message);
    if (kind == WsEvent::Kind::kPing || kind == WsEvent::Kind::kPong) FUZZ_REQUIRE(payload.size() <= 125);
    if (kind == WsEvent::Kind::kError) FUZZ_REQUIRE(code == 1002 || code == 1007 || code == 1009);
  }
}

/// A frame as a client writes it.
std::string masked(wire::WsOpcode opcode, std::string payload) {
  const std::uint8_t mask[4] = {0x12, 0x00, 0xfe, 0x77};
  std::string frame;
  wire::append_ws_header(frame, opcode, payload.size());
  frame[1] = static_cast<char>(frame[1] | 0x80);
  for (const auto byte : mask) frame += static_cast<char>(byte);
  wire::ws_mask(payload, mask, 0);
  return frame + payload;
}

void check_written_again(const Seen& seen) {
  for (const auto& [kind, payload, code] : seen) {
    if (kind != WsEvent::Kind::kText && kind != WsEvent::Kind::kBinary) continue;
    Seen again;
    wire::WsDecoder decoder(kLimits);
    take(decoder, masked(kind == WsEvent::Kind::kText ? wire::WsOpcode::kText : wire::WsOpcode::kBinary, payload),
         again);
    FUZZ_REQUIRE(again == Seen({{kind, payload, 0}}));
  }
}

}  // namespace

namespace {
void run(std::string_view input, std::optional<wire::WsDeflate> agreed) {
  Seen whole;
  wire::WsDecoder at_once(kLimits, agreed);
  take(at_once, std::string(input), whole);
  Seen cut;
  wire::WsDecoder bit_by_bit(kLimits, agreed);
  bool going = true;
  in_pieces(input, [&](std::string piece) { going = going && take(bit_by_bit, std::move(piece), cut); });
  FUZZ_REQUIRE(whole == cut);
  check(whole);
  check_written_again(whole);
}
}  // namespace

void run(std::string_view input) {
  run(input, std::nullopt);
  run(input, wire::WsDeflate{});
  run(input, wire::WsDeflate{.client_no_context_takeover = true});
}

}  // namespace pillard::fuzz
