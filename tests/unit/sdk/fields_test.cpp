#include "pillard/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "pillard/registrar.h"

namespace {

using pillard::Code;
using pillard::Error;
using pillard::FieldOptions;
using ::testing::ElementsAre;

struct Inner {
  std::string name;
  bool on = false;
  PILLARD_FIELDS(Inner, PILLARD_FIELD(name, {.required = true}), PILLARD_FIELD(on))
};

struct Query {
  std::int64_t interval = 5000;
  std::int64_t count = 1;
  std::uint8_t small = 0;
  double ratio = 0.5;
  std::string text = "default";
  std::string cursor;
  std::optional<std::int64_t> maybe;
  std::vector<Inner> parts;
  pillard::json::Raw raw{"null"};
  PILLARD_FIELDS(Query, PILLARD_FIELD(interval, {.min = 1000, .max = 60000, .clamp = true, .pace = true}),
                 PILLARD_FIELD(count, {.min = 1, .max = 9}), PILLARD_FIELD(small), PILLARD_FIELD(ratio),
                 PILLARD_FIELD(text, {.max_length = 8}), PILLARD_FIELD(cursor, {.resume = true}), PILLARD_FIELD(maybe),
                 PILLARD_FIELD(parts, {.max_length = 2}), PILLARD_FIELD(raw))
};

Query decoded(std::string_view json) {
  Query query;
  pillard::decode(query, json, "params");
  return query;
}

/// The message with which `json` is refused.
std::string refusal(std::string_view json) {
  try {
    decoded(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadRequest);
    return error.what();
  }
  return "accepted";
}

std::int64_t interval(std::string_view json) { return decoded("{\"interval\":" + std::string(json) + "}").interval; }

TEST(FieldsTest, KeepsDefaultsOfWhatIsNotThere) {
  const Query query = decoded("{}");
  EXPECT_EQ(query.interval, 5000);
  EXPECT_EQ(query.text, "default");
  EXPECT_FALSE(query.maybe);
}

TEST(FieldsTest, ReadsEveryKind) {
  const Query query = decoded(R"( {"count":3,"small":255,"ratio":1e-3,"text":"\u00e9\n","maybe":-4,"raw":{"a" : 1},
      "parts":[{"name":"x","on":true},{"name":"y"}],"unknown":[1,2]} )");
  EXPECT_EQ(query.count, 3);
  EXPECT_EQ(query.small, 255);
  EXPECT_EQ(query.ratio, 1e-3);
  EXPECT_EQ(query.text, "\xC3\xA9\n");
  EXPECT_EQ(query.maybe, -4);
  EXPECT_EQ(query.raw.text, R"({"a" : 1})");
  ASSERT_EQ(query.parts.size(), 2U);
  EXPECT_TRUE(query.parts[0].on);
}

TEST(FieldsTest, ClampsAnyNumber) {
  EXPECT_EQ(interval("1"), 1000);
  EXPECT_EQ(interval("-5"), 1000);
  EXPECT_EQ(interval("60001"), 60000);
  EXPECT_EQ(interval("5000.0"), 5000);
  EXPECT_EQ(interval("1.5e3"), 1500);
  EXPECT_EQ(interval("1500.5"), 1501);
  EXPECT_EQ(interval("1500.49"), 1500);
}

TEST(FieldsTest, ClampsNumbersBeyondEveryType) {
  EXPECT_EQ(interval("99999999999999999999"), 60000);
  EXPECT_EQ(interval("-99999999999999999999"), 1000);
  EXPECT_EQ(interval("1e400"), 60000);
  EXPECT_EQ(interval("-1e400"), 1000);
  const FieldOptions open{.clamp = true};
  EXPECT_EQ(pillard::detail::decode_integer("x", "9223372036854775807", open),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(pillard::detail::decode_integer("x", "1e30", open), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(pillard::detail::decode_integer("x", "-1e30", open), std::numeric_limits<std::int64_t>::min());
}

TEST(FieldsTest, ClampsOnlyNumbers) {
  EXPECT_EQ(refusal(R"({"interval":"x"})"), R"(params.interval: expected an integer from 1000 to 60000, got "x")");
  EXPECT_EQ(refusal(R"({"interval":null})"), "params.interval: expected an integer from 1000 to 60000, got null");
  EXPECT_EQ(refusal(R"({"interval":[1]})"), "params.interval: expected an integer from 1000 to 60000, got [1]");
}

TEST(FieldsTest, RefusesIntegersOutOfTheirRange) {
  EXPECT_EQ(refusal(R"({"count":0})"), "params.count: expected an integer from 1 to 9, got 0");
  EXPECT_EQ(refusal(R"({"count":10})"), "params.count: expected an integer from 1 to 9, got 10");
  EXPECT_EQ(refusal(R"({"count":1.5})"), "params.count: expected an integer from 1 to 9, got 1.5");
  EXPECT_EQ(refusal(R"({"count":99999999999999999999})"),
            "params.count: expected an integer from 1 to 9, got 99999999999999999999");
  EXPECT_EQ(refusal(R"({"small":256})"), "params.small: expected an integer from 0 to 255, got 256");
  EXPECT_EQ(refusal(R"({"maybe":"x"})"), R"(params.maybe: expected an integer, got "x")");
}

TEST(FieldsTest, RefusesOtherKinds) {
  EXPECT_EQ(refusal("[]"), "params: expected an object, got []");
  EXPECT_EQ(refusal("null"), "params: expected an object, got null");
  EXPECT_EQ(refusal(R"({"ratio":"1"})"), R"(params.ratio: expected a number, got "1")");
  EXPECT_EQ(refusal(R"({"text":5})"), "params.text: expected a string, got 5");
  EXPECT_EQ(refusal(R"({"parts":{}})"), "params.parts: expected a list, got {}");
  EXPECT_EQ(refusal(R"({"parts":[{"name":"a"},{"name":"b","on":1}]})"),
            "params.parts[1].on: expected true or false, got 1");
}

TEST(FieldsTest, RefusesWhatIsTooLong) {
  EXPECT_EQ(refusal(R"({"text":"123456789"})"),
            R"(params.text: expected a string of at most 8 bytes, got "123456789")");
  EXPECT_EQ(refusal(R"({"parts":[{"name":"a"},{"name":"b"},{"name":"c"}]})"),
            R"(params.parts: expected a list of at most 2 elements, got [{"name":"a"},{"name":"b"},{"nam...)");
}

TEST(FieldsTest, RefusesAMissingRequiredField) {
  EXPECT_EQ(refusal(R"({"parts":[{}]})"), "params.parts[0].name: expected a value, got nothing");
}

TEST(FieldsTest, NeverRepeatsMoreThan32Bytes) {
  const std::string got = refusal("{\"count\":\"" + std::string(10'000, 'x') + "\"}");
  EXPECT_EQ(got, "params.count: expected an integer from 1 to 9, got \"" + std::string(31, 'x') + "...");
}

TEST(FieldsTest, CutsRepeatedTextBetweenCharactersAndEscapes) {
  const std::string prefix = "params.count: expected an integer from 1 to 9, got ";
  EXPECT_EQ(refusal("{\"count\":\"" + std::string(30, 'x') + "\xC3\xA9\"}"),
            prefix + '"' + std::string(30, 'x') + "...");
  EXPECT_EQ(refusal("{\"count\":\"" + std::string(28, 'x') + "\\u00e9\"}"),
            prefix + '"' + std::string(28, 'x') + "...");
}

TEST(FieldsTest, RepeatsNothingThatATerminalObeys) {
  EXPECT_EQ(refusal("{\"count\":\"a\xC2\x9B"
                    "2J\x7F\"}"),
            "params.count: expected an integer from 1 to 9, got \"a?2J?\"");
}

struct Login {
  std::string user;
  std::string password;
  std::optional<std::string> key;
  std::int64_t pin = 0;
  std::uint8_t small = 0;
  double ratio = 0;
  bool flag = false;
  std::vector<std::string> codes;
  std::vector<Inner> parts;
  PILLARD_FIELDS(Login, PILLARD_FIELD(user), PILLARD_FIELD(password, {.secret = true, .max_length = 8}),
                 PILLARD_FIELD(key, {.secret = true}), PILLARD_FIELD(pin, {.min = 0, .max = 9999, .secret = true}),
                 PILLARD_FIELD(small, {.secret = true}), PILLARD_FIELD(ratio, {.secret = true}),
                 PILLARD_FIELD(flag, {.secret = true}), PILLARD_FIELD(codes, {.secret = true, .max_length = 2}),
                 PILLARD_FIELD(parts, {.secret = true}))
};

struct Logins {
  std::vector<Login> all;
  std::optional<Login> first;
  PILLARD_FIELDS(Logins, PILLARD_FIELD(all, {.max_length = 1}), PILLARD_FIELD(first))
};

struct Tree {
  std::string name;
  std::vector<Tree> twigs;
  PILLARD_FIELDS(Tree, PILLARD_FIELD(name), PILLARD_FIELD(twigs))
};

/// The message with which `json` is refused as a T.
template <class T>
std::string refusal_of(std::string_view json) {
  T value;
  try {
    pillard::decode(value, json, "body");
  } catch (const std::exception& error) {
    return error.what();
  }
  return "accepted";
}

TEST(FieldsTest, NeverRepeatsASecret) {
  EXPECT_EQ(refusal_of<Login>(R"({"password":1234})"), "body.password: expected a string");
  EXPECT_EQ(refusal_of<Login>(R"({"password":["hunter2"]})"), "body.password: expected a string");
  EXPECT_EQ(refusal_of<Login>(R"({"password":"hunter2hunter2"})"),
            "body.password: expected a string of at most 8 bytes");
  EXPECT_EQ(refusal_of<Login>(R"({"key":{"pem":"x"}})"), "body.key: expected a string");
  EXPECT_EQ(refusal_of<Login>(R"({"pin":12345})"), "body.pin: expected an integer from 0 to 9999");
  EXPECT_EQ(refusal_of<Login>(R"({"pin":"1234"})"), "body.pin: expected an integer from 0 to 9999");
  EXPECT_EQ(refusal_of<Login>(R"({"small":256})"), "body.small: expected an integer from 0 to 255");
  EXPECT_EQ(refusal_of<Login>(R"({"ratio":"x"})"), "body.ratio: expected a number");
  EXPECT_EQ(refusal_of<Login>(R"({"flag":"x"})"), "body.flag: expected true or false");
}

TEST(FieldsTest, RepeatsWhatStandsBesideASecret) {
  EXPECT_EQ(refusal_of<Login>(R"({"password":"hunter2","user":5})"), "body.user: expected a string, got 5");
}

TEST(FieldsTest, NeverRepeatsWhatASecretHolds) {
  EXPECT_EQ(refusal_of<Login>(R"({"codes":"hunter2"})"), "body.codes: expected a list");
  EXPECT_EQ(refusal_of<Login>(R"({"codes":["a",5]})"), "body.codes[1]: expected a string");
  EXPECT_EQ(refusal_of<Login>(R"({"codes":["a","b","c"]})"), "body.codes: expected a list of at most 2 elements");
  EXPECT_EQ(refusal_of<Login>(R"({"parts":["hunter2"]})"), "body.parts[0]: expected an object");
  EXPECT_EQ(refusal_of<Login>(R"({"parts":[{"name":5}]})"), "body.parts[0].name: expected a string");
}

TEST(FieldsTest, NeverRepeatsWhatHoldsASecret) {
  EXPECT_EQ(refusal_of<Login>(R"(["root","hunter2"])"), "body: expected an object");
  EXPECT_EQ(refusal_of<Logins>(R"({"all":[{"password":"a"},{"password":"b"}]})"),
            "body.all: expected a list of at most 1 element");
  EXPECT_EQ(refusal_of<Logins>(R"({"all":{"password":"a"}})"), "body.all: expected a list");
  EXPECT_EQ(refusal_of<Logins>(R"({"first":["hunter2"]})"), "body.first: expected an object");
  EXPECT_EQ(refusal_of<Logins>(R"({"first":{"password":5}})"), "body.first.password: expected a string");
}

TEST(FieldsTest, NeverRepeatsASecretOfIllFormedJson) {
  EXPECT_EQ(refusal_of<Login>(R"({"password":hunter2})"), "body: expected valid JSON");
  EXPECT_EQ(refusal_of<Login>(R"({"password":"hun\qter2"})"), "body: expected valid JSON");
  EXPECT_EQ(refusal_of<Login>(R"({"password":"hunter2)"), "body: expected valid JSON");
  EXPECT_EQ(refusal_of<std::vector<Login>>(R"([hunter2])"), "body: expected valid JSON");
  EXPECT_EQ(refusal_of<Login>("hunter2"), "body: expected valid JSON");
}

TEST(FieldsTest, ReadsStructsThatHoldThemselves) {
  EXPECT_EQ(refusal_of<Tree>(R"({"twigs":[{"name":"a","twigs":[{"name":"b"}]}]})"), "accepted");
  EXPECT_EQ(refusal_of<Tree>(R"({"twigs":[{"name":5}]})"), "body.twigs[0].name: expected a string, got 5");
}

TEST(FieldsTest, EncodesEveryKind) {
  Query query;
  query.parts = {{"a\xFF", true}};
  query.ratio = 0.1;
  EXPECT_EQ(pillard::encoded(query),
            "{\"interval\":5000,\"count\":1,\"small\":0,\"ratio\":0.1,\"text\":\"default\",\"cursor\":\"\","
            "\"parts\":[{\"name\":\"a\xEF\xBF\xBD\",\"on\":true}],\"raw\":null}");
}

TEST(FieldsTest, EncodesNumbersThatJsonLacksAsNull) {
  EXPECT_EQ(pillard::encoded(std::nan("")), "null");
  EXPECT_EQ(pillard::encoded(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(pillard::encoded(-std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(pillard::encoded(1e300), "1e+300");
}

TEST(FieldsTest, EncodesAnEmptyStruct) {
  struct Sparse {
    std::optional<bool> a;
    PILLARD_FIELDS(Sparse, PILLARD_FIELD(a))
  };
  EXPECT_EQ(pillard::encoded(Sparse{}), "{}");
}

TEST(FieldsTest, LeavesPaceAndCursorOutOfTheTopic) {
  const auto slow = pillard::detail::describe(decoded(R"({"interval":9000,"cursor":"s=1","count":2})"));
  const auto fast = pillard::detail::describe(decoded(R"({"count":2,"interval":1000})"));
  EXPECT_EQ(slow.key, fast.key);
  EXPECT_EQ(slow.pace_ms, 9000);
  EXPECT_EQ(slow.resume, "s=1");
  EXPECT_NE(slow.key, pillard::detail::describe(decoded(R"({"count":3})")).key);
}

}  // namespace
