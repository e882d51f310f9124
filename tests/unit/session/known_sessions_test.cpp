#include "session/known_sessions.h"

#include <gtest/gtest.h>

namespace pillard::session {
namespace {

using namespace std::chrono_literals;

class KnownSessionsTest : public ::testing::Test {
 protected:
  static SessionPtr session(const std::string& token, std::int64_t accessed = 0) {
    return std::make_shared<const Session>(Session{.id = token, .credential = {}, .last_accessed_ms = accessed});
  }
  const KnownSessions::Clock::time_point start_{1000h};
  KnownSessions known_{{.ttl = 100s, .max = 2}};
};

TEST_F(KnownSessionsTest, FindsWhatItKept) {
  known_.keep(session("a"), start_);
  ASSERT_TRUE(known_.find("a", start_));
  EXPECT_EQ(known_.find("a", start_)->id, "a");
  EXPECT_FALSE(known_.find("b", start_));
}
TEST_F(KnownSessionsTest, KeepsTheNewerOne) {
  known_.keep(session("a", 1), start_);
  known_.keep(session("a", 2), start_);
  EXPECT_EQ(known_.find("a", start_)->last_accessed_ms, 2);
  EXPECT_EQ(known_.size(), 1U);
}
TEST_F(KnownSessionsTest, ForgetsAfterItsTime) {
  known_.keep(session("a"), start_);
  EXPECT_TRUE(known_.find("a", start_ + 99s));
  EXPECT_FALSE(known_.find("a", start_ + 100s));
}
TEST_F(KnownSessionsTest, RenewsByATouch) {
  known_.keep(session("a"), start_);
  known_.touch("a", start_ + 99s);
  EXPECT_TRUE(known_.find("a", start_ + 198s));
}
TEST_F(KnownSessionsTest, DoesNotReviveByATouch) {
  known_.keep(session("a"), start_);
  known_.touch("a", start_ + 100s);
  known_.touch("b", start_);
  EXPECT_FALSE(known_.find("a", start_ + 100s));
  EXPECT_FALSE(known_.find("b", start_));
}
TEST_F(KnownSessionsTest, ForgetsWhatItIsTold) {
  known_.keep(session("a"), start_);
  known_.forget("a");
  known_.forget("b");
  EXPECT_FALSE(known_.find("a", start_));
  EXPECT_EQ(known_.size(), 0U);
}
TEST_F(KnownSessionsTest, PushesOutTheOneThatWasUsedLongestAgo) {
  known_.keep(session("a"), start_);
  known_.keep(session("b"), start_);
  known_.touch("a", start_ + 1s);
  known_.keep(session("c"), start_ + 2s);
  EXPECT_TRUE(known_.find("a", start_ + 2s));
  EXPECT_FALSE(known_.find("b", start_ + 2s));
  EXPECT_TRUE(known_.find("c", start_ + 2s));
}
TEST_F(KnownSessionsTest, LetsGoOfWhatIsOver) {
  const auto one = session("a");
  known_.keep(one, start_);
  known_.keep(session("b"), start_ + 50s);
  known_.sweep(start_ + 100s);
  EXPECT_EQ(known_.size(), 1U);
  EXPECT_EQ(one.use_count(), 1) << "nothing holds its password any more";
}

TEST_F(KnownSessionsTest, GoesThroughAllInACircle) {
  KnownSessions many({.ttl = 100s, .max = 10});
  EXPECT_TRUE(many.next(2).empty());
  for (const auto* token : {"c", "a", "b"}) many.keep(session(token), start_);
  using Tokens = std::vector<std::string>;
  EXPECT_EQ(many.next(2), (Tokens{"a", "b"}));
  EXPECT_EQ(many.next(2), (Tokens{"c", "a"}));
  many.forget("a");
  EXPECT_EQ(many.next(64), (Tokens{"b", "c"})) << "none comes twice";
}

}  // namespace
}  // namespace pillard::session
