// What is spoken at /ws: a text is read, or refused in words fit to be shown; what was read is read again from what it
// says, and the answer to it is JSON.
#include "fuzz/fuzz.h"
#include "pillard/json.h"
#include "wire/native_json.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

namespace native = wire::native;

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string written(const native::Message& message) {
  std::string out = "{\"type\":" + quoted(message.type);
  if (!message.id.empty()) out += ",\"id\":" + message.id;
  if (!message.params.empty()) out += ",\"params\":" + std::string(message.params);
  if (message.credit) out += ",\"credit\":" + std::to_string(*message.credit);
  return out + '}';
}

}  // namespace

void run(std::string_view input) {
  const auto read = native::read(input);
  if (const auto* refusal = std::get_if<native::Refusal>(&read)) {
    FUZZ_REQUIRE(!refusal->words.empty() && refusal->words.size() < 1024);
    FUZZ_REQUIRE(wire::is_utf8(refusal->words) || !wire::is_utf8(input));
    FUZZ_REQUIRE(json::valid(native::refusal(refusal->type, refusal->id, quoted(refusal->words))));
    return;
  }
  const auto& message = std::get<native::Message>(read);
  FUZZ_REQUIRE(json::valid(input));
  FUZZ_REQUIRE(!message.type.empty() && message.type.size() <= native::kMaxType);
  FUZZ_REQUIRE(message.id.size() <= native::kMaxId);
  FUZZ_REQUIRE(json::valid(native::answer(message.type, message.id, "null")));
  const auto text = written(message);
  const auto again = native::read(text);
  FUZZ_REQUIRE(std::holds_alternative<native::Message>(again));
  FUZZ_REQUIRE(written(std::get<native::Message>(again)) == text);
}

}  // namespace pillard::fuzz
