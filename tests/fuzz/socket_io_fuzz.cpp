// Socket.IO: a packet that is accepted reads the same when it is written again; what it hands on is valid JSON.
#include <variant>

#include "fuzz/fuzz.h"
#include "pillard/json.h"
#include "wire/socket_io.h"
#include "wire/utf8.h"
#include "wire/ws_frame.h"

namespace pillard::fuzz {

namespace {

namespace sio = wire::socket_io;

std::string joined(const std::vector<std::string_view>& arguments) {
  std::string text;
  for (const auto& argument : arguments) text.append(text.empty() ? "" : ",").append(argument);
  return text;
}

/// As the server writes it, for the types that it writes.
std::string written_again(const sio::Packet& packet) {
  switch (packet.type) {
    case sio::Type::kEvent: return sio::event(packet.nsp, packet.event, joined(packet.arguments), packet.id);
    case sio::Type::kAck: return sio::ack(packet.nsp, *packet.id, joined(packet.arguments));
    case sio::Type::kDisconnect: return sio::disconnect(packet.nsp);
    default: return {};
  }
}

void check(const sio::Packet& packet) {
  const sio::Limits limits;
  FUZZ_REQUIRE(packet.nsp.starts_with('/') && packet.nsp.size() <= limits.nsp && wire::is_utf8(packet.nsp));
  FUZZ_REQUIRE(packet.payload.empty() || json::valid(packet.payload));
  FUZZ_REQUIRE(packet.arguments.size() <= limits.arguments);
  for (const auto& argument : packet.arguments) FUZZ_REQUIRE(json::valid(argument));
  FUZZ_REQUIRE(packet.event.size() <= limits.event);
  const bool binary = packet.type == sio::Type::kBinaryEvent || packet.type == sio::Type::kBinaryAck;
  FUZZ_REQUIRE(binary == (packet.attachments > 0) && packet.attachments <= limits.attachments);
}

void check_same(const sio::Packet& a, const sio::Packet& b) {
  FUZZ_REQUIRE(a.type == b.type && a.nsp == b.nsp && a.id == b.id && a.event == b.event);
  FUZZ_REQUIRE(a.arguments == b.arguments);
}

}  // namespace

void run(std::string_view input) {
  const auto decoded = sio::decode(input);
  if (const auto* error = std::get_if<sio::Error>(&decoded)) {
    FUZZ_REQUIRE(!error->reason.empty() && error->reason.size() < 200 && wire::is_utf8(error->reason));
    return;
  }
  const auto& packet = std::get<sio::Packet>(decoded);
  check(packet);
  const auto text = written_again(packet);
  if (text.empty()) return;
  FUZZ_REQUIRE(text.front() == '4');
  const auto again = sio::decode(std::string_view(text).substr(1));
  FUZZ_REQUIRE(std::holds_alternative<sio::Packet>(again));
  check_same(packet, std::get<sio::Packet>(again));
  if (packet.type != sio::Type::kEvent || packet.id) return;
  std::string expected("kept");
  wire::append_ws_frame(expected, wire::WsOpcode::kText, text);
  std::string frame("kept");
  sio::append_event_frame(frame, packet.nsp, packet.event, joined(packet.arguments));
  FUZZ_REQUIRE(frame == expected);
}

}  // namespace pillard::fuzz
