#pragma once
// Socket.IO v5 packets: what an Engine.IO message carries. JSON passes through as validated slices of the text, so
// key order and numbers arrive as they were sent.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pillard::wire::socket_io {

enum class Type : std::uint8_t { kConnect = 0, kDisconnect, kEvent, kAck, kConnectError, kBinaryEvent, kBinaryAck };

struct Limits {
  std::size_t nsp = 128;           // bytes of a namespace's name
  std::size_t event = 256;         // bytes of an event's name
  std::size_t arguments = 64;      // of an event or an ack
  std::uint32_t attachments = 10;  // of a binary event or ack
};

struct Packet {
  Type type = Type::kConnect;
  std::uint32_t attachments = 0;            // binary types: that many binary messages follow, 1 or more
  std::string_view nsp = "/";               // starts with '/'
  std::optional<std::uint64_t> id;          // EVENT: wants an ack; ACK: always there
  std::string_view payload;                 // the JSON as it was sent; empty if there was none
  std::string event;                        // EVENT: the name, unescaped; a number as it was written
  std::vector<std::string_view> arguments;  // EVENT: what follows the name; ACK: all. Slices of the JSON.
};

/// Why a packet is refused; the session is to be closed then. Never repeats what was sent.
struct Error {
  std::string reason;
};

/// [any] Decodes and validates the data of one Engine.IO text message (behind its '4'). `text` must outlive the packet.
/// Refused besides bad syntax: a payload of another kind than the type asks for, reserved event names, nesting deeper
/// than json::kMaxDepth, an ack without id, ids above 64 bits, and in binary types placeholders out of range.
std::variant<Packet, Error> decode(std::string_view text, const Limits& limits = {});

// Encoders give the whole Engine.IO text packet, with its '4'. `nsp` is "/" or starts with '/'. Parameters called
// `json` are already encoded and valid, and are written as they are.

/// [any] `40[/ns,]{"sid":"..."}`
std::string connect(std::string_view nsp, std::string_view sid);
/// [any] `44[/ns,]{"message":"..."[,"data":...]}`
std::string connect_error(std::string_view nsp, std::string_view message, std::string_view data_json = {});
/// [any] `41[/ns,]`
std::string disconnect(std::string_view nsp);
/// [any] `42[/ns,][id]["name"[,json]]`; `arguments_json`: any number of values, comma-separated. With attachments, for
/// which the arguments hold placeholders: `45N-[/ns,]...`, and N binary messages are to follow.
std::string event(std::string_view nsp, std::string_view name, std::string_view arguments_json,
                  std::optional<std::uint64_t> id = std::nullopt, std::size_t attachments = 0);
/// [any] `43[/ns,]id[json]`; `items_json`: any number of values, comma-separated. With attachments:
/// `46N-[/ns,]id[json]`.
std::string ack(std::string_view nsp, std::uint64_t id, std::string_view items_json, std::size_t attachments = 0);

/// [any] One value of a binary packet with each placeholder replaced by its attachment, as a string in base64: for
/// those who know JSON only. `json` was decoded with as many attachments.
std::string with_attachments(std::string_view json, const std::vector<std::string>& attachments);

/// [any] Appends the same bytes as event(), as one unmasked WebSocket text frame: made once for a whole audience.
void append_event_frame(std::string& out, std::string_view nsp, std::string_view name, std::string_view arguments_json);

}  // namespace pillard::wire::socket_io
