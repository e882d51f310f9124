#include "wire/query_params.h"

#include <gtest/gtest.h>

namespace pillard::wire {
namespace {

struct Inner {
  bool on = false;
  PILLARD_FIELDS(Inner, PILLARD_FIELD(on))
};
struct Query {
  std::int64_t count = 0;
  double ratio = 0;
  bool flag = false;
  std::string text;
  std::optional<std::int64_t> maybe;
  std::vector<std::int64_t> numbers;
  std::vector<std::string> words;
  Inner inner;
  json::Raw raw{"null"};
  std::string cursor;
  PILLARD_FIELDS(Query, PILLARD_FIELD(count), PILLARD_FIELD(ratio), PILLARD_FIELD(flag), PILLARD_FIELD(text),
                 PILLARD_FIELD(maybe), PILLARD_FIELD(numbers), PILLARD_FIELD(words), PILLARD_FIELD(inner),
                 PILLARD_FIELD(raw), PILLARD_FIELD(cursor, {.resume = true}))
};

std::string params(const std::vector<std::pair<std::string, std::string>>& query, std::string_view resume = {}) {
  return params_of_query(query, schema_of<Query>().fields, resume);
}

TEST(QueryParamsTest, GivesEachValueTheKindOfItsField) {
  EXPECT_EQ(params({{"count", "-5"}, {"ratio", "1e3"}, {"flag", "true"}, {"text", "true"}, {"maybe", "7"}}),
            R"({"count":-5,"ratio":1e3,"flag":true,"text":"true","maybe":7})");
  EXPECT_EQ(params({{"text", "5 \"x\""}}), R"({"text":"5 \"x\""})");
  EXPECT_EQ(params({{"inner", R"({"on":true})"}, {"raw", "[1,2]"}}), R"({"inner":{"on":true},"raw":[1,2]})");
}

TEST(QueryParamsTest, LeavesWhatIsOfAnotherKindToWhoeverDecodesIt) {
  EXPECT_EQ(params({{"count", "five"}}), R"({"count":"five"})");
  EXPECT_EQ(params({{"count", ""}}), R"({"count":""})");
  EXPECT_EQ(params({{"count", "5 "}}), R"({"count":"5 "})");
  EXPECT_EQ(params({{"count", "05"}}), R"({"count":"05"})");
  EXPECT_EQ(params({{"count", "[1]"}}), R"({"count":"[1]"})");
  EXPECT_EQ(params({{"flag", "1"}}), R"({"flag":"1"})");
  EXPECT_EQ(params({{"inner", "{"}}), R"({"inner":"{"})");
}

TEST(QueryParamsTest, MakesListsOfParametersThatAreRepeated) {
  EXPECT_EQ(params({{"numbers", "1"}, {"words", "a"}, {"numbers", "x"}, {"words", "5"}}),
            R"({"numbers":[1,"x"],"words":["a","5"]})");
}

TEST(QueryParamsTest, RefusesAnythingElseThatIsRepeated) {
  try {
    params({{"count", "1"}, {"count", "1"}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadRequest);
    EXPECT_STREQ(error.what(), "params.count: given twice");
  }
}

TEST(QueryParamsTest, RefusesWhatIsTooDeepWithTheLevelsAroundIt) {
  const auto nested = [](int levels) {
    return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
  };
  EXPECT_EQ(params({{"raw", nested(63)}}), "{\"raw\":" + nested(63) + '}');
  try {
    params({{"count", "1"}, {"raw", nested(64)}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadRequest);
    EXPECT_STREQ(error.what(), "params.raw: nested too deeply");
  }
  EXPECT_TRUE(json::valid(params({{"raw", nested(65)}}))) << "text, for whoever decodes it";
}

TEST(QueryParamsTest, LeavesOutWhatIsNoField) {
  EXPECT_EQ(params({{"nothing", "1"}, {"lastEventId", "c"}}), "{}");
  EXPECT_EQ(params({}), "{}");
}

TEST(QueryParamsTest, ResumesBehindWhatTheClientRemembers) {
  EXPECT_EQ(params({{"cursor", "old"}}), R"({"cursor":"old"})");
  EXPECT_EQ(params({{"cursor", "old"}, {"cursor", "older"}}, "new\""), R"({"cursor":"new\""})");
  EXPECT_EQ(params_of_query({}, {}, "new"), "{}") << "a stream that cannot resume";
}

}  // namespace
}  // namespace pillard::wire
