// What is told of JSON that does not fit, word for word, wherever it stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "pillard/fields.h"

namespace {

using ::testing::ElementsAre;

enum class Action { kNone, kStart, kStop };
PILLARD_ENUM(Action, {Action::kStart, "start"}, {Action::kStop, "stop"})

struct Step {
  enum class Pace { kSlow, kFast };
  friend PILLARD_ENUM(Pace, {Pace::kSlow, "slow"}, {Pace::kFast, "fast"})

      Action action = Action::kStop;
  Pace pace = Pace::kSlow;
  std::optional<Action> before;
  std::string order = "up";
  std::int64_t count = 1;
  PILLARD_FIELDS(Step, PILLARD_FIELD(action, {.required = true}), PILLARD_FIELD(pace), PILLARD_FIELD(before),
                 PILLARD_FIELD(order, {.max_length = 2, .one_of = "up down"}),
                 PILLARD_FIELD(count, {.min = 1, .max = 60}))
};

struct Group {
  std::vector<Step> steps;
  std::optional<Step> last;
  PILLARD_FIELDS(Group, PILLARD_FIELD(steps), PILLARD_FIELD(last))
};

struct Plan {
  Group group;
  std::vector<std::vector<std::int64_t>> table;
  std::vector<Action> actions;
  std::vector<std::string> words;
  double share = 0;
  double above = 1;
  double nearest = 0;
  float single = 0;
  std::int64_t any = 0;
  std::uint64_t big = 0;
  std::int64_t positive = 1;
  std::int64_t negative = -1;
  Action secret = Action::kStart;
  PILLARD_FIELDS(Plan, PILLARD_FIELD(group), PILLARD_FIELD(table, {.min = 0, .max = 9, .max_length = 3}),
                 PILLARD_FIELD(actions, {.max_length = 3}), PILLARD_FIELD(words, {.one_of = "a b"}),
                 PILLARD_FIELD(share, {.min = 0, .max = 1}), PILLARD_FIELD(above, {.min = 1}),
                 PILLARD_FIELD(nearest, {.min = 0, .max = 1, .clamp = true}), PILLARD_FIELD(single), PILLARD_FIELD(any),
                 PILLARD_FIELD(big), PILLARD_FIELD(positive, {.min = 1}), PILLARD_FIELD(negative, {.max = -1}),
                 PILLARD_FIELD(secret, {.secret = true}))
};

struct Tree {
  std::vector<Tree> twigs;
  PILLARD_FIELDS(Tree, PILLARD_FIELD(twigs))
};

Plan plan(std::string_view json) {
  Plan read;
  pillard::decode(read, json, "params");
  return read;
}

template <class T = Plan>
std::string refusal(std::string_view json) {
  T read;
  try {
    pillard::decode(read, json, "params");
  } catch (const pillard::Error& error) {
    EXPECT_EQ(error.code(), pillard::Code::kBadRequest);
    return error.what();
  }
  return "accepted";
}

TEST(FieldErrorsTest, ReadsAndWritesEnumerationsByTheirWords) {
  const Plan read =
      plan(R"({"group":{"last":{"action":"st\u0061rt","pace":"fast","before":null}},"actions":["stop"]})");
  EXPECT_EQ(read.group.last->action, Action::kStart);
  EXPECT_EQ(read.group.last->pace, Step::Pace::kFast);
  EXPECT_FALSE(read.group.last->before);
  EXPECT_THAT(read.actions, ElementsAre(Action::kStop));
  EXPECT_EQ(pillard::encoded(*read.group.last), R"({"action":"start","pace":"fast","order":"up","count":1})");
  EXPECT_EQ(pillard::encoded(read.actions), R"(["stop"])");
  EXPECT_EQ(pillard::encoded(Action::kNone), "null") << "it has no word";
}

TEST(FieldErrorsTest, NamesTheWordsThatThereAre) {
  const std::string words = R"(expected one of "start", "stop", got )";
  EXPECT_EQ(refusal(R"({"group":{"steps":[{"action":"stop"},{"action":"x"}]}})"),
            "params.group.steps[1].action: " + words + R"("x")");
  EXPECT_EQ(refusal(R"({"actions":["start","Start"]})"), "params.actions[1]: " + words + R"("Start")");
  for (const auto* other : {"0", "null", "true", "[]", R"({"start":1})", R"("")", R"("start stop")"})
    EXPECT_EQ(refusal("{\"actions\":[" + std::string(other) + "]}"), "params.actions[0]: " + words + other);
  EXPECT_EQ(refusal(R"({"group":{"last":{"action":"stop","before":5}}})"), "params.group.last.before: " + words + "5");
  EXPECT_EQ(refusal(R"({"secret":"hunter2"})"), R"(params.secret: expected one of "start", "stop")");
}

TEST(FieldErrorsTest, HoldsEveryElementToTheListsWordsAndRange) {
  EXPECT_EQ(refusal(R"({"words":["a","c"]})"), R"(params.words[1]: expected one of "a", "b", got "c")");
  EXPECT_EQ(refusal(R"({"words":["a",5]})"), R"(params.words[1]: expected one of "a", "b", got 5)");
  EXPECT_EQ(refusal(R"({"table":[[1],[2,10]]})"), "params.table[1][1]: expected an integer from 0 to 9, got 10");
  EXPECT_EQ(refusal(R"({"table":[[],[],[],[]]})"),
            "params.table: expected a list of at most 3 elements, got [[],[],[],[]]");
  EXPECT_EQ(refusal(R"({"group":{"last":{"action":"stop","order":"down"}}})"), "accepted")
      << "words have no length of their own";
}

TEST(FieldErrorsTest, NamesThePathThroughStructsListsAndOptionals) {
  const auto step = [](std::string_view json) {
    return refusal("{\"group\":{\"steps\":[{\"action\":\"stop\"}," + std::string(json) + "]}}");
  };
  EXPECT_EQ(step(R"({"action":"stop","count":"x"})"),
            R"(params.group.steps[1].count: expected an integer from 1 to 60, got "x")");
  EXPECT_EQ(step(R"({"action":"stop","count":null})"),
            "params.group.steps[1].count: expected an integer from 1 to 60, got null");
  EXPECT_EQ(step("{}"), "params.group.steps[1].action: expected a value, got nothing");
  EXPECT_EQ(step("null"), "params.group.steps[1]: expected an object, got null");
  EXPECT_EQ(step("[]"), "params.group.steps[1]: expected an object, got []");
  EXPECT_EQ(refusal(R"({"group":{"steps":null}})"), "params.group.steps: expected a list, got null");
  EXPECT_EQ(refusal(R"({"group":null})"), "params.group: expected an object, got null");
  EXPECT_EQ(refusal(R"({"group":{"last":{"action":"stop","count":61}}})"),
            "params.group.last.count: expected an integer from 1 to 60, got 61");
  EXPECT_EQ(refusal(R"({"group":{"last":{}}})"), "params.group.last.action: expected a value, got nothing");
}

TEST(FieldErrorsTest, TakesNoFractionOrExponentForAnInteger) {
  for (const auto* number : {"1.0", "1e0", "1E2", "0.5", "-0.0"})
    EXPECT_EQ(refusal("{\"any\":" + std::string(number) + "}"),
              "params.any: expected an integer, got " + std::string(number));
  EXPECT_EQ(plan(R"({"any":-0})").any, 0);
}

TEST(FieldErrorsTest, TellsTheLimitsOf64BitsWhereTheyAreExceeded) {
  EXPECT_EQ(plan(R"({"any":-9223372036854775808})").any, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(plan(R"({"big":9223372036854775807})").big, 9223372036854775807U);
  EXPECT_EQ(
      refusal(R"({"any":9223372036854775808})"),
      "params.any: expected an integer from -9223372036854775808 to 9223372036854775807, got 9223372036854775808");
  EXPECT_EQ(refusal(R"({"big":9223372036854775808})"),
            "params.big: expected an integer from 0 to 9223372036854775807, got 9223372036854775808");
  EXPECT_EQ(refusal(R"({"big":-1})"), "params.big: expected an integer of at least 0, got -1");
  EXPECT_EQ(refusal(R"({"big":-9223372036854775809})"),
            "params.big: expected an integer of at least 0, got -9223372036854775809");
  EXPECT_EQ(refusal(R"({"positive":0})"), "params.positive: expected an integer of at least 1, got 0");
  EXPECT_EQ(refusal(R"({"negative":0})"), "params.negative: expected an integer of at most -1, got 0");
}

TEST(FieldErrorsTest, HoldsNumbersToTheirRange) {
  EXPECT_EQ(plan(R"({"share":1,"above":1e9})").above, 1e9);
  EXPECT_EQ(refusal(R"({"share":1.01})"), "params.share: expected a number from 0 to 1, got 1.01");
  EXPECT_EQ(refusal(R"({"share":"1"})"), R"(params.share: expected a number from 0 to 1, got "1")");
  EXPECT_EQ(refusal(R"({"share":1e400})"), "params.share: expected a number from 0 to 1, got 1e400");
  EXPECT_EQ(refusal(R"({"above":0.9})"), "params.above: expected a number of at least 1, got 0.9");
  EXPECT_EQ(refusal(R"({"above":1e400})"),
            "params.above: expected a number from -1.7976931348623157e+308 to 1.7976931348623157e+308, got 1e400");
  EXPECT_EQ(refusal(R"({"single":1e39})"),
            "params.single: expected a number from -3.4028234663852886e+38 to 3.4028234663852886e+38, got 1e39");
  EXPECT_EQ(plan(R"({"nearest":7})").nearest, 1);
  EXPECT_EQ(plan(R"({"nearest":-1e400})").nearest, 0);
}

TEST(FieldErrorsTest, TakesTheLastOfFieldsThatAreThereTwiceAndNothingOfTheFirst) {
  const Plan read = plan(R"({"any":1,"any":2,"table":[[1]],"table":[],"group":{"steps":[{"action":"stop"}],)"
                         R"("last":{"action":"start","count":5}},"group":{"last":{"action":"stop"}}})");
  EXPECT_EQ(read.any, 2);
  EXPECT_TRUE(read.table.empty());
  EXPECT_TRUE(read.group.steps.empty());
  EXPECT_EQ(read.group.last->action, Action::kStop);
  EXPECT_EQ(read.group.last->count, 1);
  EXPECT_EQ(refusal(R"({"any":"x","any":2})"), R"(params.any: expected an integer, got "x")");
}

TEST(FieldErrorsTest, ReadsAsDeepAsJsonMayBe) {
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 1; i < levels; i += 2) text += R"({"twigs":[)";
    for (int i = 1; i < levels; i += 2) text += "]}";
    return text;
  };
  EXPECT_EQ(refusal<Tree>(nested(pillard::json::kMaxDepth)), "accepted");
  EXPECT_FALSE(pillard::json::valid(nested(pillard::json::kMaxDepth + 2))) << "refused before it is decoded";
}

TEST(FieldErrorsTest, IgnoresWhatItDoesNotKnow) {
  EXPECT_EQ(refusal(R"({"newer":{"any":"x"},"":1,"ANY":"x","group":{"newer":[]}})"), "accepted");
}

}  // namespace
