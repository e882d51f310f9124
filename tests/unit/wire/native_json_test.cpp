#include "wire/native_json.h"

#include <gtest/gtest.h>

#include "pillard/json.h"

namespace pillard::wire::native {
namespace {

/// What was read, in one line; the words if it was refused.
std::string seen(std::string_view text) {
  const auto read_text = read(text);
  if (const auto* refusal = std::get_if<Refusal>(&read_text))
    return "refused: " + refusal->words + (refusal->type.empty() ? "" : " | type " + refusal->type) +
           (refusal->id.empty() ? "" : " | id " + refusal->id);
  const auto& message = std::get<Message>(read_text);
  return message.type + " id=" + message.id + " params=" + std::string(message.params) +
         " credit=" + (message.credit ? std::to_string(*message.credit) : "none");
}

TEST(NativeJsonTest, ReadsMessages) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"type":"a"})", "a id= params= credit=none"},
      {R"( {"params" : {"x": 1} , "id":7, "type":"a", "credit":5} )", R"(a id=7 params={"x": 1} credit=5)"},
      {R"({"type":"a","id":"q\"1"})", R"(a id="q\"1" params= credit=none)"},
      {R"({"type":"a","id":null,"params":null})", "a id= params=null credit=none"},
      {R"({"type":"a","id":-0,"credit":0})", "a id=-0 params= credit=0"},
      {R"({"type":"a","more":[{"type":"b"}]})", "a id= params= credit=none"},
      {R"({"type":"a","type":"b"})", "b id= params= credit=none"},
      {R"({"t\u0079pe":"\u0061"})", "a id= params= credit=none"},
      {R"({"type":"a","credit":1000000000})", "a id= params= credit=1000000000"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(seen(text), expected) << text;
}

TEST(NativeJsonTest, SaysWhatIsWrongAndWhatItUnderstood) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"[]", "refused: A message is a JSON object with a type, got an array."},
      {"5", "refused: A message is a JSON object with a type, got a number."},
      {"{}", "refused: type: expected the name of a message type, got nothing"},
      {R"({"id":7})", "refused: type: expected the name of a message type, got nothing | id 7"},
      {R"({"type":5,"id":7})", "refused: type: expected the name of a message type, got 5 | id 7"},
      {R"({"type":""})", R"(refused: type: expected the name of a message type, got "")"},
      {R"({"type":"a","id":1.5})",
       "refused: id: expected an integer or a string, of at most 64 bytes, got 1.5 | type a"},
      {R"({"type":"a","id":{}})", "refused: id: expected an integer or a string, of at most 64 bytes, got {} | type a"},
      {R"({"type":"a","id":1,"credit":-1})",
       "refused: credit: expected an integer from 0 to 1000000000, got -1 | type a | id 1"},
      {R"({"type":"a","credit":1000000001})",
       "refused: credit: expected an integer from 0 to 1000000000, got 1000000001 | type a"},
      {R"({"type":"a","credit":"5"})",
       R"(refused: credit: expected an integer from 0 to 1000000000, got "5" | type a)"},
      {R"({"type":"a","credit":99999999999999999999})",
       "refused: credit: expected an integer from 0 to 1000000000, got 99999999999999999999 | type a"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(seen(text), expected) << text;
  const auto long_id = "{\"type\":\"a\",\"id\":\"" + std::string(63, 'x') + "\"}";
  EXPECT_EQ(seen(long_id), "refused: id: expected an integer or a string, of at most 64 bytes, got \"" +
                               std::string(31, 'x') + "... | type a");
  EXPECT_EQ(seen("{\"type\":\"" + std::string(64, 'x') + "\"}").substr(0, 5), "xxxxx");
  EXPECT_EQ(seen("{\"type\":\"" + std::string(65, 'x') + "\"}").substr(0, 14), "refused: type:");
}

TEST(NativeJsonTest, SaysWhereATextIsNotJson) {
  for (const auto* text : {"", "{", R"({"type":"a",})", R"({"type":"a"} x)", R"({"type":tru})"}) {
    const auto words = seen(text);
    EXPECT_EQ(words.rfind("refused: The message is not valid JSON: ", 0), 0U) << words;
    EXPECT_NE(words.find_first_of("0123456789"), std::string::npos) << "it names the byte: " << words;
  }
}

TEST(NativeJsonTest, CutsWhatItRepeatsBetweenCharacters) {
  std::string text = "{\"type\":[\"";
  for (int i = 0; i < 40; ++i) text += "\xE4\xBD\xA0";
  const auto words = seen(text + "\"]}");
  EXPECT_TRUE(json::valid([&] {
    std::string quoted;
    json::append_string(quoted, words);
    return quoted;
  }()));
  EXPECT_EQ(words.find("\xEF\xBF\xBD"), std::string::npos) << words;
}

TEST(NativeJsonTest, WritesAnswersAndEvents) {
  EXPECT_EQ(answer("a", "7", "null"), R"({"type":"a","id":7,"data":null})");
  EXPECT_EQ(answer("a", "", "[1]"), R"({"type":"a","data":[1]})");
  EXPECT_EQ(refusal("a", "\"x\"", R"({"code":"c"})"), R"({"type":"a","id":"x","error":{"code":"c"}})");
  EXPECT_EQ(refusal("", "", "{}"), R"({"type":"error","error":{}})");
  EXPECT_EQ(event("authenticated", ""), R"({"type":"authenticated"})");
  EXPECT_EQ(error("", "{}"), R"({"type":"error","error":{}})");
  EXPECT_EQ(error("log_data#1", "{}"), R"({"type":"error","topic":"log_data#1","error":{}})");
}

TEST(NativeJsonTest, WritesAnEventAsOneFrameOfTheRightLength) {
  for (const std::size_t size : {2U, 100U, 70'000U}) {
    std::string out = "before";
    const std::string data = '"' + std::string(size - 2, 'x') + '"';
    append_event_frame(out, "e", "t", data.size(), [&](std::string& to) { to += data; });
    const auto frame = read_own_ws_frame(std::string_view(out).substr(6));
    EXPECT_EQ(frame.size, out.size() - 6);
    EXPECT_EQ(frame.payload, R"({"type":"e","topic":"t","data":)" + data + '}');
  }
}

}  // namespace
}  // namespace pillard::wire::native
