// The JSON gate: valid() says what reading every value says, and strings come back as they were written.
#include "fuzz/fuzz.h"
#include "pillard/json.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

/// Reads every value by its own function. The Reader bounds the recursion.
void read_all(json::Reader& reader, int depth = 0) {
  FUZZ_REQUIRE(depth <= json::kMaxDepth);
  switch (reader.peek()) {
    case json::Kind::kNull: return reader.read_null();
    case json::Kind::kBool: reader.read_bool(); return;
    case json::Kind::kNumber: reader.read_raw(); return;  // read_number() refuses what no double holds
    case json::Kind::kString: {
      const auto text = reader.read_string();
      FUZZ_REQUIRE(wire::is_utf8(text));
      std::string again;
      json::append_string(again, text);
      FUZZ_REQUIRE(json::Reader(again).read_string() == text);
      return;
    }
    case json::Kind::kArray:
      reader.enter_array();
      while (reader.next_element()) read_all(reader, depth + 1);
      return;
    case json::Kind::kObject:
      reader.enter_object();
      while (const auto key = reader.next_key()) {
        FUZZ_REQUIRE(wire::is_utf8(*key));
        read_all(reader, depth + 1);
      }
  }
}

bool readable(std::string_view text) {
  try {
    json::Reader reader(text);
    read_all(reader);
    reader.finish();
    return true;
  } catch (const json::ParseError& error) {
    FUZZ_REQUIRE(error.offset() <= text.size() && wire::is_utf8(error.what()));
    return false;
  }
}

void check_numbers(std::string_view text) {
  json::Reader reader(text);
  if (reader.peek() != json::Kind::kNumber) return;
  try {
    const auto whole = json::Reader(text).read_integer();
    FUZZ_REQUIRE(json::Reader(text).read_number() == static_cast<double>(whole));
  } catch (const json::ParseError&) {  // it is none
  }
  try {
    json::Reader(text).read_number();
  } catch (const json::ParseError&) {  // beyond a double
  }
}

}  // namespace

void run(std::string_view input) {
  const bool valid = json::valid(input);
  FUZZ_REQUIRE(valid == readable(input));
  if (valid) {
    FUZZ_REQUIRE(wire::is_utf8(input));
    json::Reader reader(input);
    FUZZ_REQUIRE(json::valid(reader.read_raw()));
    check_numbers(input);
  }
  // Any bytes at all can be written as a string; if they are UTF-8 they come back unchanged.
  std::string text;
  json::append_string(text, input);
  FUZZ_REQUIRE(json::valid(text));
  const auto back = json::Reader(text).read_string();
  FUZZ_REQUIRE(wire::is_utf8(back));
  FUZZ_REQUIRE((back == input) == wire::is_utf8(input));
}

}  // namespace pillard::fuzz
