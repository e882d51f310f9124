#pragma once
// WebSocket frames (RFC 6455) as a client reads and writes them. No extensions, no fragmented messages.
#include <cstdint>
#include <string>
#include <string_view>

namespace pillard::bench {

enum class Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

struct Frame {
  std::size_t needed = 2;         // bytes of the frame in all, or at least so many if its header is cut off
  Opcode opcode = Opcode::kText;  //
  std::string_view payload = {};  // of a whole frame: a slice of what was read
};

/// Reads the frame at the start of `bytes`; it is whole if they are `needed` or more. Throws std::runtime_error for a
/// frame that no server may send and for what is not understood: masked, fragmented, reserved bits, above 64 MiB.
Frame read_frame(std::string_view bytes);

/// Appends a final frame, masked with random bytes.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

}  // namespace pillard::bench
