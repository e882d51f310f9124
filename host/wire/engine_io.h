#pragma once
// Engine.IO v4 packets, over WebSocket (one a message) and over polling (several a body).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pillard::wire::engine_io {

enum class Type : std::uint8_t { kOpen = 0, kClose, kPing, kPong, kMessage, kUpgrade, kNoop };

struct Packet {
  Type type = Type::kNoop;
  bool binary = false;    // then the type is kMessage
  std::string_view data;  // a slice of what was decoded
};

/// [any] A text message of the WebSocket: a digit, then data. Empty for an empty text or an unknown digit.
/// (A binary message is its data: it has no digit.)
std::optional<Packet> decode(std::string_view text);

/// [any] Appends digit and data.
void append_packet(std::string& out, Type type, std::string_view data = {});

struct Handshake {
  std::string sid;                     //
  bool upgrade_to_websocket = false;   // `upgrades`: true for polling, false for a WebSocket-first session
  std::int64_t ping_interval = 25000;  // ms
  std::int64_t ping_timeout = 20000;   // ms
  std::int64_t max_payload = 1000000;  // bytes
};

/// [any] The data of the open packet: an object with exactly the five keys of the protocol, in its order.
std::string handshake_json(const Handshake& handshake);

/// [any] Walks through the packets of a POST body. Packets before a bad one are handed out, then failed() is true and
/// nothing more comes. Text must be UTF-8, binary must be strict base64.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view body) : rest_(body) {}
  /// The next packet; its data lives until the next call and while the body does. Empty at the end or at a bad packet.
  std::optional<Packet> next();
  bool failed() const noexcept { return failed_; }

 private:
  std::string_view rest_;
  std::string bytes_;
  bool done_ = false;
  bool failed_ = false;
};

/// [any] Appends a packet to a polling body, with the separator if the body is not empty.
void append_to_payload(std::string& body, Type type, std::string_view data = {});
/// [any] Appends a binary message to a polling body, as `b` and base64.
void append_binary_to_payload(std::string& body, std::string_view bytes);

}  // namespace pillard::wire::engine_io
