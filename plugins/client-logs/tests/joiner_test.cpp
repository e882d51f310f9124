#include "joiner.h"

#include <gmock/gmock.h>

#include <utility>

namespace client_logs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Entry entry(const std::string& stream, std::string message, bool is_part, const std::string& cursor = "c") {
  Entry made;
  made.stream = stream;
  made.message = std::move(message);
  made.has_message = true;
  made.is_part = is_part;
  made.cursor = cursor;
  return made;
}

std::vector<std::string> texts(const std::vector<Entry>& entries) {
  std::vector<std::string> all;
  all.reserve(entries.size());
  for (const auto& one : entries) all.push_back(one.message);
  return all;
}

TEST(Joiner, JoinsThePartsOfALine) {
  Joiner joiner;
  EXPECT_THAT(joiner.add(entry("a", "one ", true), 0), IsEmpty());
  EXPECT_THAT(joiner.add(entry("a", "two ", true), 0), IsEmpty());
  EXPECT_THAT(texts(joiner.add(entry("a", "three", false), 0)), ElementsAre("one two three"));
  EXPECT_FALSE(joiner.holding());
}

TEST(Joiner, GivesALineTheTimeOfItsFirstPartAndTheCursorOfItsLast) {
  Joiner joiner;
  auto first = entry("a", "one ", true, "c1");
  first.realtime = 1000;
  first.priority = 3;
  joiner.add(first, 0);
  auto last = entry("a", "two", false, "c2");
  last.realtime = 2000;
  const auto line = joiner.add(last, 0).at(0);
  EXPECT_EQ(line.realtime, 1000U);
  EXPECT_EQ(line.priority, 3);
  EXPECT_EQ(line.cursor, "c2");
}

TEST(Joiner, PassesOnWhatOthersSayMeanwhile) {
  Joiner joiner;
  joiner.add(entry("a", "one ", true), 0);
  EXPECT_THAT(texts(joiner.add(entry("", "Stopping", false), 0)), ElementsAre("Stopping"));
  EXPECT_THAT(joiner.add(entry("b", "other ", true), 0), IsEmpty());
  EXPECT_THAT(texts(joiner.add(entry("a", "two", false), 0)), ElementsAre("one two"));
  EXPECT_THAT(texts(joiner.add(entry("b", "line", false), 0)), ElementsAre("other line"));
}

TEST(Joiner, NeedsNotToSeeWholeLinesWhileNothingWaits) {
  Joiner joiner;
  EXPECT_TRUE(joiner.passes(entry("a", "line", false)));
  EXPECT_FALSE(joiner.passes(entry("a", "part", true)));
  joiner.add(entry("a", "part", true), 0);
  EXPECT_FALSE(joiner.passes(entry("a", "line", false)));
}

TEST(Joiner, BeginsANewLineBehindAMebibyte) {
  Joiner joiner;
  joiner.add(entry("a", std::string(kMaxLine - 1, 'x'), true), 0);
  EXPECT_THAT(texts(joiner.add(entry("a", "yy", true), 0)), ElementsAre(std::string(kMaxLine - 1, 'x')));
  EXPECT_THAT(texts(joiner.add(entry("a", "z", false), 0)), ElementsAre("yyz"));
}

TEST(Joiner, HandsOverBothWhenTheLastPartDoesNotFit) {
  Joiner joiner;
  joiner.add(entry("a", std::string(kMaxLine, 'x'), true), 0);
  EXPECT_THAT(texts(joiner.add(entry("a", "y", false), 0)), ElementsAre(std::string(kMaxLine, 'x'), "y"));
  EXPECT_FALSE(joiner.holding());
}

TEST(Joiner, HoldsEightLinesAndLetsTheOldestGo) {
  Joiner joiner;
  for (char stream = 'a'; stream < 'i'; ++stream)
    EXPECT_THAT(joiner.add(entry({stream}, {stream}, true), 0), IsEmpty());
  EXPECT_THAT(texts(joiner.add(entry("i", "i", true), 0)), ElementsAre("a"));
}

TEST(Joiner, FlushesOnlyWhatHasWaitedLongEnough) {
  Joiner joiner;
  joiner.add(entry("a", "old", true), 1000);
  joiner.add(entry("b", "new", true), 2000);
  EXPECT_THAT(texts(joiner.flush(1500)), ElementsAre("old"));
  EXPECT_TRUE(joiner.holding());
  EXPECT_THAT(texts(joiner.flush(2000)), ElementsAre("new"));
  EXPECT_FALSE(joiner.holding());
}

}  // namespace
}  // namespace client_logs
