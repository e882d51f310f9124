#include "pillard/schema.h"

#include <gtest/gtest.h>

#include "pillard/registrar.h"

namespace {

using pillard::Shape;

struct Point {
  std::int64_t x = 0;
  std::optional<std::string> name;
  PILLARD_FIELDS(Point, PILLARD_FIELD(x, {.required = true}), PILLARD_FIELD(name, {.max_length = 9}))
};

struct Query {
  std::int64_t interval = 5000;
  std::uint8_t small = 7;
  bool on = true;
  double ratio = 0.5;
  std::string order = "up";
  std::string text;
  std::string pin = "1234";
  std::vector<std::string> words;
  std::optional<std::int32_t> maybe;
  Point point;
  pillard::json::Raw raw{"null"};
  PILLARD_FIELDS(Query, PILLARD_FIELD(interval, {.min = 1000, .max = 60000, .clamp = true, .about = "In ms."}),
                 PILLARD_FIELD(small, {.min = 1}), PILLARD_FIELD(on), PILLARD_FIELD(ratio),
                 PILLARD_FIELD(order, {.max_length = 8, .one_of = "up down"}),
                 PILLARD_FIELD(text, {.required = true, .max_length = 5}), PILLARD_FIELD(pin, {.secret = true}),
                 PILLARD_FIELD(words, {.max_length = 3}), PILLARD_FIELD(maybe), PILLARD_FIELD(point),
                 PILLARD_FIELD(raw, {.about = "Anything \"at all\"."}))
};

TEST(SchemaTest, DescribesEachFieldWithLimitsAndDefault) {
  EXPECT_EQ(pillard::schema_of<Query>().json,
            R"({"type":"object","properties":{)"
            R"("interval":{"type":"integer",)"
            R"("description":"In ms. Takes the nearest from 1000 to 60000.","default":5000},)"
            R"("small":{"type":"integer","minimum":1,"maximum":255,"default":7},)"
            R"("on":{"type":"boolean","default":true},"ratio":{"type":"number","default":0.5},)"
            R"("order":{"type":"string","enum":["up","down"],"default":"up"},)"
            R"("text":{"type":"string","maxLength":5},"pin":{"type":"string","maxLength":4096,"format":"password"},)"
            R"("words":{"type":"array","maxItems":3,"default":[],"items":{"type":"string","maxLength":4096}},)"
            R"("maybe":{"type":"integer","minimum":-2147483648,"maximum":2147483647},)"
            R"("point":{"type":"object","default":{"x":0},"properties":{"x":{"type":"integer"},)"
            R"("name":{"type":"string","maxLength":9}},"required":["x"]},)"
            R"("raw":{"description":"Anything \"at all\".","default":null}},"required":["text"]})");
}

TEST(SchemaTest, IsValidJsonWhateverItDescribes) {
  EXPECT_TRUE(pillard::json::valid(pillard::schema_of<Query>().json));
  EXPECT_TRUE(pillard::json::valid(pillard::json_schema<std::vector<Query>>()));
  EXPECT_TRUE(pillard::json::valid(pillard::json_schema<pillard::json::Raw>()));
}

TEST(SchemaTest, SaysThatWhatIsSentHasAllButWhatIsOptional) {
  EXPECT_EQ(pillard::json_schema<std::vector<Point>>(),
            R"({"type":"array","items":{"type":"object","properties":{"x":{"type":"integer"},)"
            R"("name":{"type":"string"}},"required":["x"]}})")
      << "of any length";
}

struct Tree {
  std::string name;
  std::vector<Tree> left, right;
  PILLARD_FIELDS(Tree, PILLARD_FIELD(name), PILLARD_FIELD(left), PILLARD_FIELD(right))
};

TEST(SchemaTest, DescribesAStructThatHoldsItselfOnlySoDeep) {
  const auto schema = pillard::schema_of<Tree>();
  EXPECT_EQ(schema.fields.size(), 3U);
  EXPECT_TRUE(pillard::json::valid(schema.json));
  EXPECT_LT(schema.json.size(), 10'000U);
}

TEST(SchemaTest, ListsFieldsWithTheirShapes) {
  const auto fields = pillard::schema_of<Query>().fields;
  const std::vector<Shape> expected{Shape::kInteger, Shape::kInteger, Shape::kBool,   Shape::kNumber,
                                    Shape::kString,  Shape::kString,  Shape::kString, Shape::kList,
                                    Shape::kInteger, Shape::kObject,  Shape::kAny};
  ASSERT_EQ(fields.size(), expected.size());
  for (std::size_t i = 0; i < fields.size(); ++i) EXPECT_EQ(fields[i].shape, expected[i]) << fields[i].name;
  EXPECT_EQ(fields[7].element, Shape::kString);
  EXPECT_EQ(fields[1].options.max, 255);
}

TEST(SchemaTest, HoldsStringsToTheWordsThatAreAllowed) {
  Query query;
  pillard::decode(query, R"({"text":"t","order":"down"})", "params");
  EXPECT_EQ(query.order, "down");
  for (const auto* bad : {"", "up down", "dow", "up "}) {
    try {
      pillard::decode(query, R"({"text":"t","order":")" + std::string(bad) + "\"}", "params");
      ADD_FAILURE() << bad;
    } catch (const pillard::Error& error) {
      EXPECT_EQ(error.what(), "params.order: expected one of \"up\", \"down\", got \"" + std::string(bad) + '"');
    }
  }
}

enum class Action { kNone, kStart, kStop };
PILLARD_ENUM(Action, {Action::kStart, "start"}, {Action::kStop, "stop"})

struct Order {
  Action must = Action::kNone;
  Action action = Action::kStop;
  Action unset = Action::kNone;
  std::optional<Action> maybe;
  std::vector<Action> all;
  std::vector<std::int16_t> ports;
  std::vector<std::string> words;
  double share = 0.5;
  std::int64_t open = 5;
  PILLARD_FIELDS(Order, PILLARD_FIELD(must, {.required = true}), PILLARD_FIELD(action, {.about = "What to do."}),
                 PILLARD_FIELD(unset), PILLARD_FIELD(maybe, {.one_of = "stop"}), PILLARD_FIELD(all, {.max_length = 2}),
                 PILLARD_FIELD(ports, {.min = 1}), PILLARD_FIELD(words, {.one_of = "a b"}),
                 PILLARD_FIELD(share, {.min = 0, .max = 1}), PILLARD_FIELD(open, {.min = 1, .clamp = true}))
};

TEST(SchemaTest, DescribesWordsAndRangesOfEachElement) {
  EXPECT_EQ(pillard::schema_of<Order>().json,
            R"({"type":"object","properties":{"must":{"type":"string","enum":["start","stop"]},)"
            R"("action":{"type":"string","enum":["start","stop"],"description":"What to do.","default":"stop"},)"
            R"("unset":{"type":"string","enum":["start","stop"]},"maybe":{"type":"string","enum":["stop"]},)"
            R"("all":{"type":"array","maxItems":2,"default":[],"items":{"type":"string","enum":["start","stop"]}},)"
            R"("ports":{"type":"array","maxItems":4096,"default":[],)"
            R"("items":{"type":"integer","minimum":1,"maximum":32767}},)"
            R"("words":{"type":"array","maxItems":4096,"default":[],"items":{"type":"string","enum":["a","b"]}},)"
            R"("share":{"type":"number","minimum":0,"maximum":1,"default":0.5},)"
            R"("open":{"type":"integer","description":"Takes the nearest from 1.","default":5}},"required":["must"]})");
}

struct Words {
  std::string word;
  PILLARD_FIELDS(Words, PILLARD_FIELD(word))
};
class Speaks final : public pillard::Source {
 public:
  using Event = Words;
  Speaks(pillard::Context&, const Words&) {}
};
class Asks final : public pillard::Call {
 public:
  Asks(pillard::CallContext&, const Words&) {}
};
class Keeper final : public pillard::Registrar {
 public:
  void add(std::unique_ptr<pillard::StreamType> type) override { stream_type = std::move(type); }
  void add(std::unique_ptr<pillard::CallType> type) override { call_type = std::move(type); }
  std::unique_ptr<pillard::StreamType> stream_type;
  std::unique_ptr<pillard::CallType> call_type;
};

TEST(SchemaTest, IsKeptWithWhatIsRegistered) {
  Keeper keeper;
  keeper.stream<Words, Speaks>({.subscribe = "hear", .unsubscribe = "unhear", .event = "said", .batch = "said_all"});
  keeper.call<Words, Asks>({.name = "ask"});
  EXPECT_EQ(keeper.stream_type->params().fields.at(0).name, "word");
  EXPECT_EQ(keeper.stream_type->event_schema(), pillard::json_schema<Words>());
  EXPECT_EQ(keeper.call_type->params().fields.at(0).name, "word");
  EXPECT_EQ(keeper.call_type->response_schema(), "{}") << "it does not say";
  EXPECT_THROW(
      (keeper.stream<Words, Speaks>({.subscribe = "a", .unsubscribe = "b", .event = "c", .batch = "Not A Name"})),
      std::invalid_argument);
  EXPECT_THROW((keeper.call<Words, Asks>({.name = "grant"})), std::invalid_argument) << "a name of the protocol";
}

}  // namespace
