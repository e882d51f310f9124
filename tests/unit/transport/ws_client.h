#pragma once
// A WebSocket client that can be as wrong as a test wants.
#include <optional>
#include <string>
#include <string_view>

#include "unit/transport/raw_client.h"

namespace pillard::test {

struct WsFrame {
  int opcode = -1;  // -1: none came
  std::string payload;
  bool compressed = false;
  /// Of a close frame; 0 if it has none.
  int code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
  }
};

/// One frame of a client. `first`: FIN, RSV bits and opcode.
inline std::string ws_frame(int first, std::string payload, bool masked = true) {
  std::string frame(1, static_cast<char>(first));
  const auto mask_bit = masked ? 0x80U : 0U;
  if (payload.size() < 126) {
    frame += static_cast<char>(mask_bit | payload.size());
  } else {
    const bool large = payload.size() > 0xFFFF;
    frame += static_cast<char>(mask_bit | (large ? 127U : 126U));
    for (int shift = large ? 56 : 8; shift >= 0; shift -= 8)
      frame += static_cast<char>((payload.size() >> shift) & 0xFF);
  }
  if (masked) {
    constexpr std::string_view kMask = "\x11\x22\x33\x44";
    frame += kMask;
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ kMask[i % 4]);
  }
  return frame + payload;
}
inline std::string ws_text(std::string payload) { return ws_frame(0x81, std::move(payload)); }

class WsClient : public RawClient {
 public:
  static std::string upgrade(const std::string& target, const std::string& more = {}) {
    return "GET " + target +
           " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           more + "\r\n";
  }
  explicit WsClient(RawClient raw) : RawClient(std::move(raw)) {}
  WsClient(std::uint16_t port, const std::string& target, const std::string& more = {}, int receive_buffer = 0)
      : RawClient(port, receive_buffer) {
    send(upgrade(target, more));
    EXPECT_EQ(answer(false).status, 101);
  }

  void say(const std::string& text) { send(ws_text(text)); }
  WsFrame next() {
    auto head = take(2);
    if (head.size() < 2) return {};
    std::size_t size = static_cast<unsigned char>(head[1]);
    EXPECT_LT(size, 128U) << "a server does not mask";
    if (size >= 126) {
      std::size_t real = 0;
      for (const char byte : take(size == 126 ? 2 : 8)) real = real * 256 + static_cast<unsigned char>(byte);
      size = real;
    }
    return {.opcode = static_cast<unsigned char>(head[0]) & 0x0F,
            .payload = take(size),
            .compressed = (static_cast<unsigned char>(head[0]) & 0x40) != 0};
  }
  /// The next frame's payload, which must be a text; else a description.
  std::string heard() {
    auto frame = next();
    if (frame.opcode == 1) return frame.payload;
    return frame.opcode == 8 ? "close " + std::to_string(frame.code()) : "frame " + std::to_string(frame.opcode);
  }
  /// The code of the close frame, whatever comes before it; -1 if none comes.
  int close_code() {
    auto frame = next();
    while (frame.opcode != 8 && frame.opcode != -1) frame = next();
    return frame.opcode == 8 ? frame.code() : -1;
  }
  /// Answers a close frame as a client should.
  void say_goodbye() { send(ws_frame(0x88, "")); }
};

}  // namespace pillard::test
