#include "pillard/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace pillard::json {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string encoded(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

std::string decoded(std::string_view text) {
  Reader reader(text);
  std::string value = reader.read_string();
  reader.finish();
  return value;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

std::string message_of(std::string_view text) {
  try {
    Reader reader(text);
    reader.read_raw();
    reader.finish();
  } catch (const ParseError& error) {
    return error.what();
  }
  return "";
}

// One text with everything that the grammar has.
const std::string kEverything =
    R"({"a":[1,-0,2.5e+3,[],{}],"b\u00e9\ud83d\ude00":{"c":null,"d":true},"é€😀":"\n\"\\\/","e":false})";

class ValidJson : public ::testing::TestWithParam<std::string> {};
TEST_P(ValidJson, IsAccepted) { EXPECT_TRUE(valid(GetParam())) << message_of(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Json, ValidJson,
                         ::testing::Values("null", "true", "false", "0", "-0", "1", "-1.5", "1e9", "1E+9", "1e-9",
                                           "0.0", R"("")", R"("a")", "[]", "{}", " [ 1 , 2 ] ", "\t\r\n{ \"a\" : 1 }",
                                           R"("\u0000")", R"("\ud83d\ude00")", R"("\uDBFF\uDFFF")", "\"\x7f\"",
                                           "\"\xF4\x8F\xBF\xBF\"", "\"\xED\x9F\xBF\"", "\"\xE0\xA0\x80\"",
                                           R"({"a":1,"a":2})", R"({"":{}})", kEverything));

class InvalidJson : public ::testing::TestWithParam<std::string> {};
TEST_P(InvalidJson, IsRefused) { EXPECT_FALSE(valid(GetParam())); }
INSTANTIATE_TEST_SUITE_P(Json, InvalidJson,
                         ::testing::Values("", " ", "nul", "nulL", "True", "truex", "null null", "1 2", "[", "]", "[1",
                                           "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1}", "{", "}", "{\"a\"",
                                           "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\" 1}",
                                           "{a:1}", "{1:2}", "{\"a\":1]", "{\"a\":1 \"b\":2}", "{\"a\"}", "'a'", "\"a",
                                           "\"", "\"\\\"", "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"",
                                           "\"\\u-123\"", "\"\\", "\"\\u", "NaN", "Infinity", "-", "+1", "01", "-01",
                                           "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1_000", "--1", "// a\n1",
                                           "\xEF\xBB\xBF[]", "\v[]", "[]\f", "\"a\nb\"", "\"a\tb\"", "\"\x1f\""));

class InvalidUtf8 : public ::testing::TestWithParam<std::string> {};
TEST_P(InvalidUtf8, IsRefusedInStringsAndKeysAndOutside) {
  EXPECT_FALSE(valid("\"" + GetParam() + "\""));
  EXPECT_FALSE(valid("\"12345678" + GetParam() + "12345678\""));
  EXPECT_FALSE(valid("{\"" + GetParam() + "\":1}"));
  EXPECT_FALSE(valid("[" + GetParam() + "]"));
}
INSTANTIATE_TEST_SUITE_P(Json, InvalidUtf8,
                         ::testing::Values("\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF",
                                           "\xE0\xA0", "\xED\xA0\x80", "\xED\xBF\xBF", "\xEF\xBF", "\xF0\x8F\xBF\xBF",
                                           "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF"));

class LoneSurrogate : public ::testing::TestWithParam<std::string> {};
TEST_P(LoneSurrogate, IsRefused) { EXPECT_FALSE(valid("\"" + GetParam() + "\"")); }
INSTANTIATE_TEST_SUITE_P(Json, LoneSurrogate,
                         ::testing::Values(R"(\ud800)", R"(\udc00)", R"(\ud800x)", R"(\ud800\n)", R"(\ud800\u0041)",
                                           R"(\ud800\ud800)", R"(\udc00\ud800)", R"(\ud83d\ude0)", R"(\ud83d\)"));

TEST(JsonReader, RefusesEveryTruncationOfAValidText) {
  ASSERT_TRUE(valid(kEverything));
  for (std::size_t length = 0; length < kEverything.size(); ++length) {
    // A copy of its own, so that a sanitizer sees a read behind its end.
    const std::vector<char> cut(kEverything.begin(), kEverything.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(valid(std::string_view(cut.data(), cut.size()))) << length;
  }
}

TEST(JsonReader, StaysInBoundsWhateverByteIsChanged) {
  for (std::size_t at = 0; at < kEverything.size(); ++at) {
    for (const char value : std::string("\0\x1f\"\\[]{},:0u\x80\xC3\xE2\xF0\xFF", 17)) {
      std::string text = kEverything;
      text[at] = value;
      valid(text);
    }
  }
}

TEST(JsonReader, AcceptsTheDeepestAllowedNestingAndNotOneMore) {
  for (const auto& [open, close] : {std::pair{"[", "]"}, std::pair{"{\"a\":", "}"}}) {
    EXPECT_TRUE(valid(repeated(open, kMaxDepth) + "1" + repeated(close, kMaxDepth)));
    EXPECT_FALSE(valid(repeated(open, kMaxDepth + 1) + "1" + repeated(close, kMaxDepth + 1)));
  }
}

TEST(JsonReader, RefusesTextNestedAHundredThousandDeep) {
  EXPECT_FALSE(valid(std::string(100'000, '[')));
  EXPECT_FALSE(valid(repeated("{\"a\":", 100'000)));
  EXPECT_FALSE(valid(std::string(100'000, '[') + std::string(100'000, ']')));
}

TEST(JsonReader, CountsTheDepthOfWhatTheCallerEntered) {
  const std::string text = repeated("[", kMaxDepth + 1) + repeated("]", kMaxDepth + 1);
  Reader reader(text);
  reader.enter_array();
  ASSERT_TRUE(reader.next_element());
  EXPECT_THROW(reader.read_raw(), ParseError);
}

TEST(JsonReader, ReadsScalars) {
  Reader reader(R"( [null, true, false, "x", -7, 2.5e1] )");
  reader.enter_array();
  ASSERT_TRUE(reader.next_element());
  reader.read_null();
  ASSERT_TRUE(reader.next_element());
  EXPECT_TRUE(reader.read_bool());
  ASSERT_TRUE(reader.next_element());
  EXPECT_FALSE(reader.read_bool());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.read_string(), "x");
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.read_integer(), -7);
  ASSERT_TRUE(reader.next_element());
  EXPECT_DOUBLE_EQ(reader.read_number(), 25);
  EXPECT_FALSE(reader.next_element());
  EXPECT_NO_THROW(reader.finish());
}

TEST(JsonReader, WalksNestedContainersInOrder) {
  Reader reader(R"({"a":{"x":[]},"b":[[1],{}],"a":2})");
  std::string seen;
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    seen += *key + '=';
    if (reader.peek() == Kind::kArray) {
      reader.enter_array();
      while (reader.next_element()) seen += std::string(reader.read_raw()) + '|';
    } else {
      seen += std::string(reader.read_raw());
    }
    seen += ';';
  }
  reader.finish();
  EXPECT_EQ(seen, R"(a={"x":[]};b=[1]|{}|;a=2;)");
}

TEST(JsonReader, HandsOutRawSlicesExactlyAsTheyWereSent) {
  const std::string text = R"([ {"b" : 1.50, "a":1e2} , 12345678901234567890123 , "\u00e9" ])";
  Reader reader(text);
  reader.enter_array();
  std::vector<std::string> slices;
  while (reader.next_element()) slices.emplace_back(reader.read_raw());
  reader.finish();
  EXPECT_THAT(slices, ::testing::ElementsAre(R"({"b" : 1.50, "a":1e2})", "12345678901234567890123", R"("\u00e9")"));
}

TEST(JsonReader, UnescapesKeysAndStrings) {
  EXPECT_EQ(decoded(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\uDE00")"), "\"\\/\b\f\n\r\tA\u00e9\u20ac\U0001F600");
  EXPECT_EQ(decoded(R"("a\u0000b")"), std::string("a\0b", 3));
  Reader reader(R"({"\u0061":1})");
  reader.enter_object();
  EXPECT_EQ(reader.next_key(), "a");
}

TEST(JsonReader, TellsTheKindWithoutConsuming) {
  for (const auto& [text, kind] :
       {std::pair{" null", Kind::kNull}, std::pair{"true", Kind::kBool}, std::pair{"-1", Kind::kNumber},
        std::pair{"\"\"", Kind::kString}, std::pair{"[", Kind::kArray}, std::pair{"{", Kind::kObject}}) {
    Reader reader(text);
    EXPECT_EQ(reader.peek(), kind);
    EXPECT_EQ(reader.peek(), kind);
  }
  EXPECT_THROW(Reader("").peek(), ParseError);
  EXPECT_THROW(Reader("?").peek(), ParseError);
}

TEST(JsonReader, RefusesAScalarOfAnotherKind) {
  EXPECT_THROW(Reader("1").read_string(), ParseError);
  EXPECT_THROW(Reader("\"1\"").read_integer(), ParseError);
  EXPECT_THROW(Reader("\"1\"").read_number(), ParseError);
  EXPECT_THROW(Reader("null").read_bool(), ParseError);
  EXPECT_THROW(Reader("false").read_null(), ParseError);
  EXPECT_THROW(Reader("{}").enter_array(), ParseError);
  EXPECT_THROW(Reader("[]").enter_object(), ParseError);
}

TEST(JsonReader, RefusesABracketThatClosesAnotherContainer) {
  Reader array("[1}");
  array.enter_array();
  ASSERT_TRUE(array.next_element());
  array.read_raw();
  EXPECT_THROW(array.next_element(), ParseError);
  Reader object("{]");
  object.enter_object();
  EXPECT_THROW(object.next_key(), ParseError);
}

TEST(JsonReader, ReadsTheFullRangeOfIntegers) {
  EXPECT_EQ(Reader("9223372036854775807").read_integer(), INT64_MAX);
  EXPECT_EQ(Reader("-9223372036854775808").read_integer(), INT64_MIN);
  EXPECT_EQ(Reader("-0").read_integer(), 0);
}

TEST(JsonReader, RefusesIntegersThatAreNotExact) {
  for (const char* text :
       {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "1.5", "100000000000000000000000"}) {
    EXPECT_THROW(Reader(text).read_integer(), ParseError) << text;
  }
}

TEST(JsonReader, ReadsNumbersAtTheEdgesOfADouble) {
  EXPECT_DOUBLE_EQ(Reader("1.7976931348623157e308").read_number(), 1.7976931348623157e308);
  EXPECT_DOUBLE_EQ(Reader("5e-324").read_number(), 5e-324);
  EXPECT_TRUE(std::signbit(Reader("-0").read_number()));
}

TEST(JsonReader, RefusesNumbersBeyondADouble) {
  for (const std::string& text : {std::string("1e309"), std::string("-1e999999999999999999999"), std::string(400, '9'),
                                  "0." + std::string(10, '0') + "1e400", std::string(100'000, '1')}) {
    EXPECT_THROW(Reader(text).read_number(), ParseError) << text.substr(0, 40);
    EXPECT_TRUE(valid(text)) << "it is JSON all the same";
  }
}

TEST(JsonReader, RoundsNumbersTooNearToZeroToZero) {
  for (const std::string& text : {std::string("1e-999"), std::string("1e-99999999999999999999"),
                                  "0." + std::string(400, '0') + "1", "0." + std::string(800, '0') + "1e400"}) {
    EXPECT_EQ(Reader(text).read_number(), 0.0) << text.substr(0, 40);
  }
  EXPECT_TRUE(std::signbit(Reader("-1e-999").read_number()));
}

TEST(JsonReader, SaysWhatItFoundAndWhere) {
  EXPECT_EQ(message_of("[1;2]"), "expected ',' or ']', found ';' at byte 2");
  EXPECT_EQ(message_of("[1"), "expected ',' or ']', found the end of the text at byte 2");
  EXPECT_EQ(message_of("[\x01]"), "expected a value, found byte 1 at byte 1");
  try {
    Reader("  7").read_string();
    FAIL();
  } catch (const ParseError& error) {
    EXPECT_STREQ(error.what(), "expected a string, found a number at byte 2");
    EXPECT_EQ(error.offset(), 2U);
  }
}

TEST(JsonReader, NeverRepeatsTheText) {
  EXPECT_THAT(message_of(R"({"password":hunter2})"), Not(HasSubstr("unter")));
  EXPECT_THAT(message_of("\x1b[31m"), Not(HasSubstr("\x1b")));
}

TEST(JsonReader, FinishRefusesAnythingBehindTheValue) {
  Reader reader("1 ,");
  reader.read_raw();
  EXPECT_THROW(reader.finish(), ParseError);
}

TEST(JsonString, QuotesPlainTextAsItIs) {
  EXPECT_EQ(encoded(""), R"("")");
  EXPECT_EQ(encoded("a/b <c> \x7f"), "\"a/b <c> \x7f\"");
  EXPECT_EQ(encoded("é€😀"), "\"é€😀\"");
}

TEST(JsonString, EscapesControlCharactersQuotesAndBackslashes) {
  EXPECT_EQ(encoded("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(encoded(std::string("\0\x01\x1f\x1b", 4)), R"("\u0000\u0001\u001f\u001b")");
}

TEST(JsonString, AppendsToWhatIsThere) {
  std::string out = "[";
  append_string(out, "a");
  append_string(out, "b");
  EXPECT_EQ(out, R"(["a""b")");
}

TEST(JsonString, ReplacesEachMaximalIllFormedPartOnce) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(encoded("\x80"), "\"" + r + "\"");
  EXPECT_EQ(encoded("a\xE2\x82z"), "\"a" + r + "z\"");
  EXPECT_EQ(encoded("\xF0\x9F\x98"), "\"" + r + "\"");
  EXPECT_EQ(encoded("\xC0\xAF"), "\"" + r + r + "\"");
  EXPECT_EQ(encoded("\xED\xA0\x80"), "\"" + r + r + r + "\"");
  EXPECT_EQ(encoded("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(encoded("\xE2\xE2\x82\xAC"), "\"" + r + "\xE2\x82\xAC\"");
  // The Unicode standard's own example of the practice (table 3-8).
  EXPECT_EQ(encoded("a\xF1\x80\x80\xE1\x80\xC2z\x80k\x80\xBF"), "\"a" + r + r + r + "z" + r + "k" + r + r + "\"");
}

TEST(JsonString, TreatsEveryByteAlikeAtEveryPlaceInAWord) {
  for (int value = 0; value < 256; ++value) {
    const std::string alone = encoded(std::string(1, static_cast<char>(value)));
    const std::string inside = alone.substr(1, alone.size() - 2);
    for (std::size_t before = 0; before < 18; ++before) {
      for (const std::size_t after : {0U, 1U, 9U}) {
        const std::string text = std::string(before, 'x') + static_cast<char>(value) + std::string(after, '!');
        ASSERT_EQ(encoded(text), "\"" + std::string(before, 'x') + inside + std::string(after, '!') + "\"") << value;
      }
    }
  }
}

TEST(JsonString, IsAlwaysValidAndReadsBackUnchangedWhenItWasUtf8) {
  std::mt19937 random(7);  // NOLINT: the same texts each time
  const std::vector<std::string> parts{"a", "log line 12345678",  "\n",   "\"", "\\",     "é", "€",
                                       "😀", std::string(1, '\0'), "\x7f", "/",  "\x1b[0m"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto count = random() % 12; count > 0; --count) text += parts[random() % parts.size()];
    ASSERT_EQ(decoded(encoded(text)), text);
    for (auto count = random() % 12; count > 0; --count) text += static_cast<char>(random());
    ASSERT_TRUE(valid(encoded(text)));
  }
}

}  // namespace
}  // namespace pillard::json
