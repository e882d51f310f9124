#include "observe/watchdog.h"

#include <Poco/Message.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <future>

namespace pillard::observe {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Lines final : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override { seen.push_back(message.getText()); }
  std::vector<std::string> seen;
};

/// A watchdog over one event loop, in virtual time.
class WatchdogTest : public testing::Test {
 protected:
  std::vector<WatchedLane> lanes() {
    std::vector<WatchedLane> all;
    all.push_back({"reactor-0", [this] { return busy_since_; }, [] { return std::string("disk"); }});
    return all;
  }
  void begin_turn() { busy_since_ = now_; }
  void end_turn() { busy_since_ = 0; }
  /// Looks every 250 ms until `duration` is over.
  void pass(std::chrono::nanoseconds duration) {
    for (const auto end = now_ + duration.count(); now_ < end;) {
      now_ += std::chrono::nanoseconds(250ms).count();
      watchdog_.look(now_);
    }
  }

  std::int64_t now_ = 1'000'000'000;
  std::int64_t busy_since_ = 0;
  Poco::AutoPtr<Lines> lines_{new Lines};
  Log log_{{.level = Level::kInfo, .json = false, .channel = lines_}};
  Metrics metrics_;
  std::vector<std::string> fatal_;
  Watchdog watchdog_{{}, log_, metrics_, lanes(), [this](const std::string& lane, const std::string& who) {
                       fatal_.push_back(lane + " " + who);
                     }};
};

TEST_F(WatchdogTest, IsSilentWhileLoopsSleep) {
  pass(60s);
  EXPECT_TRUE(watchdog_.status().ok);
  EXPECT_THAT(lines_->seen, IsEmpty());
}

TEST_F(WatchdogTest, IsSilentWhileLoopsAreBusyWithShortTurns) {
  for (int i = 0; i < 100; ++i) {
    begin_turn();
    pass(250ms);
  }
  EXPECT_TRUE(watchdog_.status().ok);
  EXPECT_THAT(lines_->seen, IsEmpty());
}

TEST_F(WatchdogTest, NamesThePluginOfATurnThatDoesNotComeBackOnce) {
  begin_turn();
  pass(1500ms);
  EXPECT_THAT(lines_->seen, ElementsAre(AllOf(HasSubstr("does not come back"), HasSubstr("lane=reactor-0"),
                                              HasSubstr("plugin=disk"), HasSubstr("ms=500"))));
  EXPECT_THAT(metrics_.render(), HasSubstr("pillard_reactor_stuck_turns_total{reactor=\"reactor-0\"} 1\n"));
  EXPECT_TRUE(watchdog_.status().ok);
}

TEST_F(WatchdogTest, FailsItsCheckAfterTwoSeconds) {
  begin_turn();
  pass(2s);
  EXPECT_FALSE(watchdog_.status().ok);
  EXPECT_EQ(watchdog_.status().detail, "reactor-0 does not come back");
}

TEST_F(WatchdogTest, TellsThatALoopIsBack) {
  begin_turn();
  pass(3s);
  end_turn();
  pass(250ms);
  EXPECT_TRUE(watchdog_.status().ok);
  EXPECT_THAT(lines_->seen.back(), AllOf(HasSubstr("is back"), HasSubstr("ms=3000")));
}

TEST_F(WatchdogTest, GivesUpOnceAfterHalfAMinute) {
  begin_turn();
  pass(29s);
  EXPECT_THAT(fatal_, IsEmpty());
  pass(10s);
  EXPECT_THAT(fatal_, ElementsAre("reactor-0 disk"));
}

TEST(Watchdog, EndsTheProcessEvenIfItsLastLineHangs) {
  class Timed final : public Poco::Channel {
   public:
    void log(const Poco::Message& message) override {
      if (message.getText().find("is lost") != std::string::npos) ::alarm(left = ::alarm(0));
    }
    unsigned left = 0;
  };
  const Poco::AutoPtr<Timed> channel(new Timed);
  Log log({.level = Level::kError, .json = false, .channel = channel});
  Metrics metrics;
  std::vector<WatchedLane> lanes;
  lanes.push_back({"reactor-0", [] { return std::int64_t{1}; }, [] { return std::string(); }});
  Watchdog watchdog({.fatal_after = 500ms}, log, metrics, std::move(lanes), [](const auto&, const auto&) {});
  for (int i = 1; i < 4; ++i) watchdog.look(i * std::chrono::nanoseconds(250ms).count());
  EXPECT_GT(channel->left, 0U);
  EXPECT_EQ(::alarm(0), 0U) << "whoever comes back from it goes on";
}

TEST_F(WatchdogTest, DoesNotCountTimeInWhichTheProcessWasStopped) {
  pass(250ms);
  begin_turn();
  pass(250ms);
  now_ += std::chrono::nanoseconds(1h).count();
  watchdog_.look(now_);
  EXPECT_TRUE(watchdog_.status().ok);
  EXPECT_THAT(fatal_, IsEmpty());
}

TEST_F(WatchdogTest, LogsACallThatHeldItsLoopAndHoldsBackRepeats) {
  watchdog_.held("disk", 21ms);
  watchdog_.held("disk", 30ms);
  watchdog_.held("other", 40ms);
  EXPECT_THAT(lines_->seen,
              ElementsAre(AllOf(HasSubstr("plugin=disk"), HasSubstr("ms=21")), HasSubstr("plugin=other")));
}

TEST(WatchdogOptions, LookOftenEnoughForShortTimes) {
  const auto usual = watchdog_options(20ms, 2000ms, 30000ms);
  EXPECT_EQ(usual.period, 250ms);
  EXPECT_EQ(usual.stuck_after, 500ms);
  const auto strict = watchdog_options(5ms, 200ms, 400ms);
  EXPECT_EQ(strict.period, 50ms);
  EXPECT_EQ(strict.stuck_after, 200ms);
  EXPECT_EQ(watchdog_options(5ms, 1ms, 1ms).period, 10ms);
}

TEST_F(WatchdogTest, NeverGivesUpWhenItIsToldSo) {
  int ended = 0;
  std::vector<WatchedLane> one;
  one.push_back({"reactor-0", [] { return std::int64_t{1}; }, [] { return std::string(); }});
  Watchdog patient({.fatal_after = 0ms}, log_, metrics_, std::move(one),
                   [&](const std::string&, const std::string&) { ++ended; });
  for (int i = 1; i < 1000; ++i) patient.look(i * std::chrono::nanoseconds(250ms).count());
  EXPECT_EQ(ended, 0);
  EXPECT_FALSE(patient.status().ok);
}

TEST_F(WatchdogTest, IgnoresShortCalls) {
  watchdog_.held("disk", 19ms);
  EXPECT_THAT(lines_->seen, IsEmpty());
}

TEST_F(WatchdogTest, StopsAtOnceAndStartsAgain) {
  watchdog_.start();
  watchdog_.start();
  watchdog_.stop();
  watchdog_.stop();
  watchdog_.start();
}

TEST(Watchdog, LooksByItself) {
  Log log({.level = Level::kError, .json = false, .channel = new Lines});
  Metrics metrics;
  std::promise<void> looked;
  std::vector<WatchedLane> lanes;
  lanes.push_back({"reactor-0",
                   [&looked, told = false]() mutable {
                     if (!std::exchange(told, true)) looked.set_value();
                     return std::int64_t{0};
                   },
                   [] { return std::string(); }});
  Watchdog watchdog({.period = 1ms}, log, metrics, std::move(lanes), [](const std::string&, const std::string&) {});
  watchdog.start();
  EXPECT_EQ(looked.get_future().wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace pillard::observe
