// Members that come back with a cursor, and a topic that is played by the test.
#include "fanout/latecomers.h"

#include <gtest/gtest.h>

#include "unit/fanout/spine.h"

namespace pillard::fanout {
namespace {

using namespace std::chrono_literals;

class PlainEncoder final : public Encoder {
 public:
  void encode(std::string& out, const Label&, std::string_view json, std::string_view) const override { out += json; }
};
const PlainEncoder kPlain;

/// A Source whose test publishes for it.
class Puppet final : public Source {
 public:
  Puppet(Context& scope, std::vector<Puppet*>& all) : context(scope), all_(all) { all_.push_back(this); }
  ~Puppet() override { std::erase(all_, this); }
  Context& context;
  Handle timer;

 private:
  std::vector<Puppet*>& all_;
};

class LatecomersTest : public testing::Test, private Latecomers::Host {
 protected:
  LatecomersTest() {
    loader::Enrolment enrolment(registry, spine.plugin);
    enrolment.stream<test::NoParams, Puppet>(
        {.subscribe = "join", .unsubscribe = "leave", .event = "line", .replay = 3},
        [this](Context& context, const test::NoParams&) {
          if (fails_at_once) throw Error(*fails_at_once, "no such log");
          return std::make_unique<Puppet>(context, puppets);
        });
    enrolment.commit();
    spine.reactors.start();
    run([this] {
      const auto& stream = *registry.find_subscribe("join");
      query = stream.type()->decode("{}");
      latecomers.emplace(host(), spine.reactors[0], spine.pool->lane(spine.credential()), stream, "line", options);
    });
  }
  ~LatecomersTest() override {
    run([this] { latecomers.reset(); });
    EXPECT_TRUE(puppets.empty());
    spine.stop();
  }
  Latecomers::Host& host() { return *this; }
  /// Does it on the lane, and all that it leads to at the end of that turn.
  template <class Fn>
  void run(Fn fn) {
    test::on(spine.reactors[0], fn);
    test::on(spine.reactors[0], [] {});
  }
  void add(std::uint64_t id, std::string cursor) {
    run([&] { latecomers->add({.reactor = 0, .id = id, .encoder = &kPlain, .pace_ms = {}, .resume = cursor}); });
  }
  /// The topic publishes; its events are their own cursors.
  void topic_publishes(std::initializer_list<std::string> events) {
    run([&] {
      std::vector<SharedEvent> fresh;
      for (const auto& event : events) fresh.push_back(make(event));
      for (const auto& event : fresh) kept.push(event, capacity);
      latecomers->published(fresh);
    });
  }
  void start_topic() {
    run([&] { latecomers->source_started(registry.find_subscribe("join")->type(), query); });
  }
  /// The topic has said all of its history.
  void settle() {
    start_topic();
    topic_publishes({"50", "51", "52"});
    wait_until([&] { return latecomers->empty() || !puppets.empty(); });
  }
  void catch_up_publishes(std::size_t puppet, std::initializer_list<std::string> events) {
    run([&] {
      auto* source = puppets.at(puppet);
      for (const auto& event : events) source->context.publish_json(event, event);
    });
  }
  template <class Condition>
  void wait_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    for (bool met = false; !met;) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << heard;
      run([&] { met = condition(); });
    }
  }
  static SharedEvent make(const std::string& event) {
    return std::make_shared<const Event>(Event{.json = event, .cursor = event});
  }

  // Latecomers::Host
  const Ring& ring() const override { return kept; }
  void admit(Member member, std::string_view behind) override {
    if (!behind.empty() && !kept.knows(behind)) return latecomers->add(std::move(member));
    heard += std::to_string(member.id) + " joins behind \"" + std::string(behind) + "\"; ";
  }
  void hand(const Member& member, SharedBatch batch) override {
    heard += std::to_string(member.id) + " gets " + batch->bytes + "; ";
  }
  void tell(const Member& member, const Error& error) override {
    heard += std::to_string(member.id) + " is told " + std::string(name(error.code())) + "; ";
  }
  void catching_up() override { ++catch_ups; }

  test::Spine spine;
  loader::Registry registry;
  std::vector<Puppet*> puppets;
  Ring kept{1 << 20};
  std::size_t capacity = 3;
  LatecomersOptions options{.settle = 20ms, .quiet = 5ms, .patience = 5s, .retry = 5ms, .at_once = 2, .bytes = 40};
  Query query;
  std::optional<Latecomers> latecomers;
  std::string heard;
  int catch_ups = 0;
  std::optional<Code> fails_at_once;
};

TEST_F(LatecomersTest, WaitsForTheTopicToPublishTheKnownEvent) {
  add(1, "51");
  start_topic();
  topic_publishes({"50", "51", "52"});
  EXPECT_EQ(heard, "1 joins behind \"51\"; ");
  EXPECT_EQ(catch_ups, 0);
}

TEST_F(LatecomersTest, BringsAMemberUpToTheOldestEventThatIsKept) {
  add(1, "40");
  settle();
  ASSERT_EQ(puppets.size(), 1U);
  EXPECT_EQ(puppets[0]->context.resume_from(), "40");
  catch_up_publishes(0, {"48", "49"});
  EXPECT_EQ(heard, "1 gets 4849; ");
  catch_up_publishes(0, {"50", "51", "52"});
  EXPECT_EQ(heard, "1 gets 4849; 1 gets 50; 1 joins behind \"50\"; ");
  EXPECT_TRUE(puppets.empty()) << "its Source has ended";
}

TEST_F(LatecomersTest, MeetsATopicThatGoesOnMeanwhile) {
  add(1, "40");
  settle();
  catch_up_publishes(0, {"49"});
  topic_publishes({"53", "54"});  // which lets 50 and 51 go
  catch_up_publishes(0, {"50", "51", "52"});
  EXPECT_EQ(heard, "1 gets 49; 1 gets 505152; 1 joins behind \"52\"; ");
}

TEST_F(LatecomersTest, MeetsATopicThatIsBehind) {
  add(1, "60");
  settle();
  catch_up_publishes(0, {"61"});
  topic_publishes({"60", "61"});
  EXPECT_EQ(heard, "1 gets 61; 1 joins behind \"61\"; ");
}

TEST_F(LatecomersTest, TakesAlongWhoWaitsFurtherOn) {
  add(1, "40");
  add(2, "44");
  add(3, "46");
  add(4, "40");
  settle();
  ASSERT_EQ(puppets.size(), 2U) << "no more at once";
  catch_up_publishes(0, {"45", "46", "47", "50"});
  EXPECT_EQ(heard,
            "1 gets 4546; 4 gets 4546; 1 gets 4750; 4 gets 4750; 3 gets 4750; 1 joins behind \"50\"; 4 joins behind "
            "\"50\"; 3 joins behind \"50\"; ");
  EXPECT_EQ(catch_ups, 2);
}

TEST_F(LatecomersTest, StartsTheNextCatchUpWhenOneIsOver) {
  add(1, "1");
  add(2, "2");
  add(3, "3");
  settle();
  ASSERT_EQ(puppets.size(), 2U);
  catch_up_publishes(0, {"50"});
  ASSERT_EQ(puppets.size(), 2U);
  EXPECT_EQ(puppets.back()->context.resume_from(), "3");
}

TEST_F(LatecomersTest, TellsOfAGapThatItCannotBridge) {
  add(1, "40");
  settle();
  catch_up_publishes(0, {std::string(50, '4')});
  EXPECT_EQ(heard, "1 gets " + std::string(50, '4') + "; 1 is told not_found; 1 joins behind \"\"; ");
}

TEST_F(LatecomersTest, TellsOfAGapWhenItsSourceFails) {
  fails_at_once = Code::kNotFound;
  add(1, "40");
  add(2, "41");
  add(3, "42");
  settle();
  EXPECT_EQ(heard,
            "1 is told not_found; 1 joins behind \"\"; 2 is told not_found; 2 joins behind \"\"; 3 is told not_found; "
            "3 joins behind \"\"; ");
}

TEST_F(LatecomersTest, TriesAgainWhatPassesInsteadOfTellingAGap) {
  fails_at_once = Code::kOverloaded;
  add(1, "40");
  start_topic();
  topic_publishes({"50", "51", "52"});
  wait_until([&] { return catch_ups >= 3; });
  EXPECT_EQ(heard, "");
  run([&] { fails_at_once.reset(); });
  wait_until([&] { return !puppets.empty(); });
  catch_up_publishes(0, {"41", "50"});
  EXPECT_EQ(heard, "1 gets 4150; 1 joins behind \"50\"; ");
}

TEST_F(LatecomersTest, GoesOnBehindWhatWasHandedOverWhenACatchUpBreaks) {
  add(1, "40");
  settle();
  catch_up_publishes(0, {"41"});
  run([&] { puppets.at(0)->context.fail({Code::kDisconnected, "journalctl ended"}); });
  wait_until([&] { return !puppets.empty(); });
  EXPECT_EQ(puppets[0]->context.resume_from(), "41");
  EXPECT_EQ(heard, "1 gets 41; ");
}

TEST_F(LatecomersTest, GivesTheirPlacesToOthersWhenMembersLeave) {
  add(1, "1");
  add(2, "2");
  add(3, "3");
  settle();
  ASSERT_EQ(puppets.size(), 2U);
  run([&] {
    EXPECT_TRUE(latecomers->remove(0, 1));
    EXPECT_TRUE(latecomers->remove(0, 2));
  });
  ASSERT_EQ(puppets.size(), 1U);
  EXPECT_EQ(puppets[0]->context.resume_from(), "3");
}

TEST_F(LatecomersTest, AsksAgainForWhatTheTopicLetGoInTheSameTurn) {
  add(1, "40");
  settle();
  run([&] {
    for (const auto* event : {"49", "50"}) puppets[0]->context.publish_json(event, event);
    for (const auto* event : {"53", "54", "55"}) kept.push(make(event), capacity);  // 50 to 52 are gone
  });
  wait_until([&] { return !puppets.empty(); });
  EXPECT_EQ(puppets[0]->context.resume_from(), "50");
  catch_up_publishes(0, {"51", "52", "53"});
  EXPECT_EQ(heard, "1 gets 4950; 1 gets 515253; 1 joins behind \"53\"; ");
}

TEST_F(LatecomersTest, RemembersANewPaceUntilItJoins) {
  add(1, "51");
  run([&] {
    EXPECT_TRUE(latecomers->pace(0, 1, 700));
    EXPECT_FALSE(latecomers->pace(0, 2, 700));
  });
}

TEST_F(LatecomersTest, PassesOnWhatItsSourceHasToSay) {
  add(1, "40");
  settle();
  run([&] { puppets[0]->context.notice({Code::kNotFound, "lines may be missing"}); });
  catch_up_publishes(0, {"50"});
  EXPECT_EQ(heard, "1 is told not_found; 1 gets 50; 1 joins behind \"50\"; ");
}

TEST_F(LatecomersTest, StandsASourceThatArrivesInItsOwnCallback) {
  add(1, "40");
  settle();
  bool went_on = false;
  run([&] {
    puppets[0]->timer = puppets[0]->context.after(0ms, [&, source = puppets[0]] {
      for (const auto* event : {"49", "50", "51"}) source->context.publish_json(event, event);
      source->context.fail({Code::kInternal, "too late"});
      went_on = true;
    });
  });
  wait_until([&] { return went_on; });
  EXPECT_EQ(heard, "1 gets 4950; 1 joins behind \"50\"; ");
  EXPECT_TRUE(puppets.empty());
}

TEST_F(LatecomersTest, BeginsAnewBehindWhatWasHandedOverWhenTheNodeWasAway) {
  add(1, "40");
  settle();
  catch_up_publishes(0, {"41", "42"});
  run([&] { latecomers->source_stopped(); });
  EXPECT_TRUE(puppets.empty());
  EXPECT_FALSE(latecomers->empty());
  start_topic();
  wait_until([&] { return !puppets.empty(); });
  EXPECT_EQ(puppets[0]->context.resume_from(), "42");
  catch_up_publishes(0, {"50"});
  EXPECT_EQ(heard, "1 gets 4142; 1 gets 50; 1 joins behind \"50\"; ");
}

TEST_F(LatecomersTest, CountsNoTimeInWhichThereWasNoSource) {
  run([&] {
    latecomers->add({.reactor = 0,
                     .id = 1,
                     .encoder = &kPlain,
                     .pace_ms = {},
                     .resume = "40",
                     .patience = spine.reactors[0].now() - 1ms});
  });
  settle();
  ASSERT_EQ(puppets.size(), 1U);
  catch_up_publishes(0, {"49", "50"});
  EXPECT_EQ(heard, "1 gets 4950; 1 joins behind \"50\"; ");
}

TEST_F(LatecomersTest, EndsACatchUpThatNobodyWaitsFor) {
  add(1, "40");
  add(2, "40");
  settle();
  run([&] { EXPECT_TRUE(latecomers->remove(0, 1)); });
  EXPECT_EQ(puppets.size(), 1U);
  run([&] {
    EXPECT_TRUE(latecomers->remove(0, 2));
    EXPECT_FALSE(latecomers->remove(0, 2));
  });
  EXPECT_TRUE(puppets.empty());
  EXPECT_TRUE(latecomers->empty());
}

TEST_F(LatecomersTest, GivesUpOneThatNeverArrivesAndSaysNothingOfAGapWhereThereIsNothing) {
  run([&] {
    options.patience = 10ms;
    latecomers.emplace(host(), spine.reactors[0], spine.pool->lane(spine.credential()),
                       *registry.find_subscribe("join"), "line", options);
  });
  add(1, "40");
  start_topic();
  wait_until([&] { return latecomers->empty(); });
  EXPECT_EQ(heard, "1 joins behind \"\"; ");
}

}  // namespace
}  // namespace pillard::fanout
