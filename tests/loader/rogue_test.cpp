// Sources that misbehave: what their subscribers are told, what the operator reads, and that the loop lives on.
#include "loader/last_words.h"
#include "stage.h"

namespace pillard::loader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Rogues that end by themselves, and all words about them.
struct Words {
  const char* plugin;
  std::vector<std::string> told;    // to subscribers: events and problems
  std::vector<std::string> logged;  // parts of the log
};
void PrintTo(const Words& words, std::ostream* out) { *out << words.plugin; }

class RogueWords : public RogueTest, public testing::WithParamInterface<Words> {};

TEST_P(RogueWords, AreTheseAndTheLoopLivesOn) {
  const auto& words = GetParam();
  start(words.plugin);
  EXPECT_EQ(stage->wait(words.told.size()), words.told);
  on_lane([] {});
  stop();
  for (const auto& part : words.logged) EXPECT_THAT(lines->text, HasSubstr(part));
  if (!words.logged.empty()) return;
  EXPECT_THAT(lines->text, Not(HasSubstr("error plugin:")));
}

std::string failed(const std::string& plugin) { return "The " + plugin + " plugin failed."; }
std::string left(const std::string& plugin, const std::string& what) {
  return "error plugin: an exception left the plugin plugin=" + plugin + " what=" + what;
}
std::string breach(const std::string& plugin, const std::string& what) {
  return "error plugin: the plugin does what its contract forbids plugin=" + plugin + " what=\"" + what + "\"";
}

INSTANTIATE_TEST_SUITE_P(
    Loader, RogueWords,
    testing::Values(
        Words{"throws-in-source",
              {failed("throws-in-source")},
              {left("throws-in-source", "\"/dev/secret: no such disk\"")}},
        Words{"throws-in-timer",
              {failed("throws-in-timer")},
              {left("throws-in-timer", "\"an exception of an unknown type\"")}},
        Words{"throws-in-callback",
              {failed("throws-in-callback")},
              {left("throws-in-callback", "vector::_M_range_check")}},
        Words{"throws-in-destructor", {"\"running\""}, {left("throws-in-destructor", "\"cannot say goodbye\"")}},
        Words{"keeps-handle",
              {"\"kept\""},
              {breach("keeps-handle", "it keeps Handles past the end of the stream or call that made them")}},
        Words{"leaks-timers",
              {"The leaks-timers plugin has too many timers at once."},
              {breach("leaks-timers", "a stream or call of it has more than 1000 timers at once")}},
        Words{"leaks-commands",
              {"\"The leaks-commands plugin has too many commands at once. 100\""},
              {breach("leaks-commands", "a stream or call of it has more than 100 commands at once")}},
        Words{"invalid-json",
              {R"({"fine":true})", failed("invalid-json")},
              {left("invalid-json", R"("published what is no JSON: {\"half\":")")}},
        Words{"huge-event",
              {failed("huge-event")},
              {left("huge-event", "\"published 9000002 bytes at once; 8388608 are the most\"")}},
        Words{"busy-destructor", {"\"begins\""}, {}},
        Words{"fails-twice", {"the first"}, {left("fails-twice", "\"the third\"")}},
        Words{"long-delays", {"\"at once\""}, {}}),
    [](const auto& of) {
      std::string name = of.param.plugin;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST_F(RogueTest, ThatFailsTwiceIsToldOnce) {
  start("fails-twice");
  on_lane([] {});
  on_lane([] {});
  EXPECT_THAT(stage->wait(1), ElementsAre("the first"));
}

TEST_F(RogueTest, ThatThrowsInItsDestructorIsGoneAllTheSame) {
  start("throws-in-destructor");
  stage->wait(1);
  end_source();
  stop();
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_failures_total{plugin=\"throws-in-destructor\"} 1\n"));
}

TEST_F(RogueTest, ThatKeepsAHandleIsNotCalledBack) {
  start("keeps-handle");
  on_lane([] {});
  on_lane([] {});  // the turn before this one has been counted
  const auto armed = reactor().load().timers;
  end_source();
  on_lane([] {});
  on_lane([] {});
  EXPECT_EQ(reactor().load().timers, armed - 1) << "what would have called an object that is gone";
}

TEST_F(RogueTest, ThatWorksInItsDestructorStartsNothing) {
  start("busy-destructor");
  end_source();
  EXPECT_THAT(stage->wait(1), ElementsAre("\"begins\""));
}

TEST_F(RogueTest, ThatGoesOnForEverLeavesTurnsToOthers) {
  start("re-enters");
  const auto seen = stage->wait(50);
  ASSERT_GE(seen.size(), 50U);
  for (int i = 0; i < 10; ++i) on_lane([] {});
  end_source();
  on_lane([] {});
}

TEST_F(RogueTest, ThatSleepsIsNamedAndCounted) {
  start("sleeps");
  EXPECT_EQ(stage->wait(2).size(), 2U);
  stop();
  ASSERT_GE(held.size(), 2U);
  EXPECT_EQ(held[0], "sleeps too long");
  const auto text = metrics.render();
  EXPECT_THAT(text, Not(HasSubstr("pillard_plugin_slow_calls_total{plugin=\"sleeps\"} 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("pillard_plugin_seconds_total{plugin=\"sleeps\"} 0\n")));
}

TEST_F(RogueTest, WhoseParamsThrowIsAnsweredAsAFailure) {
  place("throws-in-check");
  plugins = load({"throws-in-check"});
  const auto& entry = *plugins->registry().streams().at(0);
  const auto error = guard(entry.plugin(), [&] { entry.type()->decode({}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kInternal);
  EXPECT_THAT(lines->text, HasSubstr(left("throws-in-check", "\"a check that breaks\"")));
}

TEST_F(RogueTest, ThatThrowsAtItsOwnEndIsLogged) {
  place("throws-at-its-end");
  plugins = load({"throws-at-its-end"});
  EXPECT_TRUE(plugins->ok());
  stop();
  EXPECT_THAT(lines->text, HasSubstr(left("throws-at-its-end", "\"not without my Sources\"")));
}

TEST_F(RogueTest, IsNoneThatPostsHomeFromItsThreadWhileItsSourcesComeAndGo) {
  start("posts-home");
  EXPECT_GE(stage->wait(20).size(), 20U);
  end_source();
  const auto seen = stage->wait(0, 0ms).size();
  for (int i = 0; i < 20; ++i) on_lane([] {});
  EXPECT_EQ(stage->wait(0, 0ms).size(), seen) << "what comes after the end of the Source is destroyed unrun";
  stop();
  EXPECT_THAT(lines->text, Not(HasSubstr("error plugin:")));
}

class RogueDeathTest : public RogueTest {
 protected:
  RogueDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  observe::Log to_stderr{{.level = Level::kError}};
};

TEST_F(RogueDeathTest, CallsFromAnotherThread) {
#ifdef NDEBUG
  start("foreign-thread");
  EXPECT_THAT(stage->wait(1), ElementsAre("\"has no effect\""));
  stop();
  for (const auto* what : {"publish() or reply()", "after()", "exec()"})
    EXPECT_THAT(lines->text, HasSubstr(breach("foreign-thread", std::string("it calls ") + what +
                                                                    " from another thread; Lane::post() is the way")));
#else
  EXPECT_DEATH(start("foreign-thread"), "a plugin calls its Context from another thread; Lane::post\\(\\) is the way");
#endif
}

TEST_F(RogueDeathTest, LetsAnExceptionLeaveItsOwnThread) {
  EXPECT_DEATH(
      {
        const LastWords last_words(to_stderr);
        start("throws-in-thread");
      },
      "error daemon: an exception ends this process; nothing can catch it where it was thrown plugin=- "
      ".*what=\"the queue is empty\"");
}

TEST_F(RogueDeathTest, ThrowsWhileItIsMapped) {
  place("throws-while-mapped");
  EXPECT_DEATH(
      {
        const LastWords last_words(to_stderr);
        load({"throws-while-mapped"});
      },
      "an exception ends this process; .* plugin=throws-while-mapped .*what=\"no licence found\"");
}

}  // namespace
}  // namespace pillard::loader
