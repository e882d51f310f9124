// What one loop's topics say to another loop's subscribers. The loops do not run: this thread is both.
#include "fanout/mailbox.h"

#include <gtest/gtest.h>

#include <thread>

#include "unit/fanout/spine.h"

namespace pillard::fanout {
namespace {

class PlainEncoder final : public Encoder {
 public:
  void encode(std::string& out, const Label&, std::string_view json, std::string_view) const override { out += json; }
};

class Ear final : public Subscriber {
 public:
  void deliver(const SharedBatch& batch) override { heard += batch->bytes + ' '; }
  void gap(std::uint64_t dropped) override { heard += '-' + std::to_string(dropped) + ' '; }
  void problem(const Error& error, bool ended) override { heard += std::string(error.what()) + (ended ? "! " : "? "); }
  std::string heard;
};

class MailboxTest : public testing::Test {
 protected:
  MailboxTest() { shard.welcome(logs, ear_subscription.number(), nullptr, std::nullopt); }
  static Outlet::Batches lines(std::string text, std::uint32_t count = 1) {
    Batch batch{.bytes = std::move(text), .ends = {}};
    for (std::uint32_t i = 0; i < count; ++i) batch.ends.push_back(static_cast<std::uint32_t>(batch.bytes.size()));
    return {{&plain(), std::make_shared<const Batch>(std::move(batch))}};
  }
  static const PlainEncoder& plain() {
    static const PlainEncoder kPlain;
    return kPlain;
  }

  test::Spine spine;
  Shard shard{*spine.hub, spine.reactors[0]};
  TopicId logs{std::make_shared<const std::string>("lane/subscribe_logs/{}"), 1};
  Ear ear;
  Subscription ear_subscription{shard, spine.stream("subscribe_logs"), *logs.key, ear, plain(), std::nullopt};
  Mailbox box{1000};
};

TEST_F(MailboxTest, HandsOverInOrder) {
  EXPECT_TRUE(box.spread(logs, lines("a"), Overflow::kDrop));
  EXPECT_FALSE(box.put([this](Shard& to) { to.problem(logs, Error(Code::kTimeout, "late"), false); }));
  EXPECT_FALSE(box.spread(logs, lines("b"), Overflow::kDrop));
  box.drain(shard);
  EXPECT_EQ(ear.heard, "a late? b ");
  EXPECT_TRUE(box.spread(logs, lines("c"), Overflow::kDrop)) << "it is empty again";
  box.drain(shard);
}

TEST_F(MailboxTest, CountsTheLinesThatFindItFull) {
  EXPECT_TRUE(box.spread(logs, lines(std::string(700, 'a')), Overflow::kDrop));
  EXPECT_FALSE(box.spread(logs, lines(std::string(700, 'b'), 3), Overflow::kDrop));
  EXPECT_FALSE(box.spread(logs, lines("c", 2), Overflow::kDrop)) << "small, but it must not overtake the gap";
  box.drain(shard);
  EXPECT_EQ(ear.heard, std::string(700, 'a') + " -5 ");
  EXPECT_EQ(box.dropped(), 5U);
  EXPECT_LE(box.high_water(), 1000U);
}

TEST_F(MailboxTest, TakesALargeBatchWhenItIsEmpty) {
  EXPECT_TRUE(box.spread(logs, lines(std::string(5000, 'a')), Overflow::kDrop));
  box.drain(shard);
  EXPECT_EQ(ear.heard.size(), 5001U);
}

TEST_F(MailboxTest, KeepsTheNewestOfAState) {
  EXPECT_TRUE(box.spread(logs, lines(std::string(900, 'a')), Overflow::kNewest));
  EXPECT_FALSE(box.spread(logs, lines("b" + std::string(200, 'b')), Overflow::kNewest));
  EXPECT_FALSE(box.spread(logs, lines("c"), Overflow::kNewest));
  box.drain(shard);
  EXPECT_EQ(ear.heard, std::string(900, 'a') + " c ");
  EXPECT_EQ(box.dropped(), 0U);
}

TEST_F(MailboxTest, TellsAGapBeforeItWelcomesWhoIsNotConcerned) {
  Ear late;
  Subscription joining(shard, spine.stream("subscribe_logs"), *logs.key, late, plain(), std::nullopt);
  EXPECT_TRUE(box.spread(logs, lines(std::string(700, 'a')), Overflow::kDrop));
  EXPECT_FALSE(box.spread(logs, lines(std::string(900, 'b'), 2), Overflow::kDrop));
  EXPECT_FALSE(box.put(logs, [this, &joining](Shard& to) { to.welcome(logs, joining.number(), nullptr, {}); }));
  EXPECT_FALSE(box.spread(logs, lines("c"), Overflow::kDrop));
  box.drain(shard);
  EXPECT_EQ(ear.heard, std::string(700, 'a') + " -2 c ");
  EXPECT_EQ(late.heard, "c ");
}

TEST_F(MailboxTest, TellsAProblemBehindTheStateThatCameBeforeIt) {
  EXPECT_TRUE(box.spread(logs, lines(std::string(900, 'a')), Overflow::kNewest));
  EXPECT_FALSE(box.spread(logs, lines("up"), Overflow::kNewest)) << "it finds no room";
  EXPECT_FALSE(box.put(logs, [this](Shard& to) { to.problem(logs, Error(Code::kDisconnected, "away"), true); }));
  box.drain(shard);
  EXPECT_EQ(ear.heard, std::string(900, 'a') + " up away! ");
}

TEST_F(MailboxTest, HasRoomForProblemsWhenItIsFull) {
  EXPECT_TRUE(box.spread(logs, lines(std::string(1000, 'a')), Overflow::kDrop));
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(box.put([this](Shard& to) { to.problem(logs, Error(Code::kTimeout, "late"), false); }));
  box.drain(shard);
  EXPECT_TRUE(ear.heard.ends_with(" late? late? late? "));
}

TEST_F(MailboxTest, LosesNothingBetweenThreadsButWhatItCounts) {
  constexpr int kEvents = 20'000;
  std::atomic<bool> over = false;
  std::thread producer([&] {
    for (int i = 0; i < kEvents; ++i) (void)box.spread(logs, lines(std::string(100, 'x')), Overflow::kDrop);
    over = true;
  });
  while (!over) box.drain(shard);
  producer.join();
  box.drain(shard);
  const auto delivered = static_cast<std::size_t>(std::count(ear.heard.begin(), ear.heard.end(), 'x')) / 100;
  EXPECT_EQ(delivered + box.dropped(), static_cast<std::size_t>(kEvents));
}

}  // namespace
}  // namespace pillard::fanout
