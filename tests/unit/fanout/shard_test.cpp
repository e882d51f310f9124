// The subscribers of one reactor, told directly as a topic would tell them. The loops do not run: this thread is the
// lane.
#include "fanout/shard.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/fanout/spine.h"

namespace pillard::fanout {
namespace {

using namespace std::chrono_literals;

class PlainEncoder final : public Encoder {
 public:
  void encode(std::string& out, const Label&, std::string_view json, std::string_view) const override { out += json; }
};

class Ear final : public Subscriber {
 public:
  void deliver(const SharedBatch& batch) override {
    for (std::size_t i = 0; i < batch->size(); ++i)
      heard += batch->bytes.substr(batch->begin_of(i), batch->ends[i] - batch->begin_of(i)) + ' ';
    if (then) then();
  }
  void gap(std::uint64_t dropped) override { heard += '-' + std::to_string(dropped) + ' '; }
  void problem(const Error& error, bool ended) override {
    heard += std::string(name(error.code())) + (ended ? "! " : "? ");
    if (then) then();
  }
  std::string heard;
  Function<void()> then;
  std::unique_ptr<Subscription> subscription;
};

class OtherEncoder final : public Encoder {
 public:
  void encode(std::string& out, const Label&, std::string_view json, std::string_view) const override {
    out += '<' + std::string(json) + '>';
  }
};

class ShardTest : public testing::Test {
 protected:
  static SharedBatch batch(std::vector<std::string> texts) {
    if (texts.empty()) return nullptr;
    auto made = std::make_shared<Batch>();
    for (auto& text : texts) {
      made->bytes += text;
      made->ends.push_back(static_cast<std::uint32_t>(made->bytes.size()));
    }
    return made;
  }
  void subscribe(Ear& ear, std::optional<std::int64_t> pace = {}, const Encoder* encoder = nullptr) {
    ear.subscription = std::make_unique<Subscription>(shard, spine.stream("subscribe_logs"), *topic.key, ear,
                                                      encoder ? *encoder : plain, pace);
  }
  void welcome(Ear& ear, const SharedBatch& replay, std::optional<Error> problem = {}) {
    shard.welcome(topic, ear.subscription->number(), replay, problem);
  }
  void spread(std::string text) {
    const Outlet::Batches batches{{&plain, batch({std::move(text)})}};
    shard.spread(topic, batches);
  }

  test::Spine spine;
  PlainEncoder plain;
  TopicId topic{std::make_shared<const std::string>("lane/subscribe_status/{}"), 1};
  Shard shard{*spine.hub, spine.reactors[0]};
};

TEST_F(ShardTest, SaysNothingToASubscriberThatTheTopicHasNotWelcomed) {
  Ear ear;
  subscribe(ear);
  spread("1");
  EXPECT_EQ(ear.heard, "");
  welcome(ear, batch({}));
  spread("2");
  EXPECT_EQ(ear.heard, "2 ");
}

TEST_F(ShardTest, GivesTheReplayFirstAndThenTheLastingProblem) {
  Ear ear;
  subscribe(ear);
  welcome(ear, batch({"1", "2"}), Error(Code::kDisconnected, "away"));
  EXPECT_EQ(ear.heard, "1 2 disconnected? ");
}

TEST_F(ShardTest, DoesNotTellTheProblemToOneWhoLeftDuringTheReplay) {
  Ear ear;
  subscribe(ear);
  const auto number = ear.subscription->number();
  ear.then = [&] { ear.subscription.reset(); };
  shard.welcome(topic, number, batch({"1"}), Error(Code::kDisconnected, "away"));
  EXPECT_EQ(ear.heard, "1 ");
  EXPECT_EQ(shard.size(), 0U);
}

TEST_F(ShardTest, IgnoresAWelcomeThatComesTooLate) {
  Ear ear;
  subscribe(ear);
  const auto number = ear.subscription->number();
  ear.subscription.reset();
  shard.welcome(topic, number, batch({"1"}), std::nullopt);
  EXPECT_EQ(ear.heard, "");
}

TEST_F(ShardTest, DoesNotMixTheLivesOfATopic) {
  Ear ear;
  subscribe(ear);
  welcome(ear, batch({}));
  const TopicId next{topic.key, 2};
  shard.spread(next, {{&plain, batch({"of another life"})}});
  shard.problem(next, Error(Code::kTimeout, "late"), true);
  EXPECT_EQ(ear.heard, "");
}

TEST_F(ShardTest, GivesEachTheFramesOfItsOwnEncoder) {
  const PlainEncoder other;
  Ear one;
  Ear two;
  subscribe(one);
  subscribe(two, {}, &other);
  welcome(one, batch({}));
  welcome(two, batch({}));
  shard.spread(topic, {{&plain, batch({"a"})}, {&other, batch({"b"})}});
  EXPECT_EQ(one.heard, "a ");
  EXPECT_EQ(two.heard, "b ");
}

TEST_F(ShardTest, LetsSlowSubscribersSkipWhatComesTooSoon) {
  Ear fast;
  Ear slow;
  subscribe(fast);
  subscribe(slow, 60'000);
  welcome(fast, batch({}));
  welcome(slow, batch({}));
  spread("1");
  spread("2");
  EXPECT_EQ(fast.heard, "1 2 ");
  EXPECT_EQ(slow.heard, "1 ") << "the first one is due at once";
}

TEST_F(ShardTest, CountsTheReplayForThePace) {
  Ear slow;
  subscribe(slow, 60'000);
  welcome(slow, batch({"old"}));
  spread("new");
  EXPECT_EQ(slow.heard, "old ");
  slow.subscription->set_pace(0);
  spread("newer");
  EXPECT_EQ(slow.heard, "old newer ");
}

TEST_F(ShardTest, TellsProblemsWhateverThePace) {
  Ear slow;
  subscribe(slow, 60'000);
  welcome(slow, batch({"old"}));
  shard.problem(topic, Error(Code::kTimeout, "late"), false);
  shard.problem(topic, Error(Code::kNotFound, "gone"), true);
  EXPECT_EQ(slow.heard, "old timeout? not_found! ");
}

TEST_F(ShardTest, LetsAnySubscriberLeaveWhileItIsTold) {
  std::vector<Ear> ears(5);
  for (auto& ear : ears) {
    subscribe(ear);
    welcome(ear, batch({}));
    ear.then = [&ear] { ear.subscription.reset(); };
  }
  spread("1");
  for (const auto& ear : ears) EXPECT_EQ(ear.heard, "1 ");
  EXPECT_EQ(shard.size(), 0U);
  spread("2");
  for (const auto& ear : ears) EXPECT_EQ(ear.heard, "1 ");
}

TEST_F(ShardTest, SaysNothingMoreToThoseWhomAnotherTookAway) {
  std::vector<Ear> ears(5);
  for (auto& ear : ears) {
    subscribe(ear);
    welcome(ear, batch({}));
  }
  ears[2].then = [&] {
    ears[0].subscription.reset();
    ears[3].subscription.reset();
    ears[4].subscription.reset();
  };
  spread("1");
  EXPECT_EQ(ears[2].heard, "1 ");
  EXPECT_EQ(ears[3].heard + ears[4].heard, "");
  ears[2].then = nullptr;
  spread("2");
  EXPECT_EQ(ears[0].heard, "1 ");
  EXPECT_EQ(ears[1].heard, "1 2 ");
  EXPECT_EQ(ears[2].heard, "1 2 ");
  ears[1].subscription.reset();  // whose place has moved
  spread("3");
  EXPECT_EQ(ears[2].heard, "1 2 3 ");
}

TEST_F(ShardTest, LetsOthersJoinWhileItTells) {
  Ear first;
  std::vector<Ear> late(100);  // enough to make the list of places move
  subscribe(first);
  welcome(first, batch({}));
  first.then = [&] {
    for (auto& ear : late) {
      subscribe(ear);
      welcome(ear, batch({"replay"}));
    }
    first.then = nullptr;
  };
  spread("1");
  EXPECT_EQ(first.heard, "1 ");
  EXPECT_TRUE(std::all_of(late.begin(), late.end(), [](const Ear& ear) { return ear.heard == "replay "; }));
  spread("2");
  EXPECT_TRUE(std::all_of(late.begin(), late.end(), [](const Ear& ear) { return ear.heard == "replay 2 "; }));
}

TEST_F(ShardTest, LetsTheLastOneLeaveAndAnotherJoinInOneCall) {
  Ear ear;
  Ear next;
  subscribe(ear);
  welcome(ear, batch({}));
  ear.then = [&] {
    ear.subscription.reset();
    subscribe(next);
    welcome(next, batch({}));
  };
  spread("1");
  spread("2");
  EXPECT_EQ(ear.heard, "1 ");
  EXPECT_EQ(next.heard, "2 ");
}

TEST_F(ShardTest, TakesAFormerEncodingUntilItsTopicKnowsTheNewOne) {
  const OtherEncoder other;
  const OtherEncoder third;
  Ear ear;
  subscribe(ear);
  welcome(ear, nullptr);
  ear.subscription->set_encoder(other);
  spread("before");
  ear.subscription->set_encoder(third);
  spread("still");
  shard.spread(topic, {{&plain, batch({"plain"})}, {&other, batch({"other"})}});
  shard.spread(topic, {{&plain, batch({"plain"})}, {&other, batch({"other"})}, {&third, batch({"third"})}});
  EXPECT_EQ(ear.heard, "before still other third ") << "each once, in the newest form that there is";
  ear.subscription->set_encoder(plain);
  shard.spread(topic, {{&plain, batch({"plain"})}, {&third, batch({"third"})}});
  EXPECT_EQ(ear.heard, "before still other third plain ");
}

}  // namespace
}  // namespace pillard::fanout
