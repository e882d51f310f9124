#include "wire/ws_frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/ws_deflate.h"

namespace pillard::wire {
namespace {

constexpr std::size_t kMaxControl = 125;   // bytes of a control frame's payload
constexpr std::size_t kKeptBuffer = 4096;  // bytes that an idle decoder may hold on to
constexpr int kCompressed = 0x40;          // RSV1

/// Codes that may stand in a close frame: those of RFC 6455 and of IANA's registry, and 3000-4999.
bool is_close_code(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

void empty(std::string& buffer) {
  if (buffer.capacity() > kKeptBuffer) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

std::string_view view(std::span<char> bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

void ws_mask(std::span<char> bytes, const std::uint8_t (&mask)[4], std::size_t phase) {
  std::uint8_t turned[8];
  for (std::size_t i = 0; i < 8; ++i) turned[i] = mask[(phase + i) & 3];
  std::uint64_t key;
  std::memcpy(&key, turned, sizeof key);
  char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= key;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<char>(static_cast<std::uint8_t>(at[i]) ^ turned[i]);
}

WsDecoder::WsDecoder(WsLimits limits, std::optional<WsDeflate> deflate) : limits_(limits), deflate_(deflate) {}
WsDecoder::~WsDecoder() = default;

bool WsDecoder::fail(std::uint16_t code, std::string_view reason) {
  error_code_ = code;
  error_reason_ = reason;
  std::string().swap(message_);
  std::string().swap(control_);
  inflater_.reset();
  return false;
}

WsEvent WsDecoder::error_event() const { return {WsEvent::Kind::kError, error_reason_, error_code_}; }

void WsDecoder::release() {
  if (std::exchange(release_, false)) empty(control() ? control_ : message_);
}

std::size_t WsDecoder::length_bytes() const {
  const int length = header_[1] & 0x7F;
  return length == 127 ? 8 : length == 126 ? 2 : 0;
}

bool WsDecoder::check_first() {
  const bool begins = opcode() == WsOpcode::kText || opcode() == WsOpcode::kBinary;
  const int allowed = deflate_ && begins ? kCompressed : 0;
  if ((header_[0] & 0x70 & ~allowed) != 0) return fail(kWsProtocolError, "a reserved bit is set");
  switch (opcode()) {
    case WsOpcode::kContinuation: return in_message_ || fail(kWsProtocolError, "there is no message to continue");
    case WsOpcode::kText:
    case WsOpcode::kBinary:
      return !in_message_ || fail(kWsProtocolError, "the fragmented message before is not finished");
    case WsOpcode::kClose:
    case WsOpcode::kPing:
    case WsOpcode::kPong: return final() || fail(kWsProtocolError, "a control frame is fragmented");
  }
  return fail(kWsProtocolError, "the opcode is reserved");
}

bool WsDecoder::check_second() {
  if ((header_[1] & 0x80) == 0) return fail(kWsProtocolError, "a client's frame must be masked");
  left_ = header_[1] & 0x7F;
  if (control() && left_ > kMaxControl) return fail(kWsProtocolError, "a control frame is longer than 125 bytes");
  return length_bytes() > 0 || check_length();
}

/// Once the length is known: no byte of a payload that is too long is ever taken.
bool WsDecoder::check_length() {
  const std::size_t bytes = length_bytes();
  if (bytes > 0) {
    left_ = 0;
    for (std::size_t i = 0; i < bytes; ++i) left_ = left_ << 8 | header_[2 + i];
    if ((left_ >> 63) != 0) return fail(kWsProtocolError, "the length has its top bit set");
    if (left_ < (bytes == 2 ? 126U : 65536U)) return fail(kWsProtocolError, "the length is not in its shortest form");
  }
  if (control()) return true;
  if (in_message_ ? compressed_ : (header_[0] & kCompressed) != 0) {
    // What cannot be compressed grows a little, in a clumsy way more; how much it inflates to is seen when it does.
    const std::uint64_t most = limits_.max_message + limits_.max_message / 8 + 1024;
    const std::uint64_t before = in_message_ ? deflated_ : 0;
    return left_ <= most - std::min(before, most) || fail(kWsTooBig, "the message is too big");
  }
  const std::size_t before = in_message_ ? message_.size() : 0;
  return left_ <= limits_.max_message - std::min(before, limits_.max_message) ||
         fail(kWsTooBig, "the message is too big");
}

bool WsDecoder::check_header_byte() {
  if (header_size_ == 1) return check_first();
  if (header_size_ == 2) return check_second();
  return header_size_ != 2 + length_bytes() || check_length();
}

void WsDecoder::begin_payload() {
  // The mask is kept in a fixed place.
  std::memmove(header_ + 2, header_ + 2 + length_bytes(), 4);
  phase_ = 0;
  in_payload_ = true;
  if (control()) return;
  if (opcode() != WsOpcode::kContinuation) {
    text_ = opcode() == WsOpcode::kText;
    compressed_ = (header_[0] & kCompressed) != 0;
    deflated_ = 0;
    utf8_.reset();
  }
  deflated_ += left_;
}

WsEvent WsDecoder::next(std::span<char>& input) {
  if (error_code_ != 0) return error_event();
  release();
  if (closed_) input = {};
  while (true) {
    while (!in_payload_) {
      if (input.empty()) return {};
      header_[header_size_++] = static_cast<std::uint8_t>(input.front());
      input = input.subspan(1);
      if (!check_header_byte()) return error_event();
      if (header_size_ >= 6 && header_size_ == 6 + length_bytes()) begin_payload();
    }
    const WsEvent event = take_payload(input);
    if (event.kind != WsEvent::Kind::kNone || in_payload_) return event;
  }
}

/// Takes what has come of the payload. Afterwards in_payload_ tells whether the frame is still unfinished.
WsEvent WsDecoder::take_payload(std::span<char>& input) {
  const auto bytes = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
  input = input.subspan(bytes.size());
  left_ -= bytes.size();
  const std::uint8_t mask[4] = {header_[2], header_[3], header_[4], header_[5]};
  ws_mask(bytes, mask, phase_);
  phase_ = static_cast<std::uint8_t>((phase_ + bytes.size()) & 3);
  if (!control() && compressed_) return take_compressed(view(bytes));
  if (!control() && text_ && !utf8_.feed(view(bytes))) {
    fail(kWsBadText, "the text is not UTF-8");
    return error_event();
  }
  std::string& buffer = control() ? control_ : message_;
  const bool whole = left_ == 0 && buffer.empty() && (control() || (final() && !in_message_));
  if (!whole) buffer.append(bytes.data(), bytes.size());
  if (left_ > 0) return {};
  in_payload_ = false;
  header_size_ = 0;
  release_ = !whole;
  const std::string_view payload = whole ? view(bytes) : std::string_view(buffer);
  return control() ? finish_control(payload) : finish_data(payload);
}

/// Inflates what has come of the payload, as far as the message may grow.
bool WsDecoder::inflate(std::string_view bytes) {
  if (!inflater_)
    inflater_ = std::make_unique<WsInflater>(WsInflater::Options{
        .window_bits = deflate_->client_max_window_bits, .context_takeover = !deflate_->client_no_context_takeover});
  const auto before = message_.size();
  auto result = inflater_->inflate(message_, bytes, limits_.max_message);
  if (result == WsInflater::Result::kOk && left_ == 0 && final())
    result = inflater_->finish(message_, limits_.max_message);
  if (text_ && !utf8_.feed(std::string_view(message_).substr(before))) return fail(kWsBadText, "the text is not UTF-8");
  if (result == WsInflater::Result::kTooBig) return fail(kWsTooBig, "the message is too big");
  return result == WsInflater::Result::kOk || fail(kWsBadText, "the message cannot be inflated");
}

WsEvent WsDecoder::take_compressed(std::string_view bytes) {
  if (!inflate(bytes)) return error_event();
  if (left_ > 0) return {};
  in_payload_ = false;
  header_size_ = 0;
  release_ = true;
  // Nothing of it is needed any more: an idle client costs no window.
  if (final() && deflate_->client_no_context_takeover) inflater_.reset();
  return finish_data(message_);
}

WsEvent WsDecoder::finish_control(std::string_view payload) {
  if (opcode() == WsOpcode::kClose) return finish_close(payload);
  return {opcode() == WsOpcode::kPing ? WsEvent::Kind::kPing : WsEvent::Kind::kPong, payload, 0};
}

WsEvent WsDecoder::finish_close(std::string_view payload) {
  closed_ = true;
  if (payload.empty()) return {WsEvent::Kind::kClose, {}, kWsNoCode};
  const auto code = payload.size() < 2 ? std::uint16_t{0}
                                       : static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 |
                                                                    static_cast<std::uint8_t>(payload[1]));
  if (!is_close_code(code)) {
    fail(kWsProtocolError, "the close code is not valid");
  } else if (!is_utf8(payload.substr(2))) {
    fail(kWsBadText, "the close reason is not UTF-8");
  } else {
    return {WsEvent::Kind::kClose, payload.substr(2), code};
  }
  return error_event();
}

WsEvent WsDecoder::finish_data(std::string_view payload) {
  in_message_ = !final();
  if (in_message_) {
    release_ = false;
    return {};
  }
  if (text_ && !utf8_.complete()) {
    fail(kWsBadText, "the text ends inside a character");
    return error_event();
  }
  return {text_ ? WsEvent::Kind::kText : WsEvent::Kind::kBinary, payload, 0, compressed_};
}

std::size_t ws_header_size(std::uint64_t payload_size) noexcept {
  return payload_size < 126 ? 2 : payload_size < 65536 ? 4 : 10;
}

void append_ws_header(std::string& out, WsOpcode opcode, std::uint64_t payload_size, bool compressed) {
  char header[10];
  const std::size_t size = ws_header_size(payload_size);
  header[0] = static_cast<char>(0x80 | (compressed ? kCompressed : 0) | static_cast<std::uint8_t>(opcode));
  header[1] = static_cast<char>(size == 2 ? payload_size : size == 4 ? 126 : 127);
  for (std::size_t i = 2; i < size; ++i) header[i] = static_cast<char>(payload_size >> (8 * (size - 1 - i)) & 0xFF);
  out.append(header, size);
}

WsOwnFrame read_own_ws_frame(std::string_view frames) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(frames[at]); };
  std::uint64_t size = byte(1);
  std::size_t header = 2;
  if (size >= 126) {
    header = size == 126 ? 4 : 10;
    size = 0;
    for (std::size_t at = 2; at < header; ++at) size = size << 8U | byte(at);
  }
  return {.opcode = static_cast<WsOpcode>(byte(0) & 0x0FU),
          .compressed = (byte(0) & kCompressed) != 0,
          .payload = frames.substr(header, size),
          .size = header + static_cast<std::size_t>(size)};
}

void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload) {
  append_ws_header(out, opcode, payload.size());
  out.append(payload);
}

void append_ws_close(std::string& out, std::uint16_t code, std::string_view reason) {
  if (code == kWsNoCode) return append_ws_header(out, WsOpcode::kClose, 0);
  if (reason.size() > kMaxControl - 2) {
    std::size_t cut = kMaxControl - 2;
    while (cut > 0 && (static_cast<std::uint8_t>(reason[cut]) & 0xC0) == 0x80) --cut;
    reason = reason.substr(0, cut);
  }
  append_ws_header(out, WsOpcode::kClose, 2 + reason.size());
  out += static_cast<char>(code >> 8);
  out += static_cast<char>(code & 0xFF);
  out.append(reason);
}

}  // namespace pillard::wire
