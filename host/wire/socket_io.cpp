#include "wire/socket_io.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "pillard/json.h"
#include "wire/base64.h"
#include "wire/utf8.h"
#include "wire/ws_frame.h"

namespace pillard::wire::socket_io {
namespace {

/// Names that the client library fires by itself; a peer that sends one could fake a disconnect.
constexpr std::array<std::string_view, 6> kReserved{"connect",       "connect_error", "disconnect",
                                                    "disconnecting", "newListener",   "removeListener"};

/// Ends the decoding from any depth; caught in decode().
struct Refused {
  std::string_view reason;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes a run of digits from the front of `text`. Throws if it is longer than the type.
template <typename Integer>
std::optional<Integer> take_digits(std::string_view& text, std::string_view too_big) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto size = static_cast<std::size_t>(end - text.begin());
  if (size == 0) return std::nullopt;
  Integer value = 0;
  if (std::from_chars(text.data(), text.data() + size, value).ec != std::errc{}) throw Refused{too_big};
  text.remove_prefix(size);
  return value;
}

bool is_binary(Type type) { return type == Type::kBinaryEvent || type == Type::kBinaryAck; }

Type take_type(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '6') throw Refused{"the packet type is unknown"};
  const auto type = static_cast<Type>(text.front() - '0');
  text.remove_prefix(1);
  return type;
}

std::uint32_t take_attachments(std::string_view& text, const Limits& limits) {
  const auto count = take_digits<std::uint32_t>(text, "there are too many attachments");
  if (!count || !text.starts_with('-')) throw Refused{"the number of attachments is missing"};
  if (*count == 0) throw Refused{"a binary packet must have attachments"};
  if (*count > limits.attachments) throw Refused{"there are too many attachments"};
  text.remove_prefix(1);
  return *count;
}

std::string_view take_namespace(std::string_view& text, const Limits& limits) {
  if (!text.starts_with('/')) return "/";
  const std::size_t end = std::min(text.find(','), text.size());
  const std::string_view nsp = text.substr(0, end);
  if (nsp.size() > limits.nsp) throw Refused{"the namespace is too long"};
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(nsp.begin(), nsp.end(), control) || !is_utf8(nsp)) {
    throw Refused{"the namespace has characters that are not allowed"};
  }
  text.remove_prefix(std::min(end + 1, text.size()));
  return nsp;
}

/// Every placeholder anywhere in the value must name an attachment. The Reader bounds the recursion.
void check_placeholders(json::Reader& reader, std::uint32_t attachments) {
  const json::Kind kind = reader.peek();
  if (kind == json::Kind::kArray) {
    reader.enter_array();
    while (reader.next_element()) check_placeholders(reader, attachments);
    return;
  }
  if (kind != json::Kind::kObject) {
    reader.read_raw();
    return;
  }
  bool placeholder = false;
  bool in_range = false;
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    if (*key == "_placeholder" && reader.peek() == json::Kind::kBool) {
      placeholder = reader.read_bool();
    } else if (*key == "num" && reader.peek() == json::Kind::kNumber) {
      const std::string_view number = reader.read_raw();
      std::uint32_t index = 0;
      const auto result = std::from_chars(number.data(), number.data() + number.size(), index);
      in_range = result.ec == std::errc{} && result.ptr == number.data() + number.size() && index < attachments;
    } else {
      check_placeholders(reader, attachments);
    }
  }
  if (placeholder && !in_range) throw Refused{"a placeholder names no attachment"};
}

/// Which attachment an object stands for; empty if it is none of them.
std::optional<std::uint32_t> placeholder(std::string_view object) {
  json::Reader reader(object);
  bool stands = false;
  std::optional<std::uint32_t> index;
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    if (*key == "_placeholder" && reader.peek() == json::Kind::kBool) {
      stands = reader.read_bool();
    } else if (*key == "num" && reader.peek() == json::Kind::kNumber) {
      const auto number = reader.read_raw();
      std::uint32_t value = 0;
      if (std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc{}) index = value;
    } else {
      reader.read_raw();
    }
  }
  return stands ? index : std::nullopt;
}

/// The value at the cursor. Objects are read twice, and what is deep as often as it is deep: the Reader bounds that.
void inline_value(std::string& out, json::Reader& reader, const std::vector<std::string>& attachments) {
  if (reader.peek() == json::Kind::kArray) {
    out += '[';
    reader.enter_array();
    for (bool first = true; reader.next_element(); first = false) {
      if (!first) out += ',';
      inline_value(out, reader, attachments);
    }
    out += ']';
    return;
  }
  const bool object = reader.peek() == json::Kind::kObject;
  const auto raw = reader.read_raw();
  if (!object) {
    out.append(raw);
  } else if (const auto index = placeholder(raw); index && *index < attachments.size()) {
    out += '"';
    append_base64(out, attachments[*index]);
    out += '"';
  } else {
    json::Reader inner(raw);
    out += '{';
    inner.enter_object();
    bool first = true;
    while (const auto key = inner.next_key()) {
      if (!std::exchange(first, false)) out += ',';
      json::append_string(out, *key);
      out += ':';
      inline_value(out, inner, attachments);
    }
    out += '}';
  }
}

void expect_array(json::Reader& reader) {
  if (reader.peek() != json::Kind::kArray) throw Refused{"the payload must be an array"};
}

std::string read_event_name(json::Reader& reader, const Limits& limits) {
  std::string name;
  switch (reader.peek()) {
    case json::Kind::kString: name = reader.read_string(); break;
    case json::Kind::kNumber: name = reader.read_raw(); break;
    default: throw Refused{"the event name must be a string or a number"};
  }
  if (name.empty()) throw Refused{"the event name is empty"};
  if (name.size() > limits.event) throw Refused{"the event name is too long"};
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
    throw Refused{"the event name is reserved"};
  }
  return name;
}

/// Events and acks: an array, split into the name (events) and the arguments.
void read_arguments(Packet& packet, bool named, const Limits& limits) {
  json::Reader reader(packet.payload);
  expect_array(reader);
  reader.enter_array();
  if (named) {
    if (!reader.next_element()) throw Refused{"the payload must not be empty"};
    packet.event = read_event_name(reader, limits);
  }
  while (reader.next_element()) {
    if (packet.arguments.size() >= limits.arguments) throw Refused{"there are too many arguments"};
    packet.arguments.push_back(reader.read_raw());
  }
  reader.finish();
}

void check_object(std::string_view payload) {
  json::Reader reader(payload);
  if (reader.peek() != json::Kind::kObject) throw Refused{"the payload must be an object"};
  reader.read_raw();
  reader.finish();
}

void read_payload(Packet& packet, const Limits& limits) {
  switch (packet.type) {
    case Type::kConnect:
      if (packet.id) throw Refused{"a connect packet has no id"};
      if (!packet.payload.empty()) check_object(packet.payload);
      return;
    case Type::kDisconnect:
      if (packet.id || !packet.payload.empty()) throw Refused{"a disconnect packet has neither id nor payload"};
      return;
    case Type::kConnectError:
      if (packet.id) throw Refused{"a connect error has no id"};
      return check_object(packet.payload);
    case Type::kEvent:
    case Type::kBinaryEvent: return read_arguments(packet, true, limits);
    case Type::kAck:
    case Type::kBinaryAck:
      if (!packet.id) throw Refused{"an ack must have an id"};
      return read_arguments(packet, false, limits);
  }
}

void append_head(std::string& out, Type type, std::string_view nsp, std::size_t attachments = 0) {
  out += '4';
  out += static_cast<char>('0' + static_cast<int>(type));
  if (attachments > 0) out.append(std::to_string(attachments)).append("-");
  if (nsp == "/") return;
  out.append(nsp);
  out += ',';
}

/// What append_head() appends.
std::size_t head_size(std::string_view nsp) { return nsp == "/" ? 2 : nsp.size() + 3; }

void append_event(std::string& out, std::string_view name, std::string_view arguments_json) {
  out += '[';
  json::append_string(out, name);
  if (!arguments_json.empty()) out += ',';
  out.append(arguments_json);
  out += ']';
}

/// What append_event() appends, if the name needs no escapes.
std::size_t event_size(std::string_view name, std::string_view arguments_json) {
  return name.size() + 4 + arguments_json.size() + (arguments_json.empty() ? 0 : 1);
}

}  // namespace

std::variant<Packet, Error> decode(std::string_view text, const Limits& limits) {
  try {
    Packet packet;
    packet.type = take_type(text);
    if (is_binary(packet.type)) packet.attachments = take_attachments(text, limits);
    packet.nsp = take_namespace(text, limits);
    packet.id = take_digits<std::uint64_t>(text, "the id is too big");
    packet.payload = text;
    read_payload(packet, limits);
    if (is_binary(packet.type)) {
      json::Reader reader(packet.payload);
      check_placeholders(reader, packet.attachments);
    }
    return packet;
  } catch (const Refused& refused) {
    return Error{std::string(refused.reason)};
  } catch (const json::ParseError& error) {
    return Error{error.what()};
  }
}

std::string connect(std::string_view nsp, std::string_view sid) {
  std::string out;
  append_head(out, Type::kConnect, nsp);
  out += "{\"sid\":";
  json::append_string(out, sid);
  out += '}';
  return out;
}

std::string connect_error(std::string_view nsp, std::string_view message, std::string_view data_json) {
  std::string out;
  append_head(out, Type::kConnectError, nsp);
  out += "{\"message\":";
  json::append_string(out, message);
  if (!data_json.empty()) out.append(",\"data\":").append(data_json);
  out += '}';
  return out;
}

std::string disconnect(std::string_view nsp) {
  std::string out;
  append_head(out, Type::kDisconnect, nsp);
  return out;
}

std::string event(std::string_view nsp, std::string_view name, std::string_view arguments_json,
                  std::optional<std::uint64_t> id, std::size_t attachments) {
  std::string out;
  out.reserve(head_size(nsp) + (id ? 20 : 0) + event_size(name, arguments_json));
  append_head(out, attachments > 0 ? Type::kBinaryEvent : Type::kEvent, nsp, attachments);
  if (id) out += std::to_string(*id);
  append_event(out, name, arguments_json);
  return out;
}

std::string ack(std::string_view nsp, std::uint64_t id, std::string_view items_json, std::size_t attachments) {
  std::string out;
  out.reserve(head_size(nsp) + 22 + items_json.size());
  append_head(out, attachments > 0 ? Type::kBinaryAck : Type::kAck, nsp, attachments);
  out.append(std::to_string(id)).append("[").append(items_json).append("]");
  return out;
}

std::string with_attachments(std::string_view json, const std::vector<std::string>& attachments) {
  std::string out;
  json::Reader reader(json);
  inline_value(out, reader, attachments);
  return out;
}

void append_event_frame(std::string& out, std::string_view nsp, std::string_view name,
                        std::string_view arguments_json) {
  const std::size_t begin = out.size();
  const std::size_t expected = head_size(nsp) + event_size(name, arguments_json);
  const std::size_t header = ws_header_size(expected);
  out.reserve(begin + header + expected);
  append_ws_header(out, WsOpcode::kText, expected);
  append_head(out, Type::kEvent, nsp);
  append_event(out, name, arguments_json);
  if (const std::size_t size = out.size() - begin - header; size != expected) {
    std::string right;
    append_ws_header(right, WsOpcode::kText, size);
    out.replace(begin, header, right);
  }
}

}  // namespace pillard::wire::socket_io
