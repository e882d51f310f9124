#pragma once
// WebSocket frames (RFC 6455) as a server reads and writes them, compressed (RFC 7692) if that was agreed.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/utf8.h"
#include "wire/ws_extension.h"

namespace pillard::wire {

enum class WsOpcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

/// Close codes of section 7.4.1 that the server itself uses.
inline constexpr std::uint16_t kWsNormal = 1000;
inline constexpr std::uint16_t kWsGoingAway = 1001;
inline constexpr std::uint16_t kWsProtocolError = 1002;
inline constexpr std::uint16_t kWsUnsupportedData = 1003;
inline constexpr std::uint16_t kWsNoCode = 1005;  // never sent: the peer's close frame had none
inline constexpr std::uint16_t kWsBadText = 1007;
inline constexpr std::uint16_t kWsPolicy = 1008;
inline constexpr std::uint16_t kWsTooBig = 1009;
inline constexpr std::uint16_t kWsInternalError = 1011;

struct WsEvent {
  enum class Kind {
    kNone,    // all input was consumed
    kText,    // a whole message: valid UTF-8
    kBinary,  // a whole message
    kPing,    // answer with a pong of the same payload
    kPong,
    kClose,  // `code` (kWsNoCode if none) and the reason in `payload`; whatever comes behind it is ignored
    kError,  // close with `code`; `payload` says why. The decoder stays in this state.
  };
  Kind kind = Kind::kNone;
  std::string_view payload = {};  // valid until the next call of next() and while the input stays where it is
  std::uint16_t code = 0;
  bool compressed = false;  // it came in fewer bytes, or a few more, than `payload` has
};

struct WsLimits {
  /// Bytes of one message, when it is inflated; 1009 as soon as a header announces more, or more has been inflated.
  std::size_t max_message = 1'000'000;
};

class WsInflater;

/// [any] Decodes a client's frames, fed in any cut. Payloads are unmasked in place: a message that arrives whole in one
/// frame is handed out without being copied, unless it is compressed. Memory grows with bytes that arrived or were
/// inflated, never with announced lengths; an idle decoder holds less than 5 KB, and what a WsInflater does if one was
/// needed and the client may refer to earlier messages.
class WsDecoder {
 public:
  /// `deflate`: what was agreed; empty: a compressed message is an error.
  explicit WsDecoder(WsLimits limits = {}, std::optional<WsDeflate> deflate = std::nullopt);
  ~WsDecoder();

  /// Consumes from the front of `input` (whose bytes it changes) up to the next event. Call it until it returns kNone:
  /// then the input is consumed, and what was unfinished has been copied.
  WsEvent next(std::span<char>& input);

 private:
  bool check_header_byte();
  bool check_first();
  bool check_second();
  bool check_length();
  void begin_payload();
  WsEvent take_payload(std::span<char>& input);
  WsEvent take_compressed(std::string_view bytes);
  bool inflate(std::string_view bytes);
  WsEvent finish_control(std::string_view payload);
  WsEvent finish_close(std::string_view payload);
  WsEvent finish_data(std::string_view payload);
  WsEvent error_event() const;
  bool fail(std::uint16_t code, std::string_view reason);
  void release();

  WsOpcode opcode() const { return static_cast<WsOpcode>(header_[0] & 0x0F); }
  bool final() const { return (header_[0] & 0x80) != 0; }
  bool control() const { return (header_[0] & 0x08) != 0; }
  std::size_t length_bytes() const;

  WsLimits limits_;
  std::optional<WsDeflate> deflate_;
  std::uint8_t header_[14] = {};
  std::uint8_t header_size_ = 0;  // how much of header_ has arrived
  bool in_payload_ = false;
  bool in_message_ = false;  // between the first and the last frame of a fragmented message
  bool text_ = false;        // the message's kind
  bool compressed_ = false;  // the message's
  bool closed_ = false;      // a close frame came
  bool release_ = false;     // the last event's payload lies in a buffer of ours
  std::uint16_t error_code_ = 0;
  std::uint64_t left_ = 0;  // payload bytes of this frame still to come
  std::uint8_t phase_ = 0;  // of the mask
  Utf8Validator utf8_;
  std::uint64_t deflated_ = 0;  // bytes announced of a compressed message, by all its frames so far
  std::unique_ptr<WsInflater> inflater_;
  std::string message_;  // what came of an unfinished message
  std::string control_;  // what came of an unfinished control frame
  std::string_view error_reason_;
};

/// [any] Undoes (or does) the masking of RFC 6455, 5.3; `phase` is the position in the mask of the first byte.
void ws_mask(std::span<char> bytes, const std::uint8_t (&mask)[4], std::size_t phase);

/// [any] Bytes of the header of an unmasked frame: 2, 4 or 10.
std::size_t ws_header_size(std::uint64_t payload_size) noexcept;
/// [any] Appends the header of a final, unmasked frame whose payload has that many bytes.
void append_ws_header(std::string& out, WsOpcode opcode, std::uint64_t payload_size, bool compressed = false);
/// A frame of our own in a buffer.
struct WsOwnFrame {
  WsOpcode opcode = WsOpcode::kText;
  bool compressed = false;
  std::string_view payload;
  std::size_t size = 0;  // with its header
};
/// [any] The first frame of `frames`, which append_ws_frame() or its like made.
WsOwnFrame read_own_ws_frame(std::string_view frames) noexcept;

/// [any] Appends a whole frame.
void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload);
/// [any] Appends a close frame. `code` kWsNoCode: without code and reason. The reason is cut to 123 bytes between
/// characters.
void append_ws_close(std::string& out, std::uint16_t code, std::string_view reason = {});

}  // namespace pillard::wire
