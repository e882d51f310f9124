#include "wire/native_json.h"

#include "pillard/json.h"

namespace pillard::wire::native {

namespace {
/// What was sent, at a length that fits into words.
std::string excerpt(std::string_view raw) {
  constexpr std::size_t kMost = 32;
  if (raw.size() <= kMost) return std::string(raw);
  while (raw.size() > kMost || (!raw.empty() && (static_cast<unsigned char>(raw.back()) & 0xC0U) == 0x80U))
    raw.remove_suffix(1);
  if (!raw.empty() && static_cast<unsigned char>(raw.back()) >= 0xC0U) raw.remove_suffix(1);  // of a character cut off
  return std::string(raw) + "...";
}

bool is_integer(std::string_view raw) {
  const auto digits = raw.starts_with('-') ? raw.substr(1) : raw;
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "type", "id" or "credit" of a message whose JSON is known to be valid. Words if it is not as it should be.
std::string take(Message& message, std::string_view key, std::string_view raw) {
  if (key == "type") {
    message.type.clear();
    if (raw.front() == '"') message.type = json::Reader(raw).read_string();
    if (message.type.empty() || message.type.size() > kMaxType) {
      message.type.clear();
      return "type: expected the name of a message type, got " + excerpt(raw);
    }
  } else if (key == "id") {
    message.id.clear();
    if (raw == "null") return {};
    if ((raw.front() != '"' && !is_integer(raw)) || raw.size() > kMaxId)
      return "id: expected an integer or a string, of at most 64 bytes, got " + excerpt(raw);
    message.id = raw;
  } else if (key == "credit") {
    message.credit.reset();
    std::int64_t credit = -1;
    if (is_integer(raw) && raw.size() <= 10) credit = json::Reader(raw).read_integer();
    if (credit < 0 || credit > kMaxCredit)
      return "credit: expected an integer from 0 to 1000000000, got " + excerpt(raw);
    message.credit = credit;
  } else if (key == "params") {
    message.params = raw;
  }
  return {};
}

std::string head(std::string_view type, std::string_view id) {
  std::string out = "{\"type\":";
  json::append_string(out, type);
  if (!id.empty()) out.append(",\"id\":").append(id);
  return out;
}
}  // namespace

std::variant<Message, Refusal> read(std::string_view text) {
  Message message;
  std::string wrong;  // the first mistake
  try {
    json::Reader whole(text);
    whole.read_raw();
    whole.finish();
    json::Reader reader(text);
    if (reader.peek() != json::Kind::kObject)
      return Refusal{.words = "A message is a JSON object with a type, got " +
                              std::string(json::kind_name(reader.peek())) + '.'};
    reader.enter_object();
    while (const auto key = reader.next_key()) {
      auto words = take(message, *key, reader.read_raw());
      if (wrong.empty()) wrong = std::move(words);
    }
  } catch (const json::ParseError& error) {
    return Refusal{.words = std::string("The message is not valid JSON: ") + error.what()};
  }
  if (wrong.empty() && message.type.empty()) wrong = "type: expected the name of a message type, got nothing";
  if (wrong.empty()) return message;
  return Refusal{.words = std::move(wrong), .type = std::move(message.type), .id = std::move(message.id)};
}

std::string answer(std::string_view type, std::string_view id, std::string_view data_json) {
  return head(type, id).append(",\"data\":").append(data_json).append("}");
}

std::string refusal(std::string_view type, std::string_view id, std::string_view problem_json) {
  return head(type.empty() ? "error" : type, id).append(",\"error\":").append(problem_json).append("}");
}

std::string event(std::string_view type, std::string_view data_json) {
  auto out = head(type, {});
  if (!data_json.empty()) out.append(",\"data\":").append(data_json);
  return out += '}';
}

std::string error(std::string_view topic, std::string_view problem_json) {
  auto out = head("error", {});
  if (!topic.empty()) {
    out += ",\"topic\":";
    json::append_string(out, topic);
  }
  return out.append(",\"error\":").append(problem_json).append("}");
}

}  // namespace pillard::wire::native
