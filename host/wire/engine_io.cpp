#include "wire/engine_io.h"

#include <utility>

#include "pillard/json.h"
#include "wire/base64.h"
#include "wire/utf8.h"

namespace pillard::wire::engine_io {
namespace {

constexpr char kSeparator = '\x1E';
constexpr char kBinaryMark = 'b';

void separate(std::string& body) {
  if (!body.empty()) body += kSeparator;
}

}  // namespace

std::optional<Packet> decode(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '6') return std::nullopt;
  return Packet{.type = static_cast<Type>(text.front() - '0'), .binary = false, .data = text.substr(1)};
}

void append_packet(std::string& out, Type type, std::string_view data) {
  out += static_cast<char>('0' + static_cast<int>(type));
  out.append(data);
}

std::string handshake_json(const Handshake& handshake) {
  std::string out = "{\"sid\":";
  json::append_string(out, handshake.sid);
  out.append(",\"upgrades\":").append(handshake.upgrade_to_websocket ? "[\"websocket\"]" : "[]");
  out.append(",\"pingInterval\":").append(std::to_string(handshake.ping_interval));
  out.append(",\"pingTimeout\":").append(std::to_string(handshake.ping_timeout));
  out.append(",\"maxPayload\":").append(std::to_string(handshake.max_payload)).append("}");
  return out;
}

std::optional<Packet> PayloadReader::next() {
  if (done_) return std::nullopt;
  const std::size_t end = rest_.find(kSeparator);
  const std::string_view part = rest_.substr(0, end);
  done_ = end == std::string_view::npos;
  if (!done_) rest_.remove_prefix(end + 1);
  if (part.starts_with(kBinaryMark)) {
    if (auto bytes = decode_base64(part.substr(1))) {
      bytes_ = std::move(*bytes);
      return Packet{.type = Type::kMessage, .binary = true, .data = bytes_};
    }
  } else if (auto packet = decode(part); packet && is_utf8(part)) {
    return packet;
  }
  done_ = failed_ = true;
  return std::nullopt;
}

void append_to_payload(std::string& body, Type type, std::string_view data) {
  separate(body);
  append_packet(body, type, data);
}

void append_binary_to_payload(std::string& body, std::string_view bytes) {
  separate(body);
  body += kBinaryMark;
  append_base64(body, bytes);
}

}  // namespace pillard::wire::engine_io
