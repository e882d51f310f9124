#include "transport/valve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pillard::transport {
namespace {

using fanout::Batch;
using fanout::SharedBatch;
using testing::ElementsAre;
using testing::IsEmpty;

/// One frame for each text; "abc*3" carries three events.
SharedBatch batch(const std::vector<std::string>& frames) {
  Batch made;
  for (const auto& frame : frames) {
    const auto star = frame.find('*');
    made.bytes += frame.substr(0, star);
    made.ends.push_back(static_cast<std::uint32_t>(made.bytes.size()));
    made.events.push_back(star == std::string::npos ? 1
                                                    : static_cast<std::uint32_t>(std::stoul(frame.substr(star + 1))));
  }
  return std::make_shared<const Batch>(std::move(made));
}

class ValveTest : public testing::Test, protected Valve::Outlet {
 protected:
  void pass(SharedBatch batch) override {
    for (std::size_t i = 0; i < batch->size(); ++i)
      out.push_back(batch->bytes.substr(batch->begin_of(i), batch->end_of(i) - batch->begin_of(i)));
    last = batch;
    if (refunds) refunds->refund(1);
  }
  void tell_gap(std::uint64_t dropped) override { out.push_back("gap " + std::to_string(dropped)); }
  void offer(Valve& valve, const std::vector<std::string>& frames, std::size_t most = 1000) {
    valve.offer(batch(frames), most, *this);
  }
  std::vector<std::string> taken() { return std::exchange(out, {}); }
  std::vector<std::string> out;
  SharedBatch last;
  Valve* refunds = nullptr;                  // has back what it passes
  static constexpr std::size_t kHeld = 128;  // beside the bytes of a batch
};

TEST_F(ValveTest, PassesWhatThereIsCreditFor) {
  Valve valve(Overflow::kDrop, 3);
  offer(valve, {"a", "b"});
  offer(valve, {"c", "d", "e"});
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));
  valve.grant(1, *this);
  EXPECT_THAT(taken(), ElementsAre("d"));
  valve.grant(10, *this);
  EXPECT_THAT(taken(), ElementsAre("e"));
  EXPECT_EQ(valve.credit(), 9);
  EXPECT_EQ(valve.held_cost(), 0U);
}

TEST_F(ValveTest, SharesTheBatchThatItPassesWhole) {
  Valve valve(Overflow::kDrop, 10);
  const auto whole = batch({"a", "b*4"});
  valve.offer(whole, 1000, *this);
  EXPECT_EQ(last, whole);
  EXPECT_EQ(valve.credit(), 5);
}

TEST_F(ValveTest, SendsAFrameWholeAndHasTheDebtMadeUp) {
  Valve valve(Overflow::kDrop, 1);
  offer(valve, {"a*5", "b"});
  EXPECT_THAT(taken(), ElementsAre("a"));
  EXPECT_EQ(valve.credit(), -4);
  valve.grant(4, *this);
  EXPECT_THAT(taken(), IsEmpty());
  valve.grant(1, *this);
  EXPECT_THAT(taken(), ElementsAre("b"));
}

TEST_F(ValveTest, HoldsTheNewestOfAState) {
  Valve valve(Overflow::kNewest, 0);
  offer(valve, {"old"}, 0);
  offer(valve, {"new"}, 0);
  valve.gap(5, *this);
  valve.grant(5, *this);
  EXPECT_THAT(taken(), ElementsAre("new"));
  EXPECT_EQ(valve.credit(), 4);
}

TEST_F(ValveTest, HasTheNewestOfManyStatesTakeTheCredit) {
  Valve valve(Overflow::kNewest, 0);
  offer(valve, {"oldest", "older", "newest"});
  EXPECT_EQ(valve.held_cost(), kHeld + 6);
  valve.grant(1, *this);
  EXPECT_THAT(taken(), ElementsAre("newest"));
  valve.grant(2, *this);
  offer(valve, {"a", "b", "c", "d"});
  EXPECT_THAT(taken(), ElementsAre("c", "d"));
  EXPECT_EQ(valve.credit(), 0);
  EXPECT_EQ(valve.held_cost(), 0U) << "older ones are worth nothing";
  valve.grant(1, *this);
  offer(valve, {"e*5"});
  EXPECT_THAT(taken(), ElementsAre("e"));
}

TEST_F(ValveTest, TakesBackTheCreditOfWhatNeverReachedTheClient) {
  Valve valve(Overflow::kDrop, 2);
  offer(valve, {"a", "b", "c"});
  EXPECT_THAT(taken(), ElementsAre("a", "b"));
  valve.refund(1);
  EXPECT_EQ(valve.credit(), 1);
  EXPECT_THAT(taken(), IsEmpty()) << "not from inside";
  valve.grant(0, *this);
  EXPECT_THAT(taken(), ElementsAre("c"));
  valve.refund(std::uint64_t{1} << 63);
  valve.refund(std::uint64_t{1} << 63);
  EXPECT_EQ(valve.credit(), std::int64_t{1} << 53);
}

TEST_F(ValveTest, GoesOnWithCreditThatComesBackWhileItPasses) {
  Valve valve(Overflow::kDrop, 1);
  refunds = &valve;
  offer(valve, {"a"});
  offer(valve, {"b"});
  EXPECT_THAT(taken(), ElementsAre("a", "b"));
  EXPECT_EQ(valve.credit(), 1);
}

TEST_F(ValveTest, HoldsLessWhenOthersNeedRoom) {
  Valve lines(Overflow::kDrop, 0);
  offer(lines, {"aaaa"});
  offer(lines, {"bbbb"});
  EXPECT_EQ(lines.held_cost(), 2 * (kHeld + 4));
  lines.hold(kHeld + 4);
  EXPECT_EQ(lines.held_cost(), kHeld + 4);
  lines.grant(9, *this);
  EXPECT_THAT(taken(), ElementsAre("gap 1", "bbbb"));
  Valve state(Overflow::kNewest, 0);
  offer(state, {"up"});
  state.hold(0);
  state.grant(1, *this);
  EXPECT_THAT(taken(), ElementsAre("up"));
}

TEST_F(ValveTest, CountsWhatABatchCostsBesideItsBytes) {
  Valve valve(Overflow::kDrop, 0);
  for (int i = 0; i < 1000; ++i) offer(valve, {"x"}, 10 * (kHeld + 1));
  EXPECT_EQ(valve.held_cost(), 10 * (kHeld + 1));
  valve.grant(100, *this);
  EXPECT_EQ(taken().size(), 11U);
}

TEST_F(ValveTest, DropsTheOldestLinesAndTellsHowManyInTheirPlace) {
  Valve valve(Overflow::kDrop, 0);
  offer(valve, {"aaaa*2", "bbbb*3"}, kHeld + 10);
  offer(valve, {"cccc", "dddd"}, kHeld + 10);
  EXPECT_LE(valve.held_cost(), kHeld + 10);
  valve.grant(100, *this);
  EXPECT_THAT(taken(), ElementsAre("gap 5", "cccc", "dddd"));
}

TEST_F(ValveTest, NeverHoldsMoreThanItMay) {
  Valve valve(Overflow::kDrop, 0);
  for (int i = 0; i < 1000; ++i) {
    offer(valve, {"aaaa", "bbbb", "cccc"}, kHeld + 25);
    EXPECT_LE(valve.held_cost(), kHeld + 25);
  }
  offer(valve, {std::string(26, 'x') + "*7"}, kHeld + 25);
  EXPECT_EQ(valve.held_cost(), 0U);
  valve.grant(1, *this);
  EXPECT_THAT(taken(), ElementsAre("gap 3007"));
}

TEST_F(ValveTest, TellsAGapFromElsewhereWhereItWas) {
  Valve valve(Overflow::kDrop, 0);
  offer(valve, {"a"});
  valve.gap(2, *this);
  valve.gap(3, *this);
  offer(valve, {"b"});
  EXPECT_THAT(taken(), IsEmpty());
  valve.grant(100, *this);
  EXPECT_THAT(taken(), ElementsAre("a", "gap 5", "b"));
  valve.gap(1, *this);
  EXPECT_THAT(taken(), ElementsAre("gap 1")) << "there is credit";
}

TEST_F(ValveTest, AddsUpGapsWhatIsBetweenThemWasDropped) {
  Valve valve(Overflow::kDrop, 0);
  offer(valve, {"aaaa"}, kHeld + 8);
  valve.gap(2, *this);
  offer(valve, {"bbbb", "cccc"}, kHeld + 8);
  valve.grant(100, *this);
  EXPECT_THAT(taken(), ElementsAre("gap 3", "bbbb", "cccc"));
}

TEST_F(ValveTest, LetsAllGoAtTheEnd) {
  Valve valve(Overflow::kDrop, 0);
  offer(valve, {"a", "b"});
  valve.open(*this);
  EXPECT_THAT(taken(), ElementsAre("a", "b"));
}

TEST_F(ValveTest, KeepsCreditWithinWhatAClientCanCount) {
  Valve valve(Overflow::kDrop, 0);
  for (int i = 0; i < 100; ++i) valve.grant(std::int64_t{1} << 52, *this);
  EXPECT_EQ(valve.credit(), std::int64_t{1} << 53);
}

}  // namespace
}  // namespace pillard::transport
