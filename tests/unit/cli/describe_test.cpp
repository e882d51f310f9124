// What `pillard describe` makes of schemas as the SDK writes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/markdown.h"
#include "cli/schema_node.h"
#include "cli/typescript.h"

namespace pillard::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

enum class Order { kUp, kDown };
PILLARD_ENUM(Order, {Order::kUp, "up"}, {Order::kDown, "down"})

struct Nothing {
  PILLARD_FIELDS(Nothing)
};
struct Query {
  std::int64_t interval = 5000;
  std::string name;
  Order order = Order::kUp;
  std::vector<std::int64_t> ports;
  PILLARD_FIELDS(Query, PILLARD_FIELD(interval, {.min = 1000, .max = 60000, .clamp = true, .about = "In ms."}),
                 PILLARD_FIELD(name, {.required = true, .max_length = 8, .about = "Of a|b */ kind."}),
                 PILLARD_FIELD(order), PILLARD_FIELD(ports, {.min = 1, .max = 9, .max_length = 3}))
};
struct Disk {
  std::string name;
  std::optional<double> reads, writes;
  std::vector<std::optional<Order>> orders;
  PILLARD_FIELDS(Disk, PILLARD_FIELD(name, {.about = "Its own."}), PILLARD_FIELD(reads), PILLARD_FIELD(writes),
                 PILLARD_FIELD(orders))
};
struct Usage {
  std::vector<Disk> disks;
  Disk swap_disk;
  bool full = false;
  json::Raw more{"null"};
  PILLARD_FIELDS(Usage, PILLARD_FIELD(disks, {.about = "Whole ones."}), PILLARD_FIELD(swap_disk), PILLARD_FIELD(full),
                 PILLARD_FIELD(more))
};

Offer watcher() {
  return {.plugin = "watcher",
          .streams = {{.options = {.subscribe = "watch_usage",
                                   .unsubscribe = "unwatch_usage",
                                   .event = "usage",
                                   .gap = "usage_gap",
                                   .batch = "usages",
                                   .overflow = Overflow::kDrop},
                       .params = schema_of<Query>().json,
                       .event = json_schema<Usage>()},
                      {.options = {.subscribe = "watch_words",
                                   .unsubscribe = "unwatch_words",
                                   .event = "words",
                                   .overflow = Overflow::kNewest},
                       .params = schema_of<Nothing>().json,
                       .event = json_schema<std::vector<std::string>>()}},
          .calls = {{.options = {.name = "get_disks"},
                     .params = schema_of<Nothing>().json,
                     .response = json_schema<std::vector<Disk>>()}}};
}
Offer asker() {
  return {.plugin = "asker",
          .streams = {},
          .calls = {{.options = {.name = "ask"}, .params = schema_of<Query>().json, .response = "{}"}}};
}

TEST(SchemaNodes, SayInSentencesWhatTheyHold) {
  const auto node = read_schema(schema_of<Query>().json);
  ASSERT_EQ(node.properties.size(), 4U);
  EXPECT_EQ(in_sentences(node.properties[0].schema, Side::kClient),
            "In ms. Takes the nearest from 1000 to 60000. 5000 unless given.");
  EXPECT_EQ(in_sentences(node.properties[1].schema, Side::kClient), "Of a|b */ kind. At most 8 bytes.");
  EXPECT_EQ(in_sentences(node.properties[2].schema, Side::kClient), "\"up\" unless given.");
  EXPECT_EQ(in_sentences(node.properties[3].schema, Side::kClient), "At most 3 of them. Each: From 1 to 9.");
  EXPECT_FALSE(node.all_optional());
  EXPECT_TRUE(read_schema("{}").all_optional());
}

TEST(SchemaNodes, LeaveOutBoundsThatAreOnlyThoseOfAType) {
  const auto said = [](std::string_view json, Side side) { return in_sentences(read_schema(json), side); };
  const auto* const natural = R"({"type":"integer","minimum":0})";
  EXPECT_EQ(said(natural, Side::kClient), "0 or more.");
  EXPECT_EQ(said(natural, Side::kPillard), "");
  EXPECT_EQ(said(R"({"minimum":0,"maximum":7})", Side::kPillard), "From 0 to 7.");
  EXPECT_EQ(said(R"({"minimum":-2147483648,"maximum":2147483647})", Side::kClient), "");
  EXPECT_EQ(said(R"({"minimum":1,"maximum":127})", Side::kClient), "From 1 to 127.");
  EXPECT_EQ(said(R"({"maximum":5})", Side::kClient), "5 or less.");
}

TEST(SchemaNodes, AreNothingElse) {
  for (const auto* text : {"", "[]", "{", "{\"type\":5}", "{} {}"})
    EXPECT_THROW(read_schema(text), json::ParseError) << text;
}

TEST(Typescript, DeclaresParamsAndEventsWithTheirDescriptions) {
  const auto text = typescript({watcher()});
  EXPECT_THAT(text, HasSubstr("/** What `watch_usage` asks for. */\n"
                              "export interface WatchUsageParams {\n"
                              "  /** In ms. Takes the nearest from 1000 to 60000. 5000 unless given. */\n"
                              "  interval?: number;\n"
                              "  /** Of a|b *\\/ kind. At most 8 bytes. */\n"
                              "  name: string;\n"
                              "  /** \"up\" unless given. */\n"
                              "  order?: \"up\" | \"down\";\n"
                              "  /** At most 3 of them. Each: From 1 to 9. */\n"
                              "  ports?: number[];\n}\n"));
  EXPECT_THAT(text, HasSubstr("export interface Usage {\n"
                              "  /** Whole ones. */\n"
                              "  disks: UsageDisksItem[];\n"
                              "  swap_disk: UsageSwapDisk;\n"
                              "  full: boolean;\n"
                              "  more: unknown;\n}\n"));
  EXPECT_THAT(text, HasSubstr("export interface UsageDisksItem {\n"
                              "  /** Its own. */\n"
                              "  name: string;\n"
                              "  reads?: number;\n"
                              "  writes?: number;\n"
                              "  orders: (\"up\" | \"down\")[];\n}\n"));
  EXPECT_THAT(text, HasSubstr("export type Words = string[];\n"));
}

TEST(Typescript, TellsOfDroppedEventsOfAStreamWithoutParams) {
  auto offer = watcher();
  offer.streams[1].options.overflow = Overflow::kDrop;
  offer.streams[1].options.gap = "usage_gap";
  offer.streams[1].options.event = "connect_answer";
  const auto text = typescript({offer});
  EXPECT_THAT(text, HasSubstr("    dropped: Dropped;\n"));
  EXPECT_THAT(text, HasSubstr("  usage_gap: (gap: WatchUsageParams & Dropped | Dropped) => void;\n"));
  EXPECT_THAT(text, HasSubstr("export type ConnectAnswer2 = ")) << "the other one is the protocol's";
}

TEST(Typescript, MapsMessagesToTheirTypes) {
  const auto text = typescript({watcher()});
  EXPECT_THAT(text, HasSubstr("  /** Of the plugin watcher. */\n"
                              "  watch_usage: {\n"
                              "    unsubscribe: \"unwatch_usage\";\n"
                              "    params: WatchUsageParams;\n"
                              "    event: \"usage\";\n"
                              "    data: Usage;\n"
                              "    batch: \"usages\";\n"
                              "    gap: \"usage_gap\";\n"
                              "    dropped: WatchUsageParams & Dropped;\n  };\n"));
  EXPECT_THAT(text, HasSubstr("  get_disks: {\n    params: GetDisksParams;\n    response: GetDisksResponse;\n  };\n"));
  EXPECT_THAT(text, HasSubstr("  usage: (data: Usage) => void;\n"));
  EXPECT_THAT(text, HasSubstr("  usage_gap: (gap: WatchUsageParams & Dropped) => void;\n"));
  EXPECT_THAT(text, HasSubstr("  watch_usage: (params: WatchUsageParams, acknowledge?: Acknowledge<null>) => void;\n"));
  EXPECT_THAT(text, HasSubstr("  watch_words: (params?: WatchWordsParams | null, "
                              "acknowledge?: Acknowledge<null>) => void;\n"));
  EXPECT_THAT(text, HasSubstr("  get_disks: (params: GetDisksParams | null, "
                              "acknowledge: Acknowledge<GetDisksResponse>) => void;\n"));
  EXPECT_THAT(text, Not(HasSubstr("stream_gap"))) << "states have no gaps";
}

TEST(Typescript, IsTheSameWhateverTheOrderOfThePlugins) {
  EXPECT_EQ(typescript({watcher(), asker()}), typescript({asker(), watcher()}));
  EXPECT_THAT(typescript({watcher(), asker()}), HasSubstr("export type AskResponse = unknown;"));
}

TEST(Typescript, ListsTheCodesThatThereAre) {
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code)
    EXPECT_THAT(typescript({}), HasSubstr("\n  | \"" + std::string(name(static_cast<Code>(code))) + '"'));
}

TEST(Typescript, GivesEachTypeANameOfItsOwn) {
  auto offer = asker();
  offer.calls.push_back({.options = {.name = "as_k"}, .params = "{}", .response = "{}"});
  offer.calls.push_back({.options = {.name = "as__k"}, .params = "{}", .response = "{}"});
  EXPECT_THAT(typescript({offer}),
              AllOf(HasSubstr("export type AsKParams = "), HasSubstr("export type AsKParams2 = ")));
}

TEST(Typescript, RefusesAMessageThatTwoOffer) { EXPECT_THROW(typescript({asker(), asker()}), std::runtime_error); }

TEST(Markdown, TabulatesAPlugin) {
  EXPECT_EQ(markdown(watcher()),
            R"(`watch_usage` starts the stream, `unwatch_usage` with the same params ends it.

| Param | Type | |
|---|---|---|
| `interval` | integer | In ms. Takes the nearest from 1000 to 60000. 5000 unless given. |
| `name` | string, required | Of a\|b */ kind. At most 8 bytes. |
| `order` | `up`, `down` | "up" unless given. |
| `ports` | list of integers | At most 3 of them. Each: From 1 to 9. |

`usage`:

| Field | Type | |
|---|---|---|
| `disks` | list of objects | Whole ones. |
| `disks[].name` | string | Its own. |
| `disks[].reads`, `writes` | number, optional | |
| `disks[].orders` | list of `up`, `down` | |
| `swap_disk` | object | |
| `swap_disk.name` | string | Its own. |
| `swap_disk.reads`, `writes` | number, optional | |
| `swap_disk.orders` | list of `up`, `down` | |
| `full` | boolean | |
| `more` | any JSON | |

At `/ws` it is `usages`, a list of what `usage` has elsewhere.

`usage_gap`: the params, and `dropped`, how many events are missing in this place for who reads too slowly.

`watch_words` starts the stream, `unwatch_words` with the same params ends it.

`words`: list of strings.

`get_disks` is a call.

Its answer, a list; each element:

| Field | Type | |
|---|---|---|
| `name` | string | Its own. |
| `reads`, `writes` | number, optional | |
| `orders` | list of `up`, `down` | |
)");
}

}  // namespace
}  // namespace pillard::cli
