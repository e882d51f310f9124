#include "transport/message_budget.h"

#include <gtest/gtest.h>

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;

class MessageBudgetTest : public testing::Test {
 protected:
  MessageBudget::Clock::time_point now{1000s};
  MessageBudget budget{10, 5};  // a second, at once
};

TEST_F(MessageBudgetTest, LetsABurstPass) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.charge(now, 10), 0s);
  EXPECT_EQ(budget.charge(now, 10), 100ms);
}

TEST_F(MessageBudgetTest, LetsOneMessagePassForEachPause) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.charge(now, 10), 0s);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(budget.charge(now, 10), 100ms);
    now += 100ms;
  }
}

TEST_F(MessageBudgetTest, IsWholeAgainAfterARest) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.charge(now, 10), 0s);
  now += 500ms;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.charge(now, 10), 0s);
  EXPECT_GT(budget.charge(now, 10), 0s);
}

TEST_F(MessageBudgetTest, CountsALongMessageAsSeveral) {
  EXPECT_EQ(budget.charge(now, 4 * MessageBudget::kBytes), 0s);
  EXPECT_EQ(budget.charge(now, 10), 100ms);
}

TEST_F(MessageBudgetTest, CallsItAFloodWhenTheClientNeverRests) {
  const auto end = now + MessageBudget::kPatience + 200ms;
  for (int i = 0; i < 5; ++i) (void)budget.charge(now, 10);
  while (now < end) {
    EXPECT_EQ(budget.flooded(now), now > end - 200ms) << (end - now).count();
    now += budget.charge(now, 10);
  }
  EXPECT_TRUE(budget.flooded(now));
}

TEST_F(MessageBudgetTest, ForgivesWhoRested) {
  for (int i = 0; i < 6; ++i) (void)budget.charge(now, 10);
  now += 5s;
  EXPECT_EQ(budget.charge(now, 10), 0s);
  now += MessageBudget::kPatience;
  EXPECT_FALSE(budget.flooded(now));
}

}  // namespace
}  // namespace pillard::transport
