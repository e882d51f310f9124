#pragma once
// The JSON that is spoken at /ws: {"type","id?","params?","credit?"} in, {"type","id?","data?"|"error?"} out.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "wire/ws_frame.h"

namespace pillard::wire::native {

inline constexpr std::size_t kMaxType = 64;                // bytes of a message type
inline constexpr std::size_t kMaxId = 64;                  // bytes of an id, as it was written
inline constexpr std::int64_t kMaxCredit = 1'000'000'000;  // events that one message may ask for

/// One message of a client.
struct Message {
  std::string type;
  std::string id;           // JSON, a string or an integer, as it was written; empty: none
  std::string_view params;  // JSON, a slice of the text; empty: none
  std::optional<std::int64_t> credit;
};

/// Why a text is no message, in words for its sender; and what was understood of it, for the answer.
struct Refusal {
  std::string words;
  std::string type = {};
  std::string id = {};
};

/// [any] `text` must outlive the message. Members that are not known are left out; of one that is repeated the last
/// counts.
std::variant<Message, Refusal> read(std::string_view text);

// What is sent. Parameters called `json` are encoded and valid already; `id` as in Message.

/// [any] `{"type":...,"id":...,"data":...}`
std::string answer(std::string_view type, std::string_view id, std::string_view data_json);
/// [any] `{"type":...,"id":...,"error":...}`; without `type`: "error".
std::string refusal(std::string_view type, std::string_view id, std::string_view problem_json);
/// [any] `{"type":...}`, with `"data":...` unless that is empty.
std::string event(std::string_view type, std::string_view data_json);
/// [any] `{"type":"error","topic":...,"error":...}`, without a topic if that is empty.
std::string error(std::string_view topic, std::string_view problem_json);

/// [any] Appends `{"type":...,"topic":...,"data":...}` as one WebSocket text frame. `type` and `topic` have nothing
/// that JSON escapes. `size`: bytes that append_data(out) is going to append, exactly.
template <class AppendData>
void append_event_frame(std::string& out, std::string_view type, std::string_view topic, std::size_t size,
                        AppendData append_data) {
  constexpr std::string_view kType = R"({"type":")";
  constexpr std::string_view kTopic = R"(","topic":")";
  constexpr std::string_view kData = R"(","data":)";
  append_ws_header(out, WsOpcode::kText,
                   kType.size() + type.size() + kTopic.size() + topic.size() + kData.size() + size + 1);
  out.append(kType).append(type).append(kTopic).append(topic).append(kData);
  append_data(out);
  out += '}';
}

}  // namespace pillard::wire::native
