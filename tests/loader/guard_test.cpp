#include "loader/guard.h"

#include "loader_fixture.h"
#include "pillard/testing/fake_host.h"

namespace pillard::loader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class GuardTest : public LoaderTest {
 protected:
  PluginRecord plugin{"node-status", services};
};

TEST_F(GuardTest, ReturnsNothingWhenAllWentWell) {
  bool ran = false;
  EXPECT_FALSE(guard(plugin, [&] { ran = true; }));
  EXPECT_TRUE(ran);
}

TEST_F(GuardTest, KeepsDetailsForTheLog) {
  const auto error = guard(plugin, [] { throw std::runtime_error("/etc/secret: line 5"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kInternal);
  EXPECT_STREQ(error->what(), "The node-status plugin failed.");
  EXPECT_THAT(lines->text, HasSubstr("/etc/secret: line 5"));
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_failures_total{plugin=\"node-status\"} 1"));
}

TEST_F(GuardTest, CatchesWhatIsNoException) {
  const auto error = guard(plugin, [] { throw 5; });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kInternal);
}

TEST_F(GuardTest, HandsOnAnErrorThatIsForClients) {
  const auto error = guard(plugin, [] { throw Error(Code::kNotFound, "No such unit."); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kNotFound);
  EXPECT_STREQ(error->what(), "No such unit.");
}

TEST_F(GuardTest, LogsTheSameFailureOnceAMinute) {
  for (int i = 0; i < 3; ++i) guard(plugin, [] { throw std::runtime_error("again and again"); });
  EXPECT_EQ(lines->text.find("again and again"), lines->text.rfind("again and again"));
}

TEST_F(GuardTest, MarksTheThreadAsThePlugins) {
  PluginRecord other("other", services);
  EXPECT_EQ(running_here().load(), nullptr);
  guard(plugin, [&] {
    EXPECT_EQ(running_here().load(), &plugin);
    guard(other, [&] {
      EXPECT_EQ(running_here().load(), &other);
      throw std::runtime_error("x");
    });
    EXPECT_EQ(running_here().load(), &plugin);
  });
  EXPECT_EQ(running_here().load(), nullptr);
}

TEST_F(GuardTest, AddsUpTheTimeOfThePlugin) {
  guard(plugin, [] {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds{100};
    while (std::chrono::steady_clock::now() < until) {
    }
  });
  const auto once = plugin.spent();
  EXPECT_GE(once, std::chrono::microseconds{100});
  guard(plugin, [] {});
  EXPECT_GE(plugin.spent(), once);
}

TEST_F(GuardTest, TellsLongCalls) {
  services.held = [this](std::string_view name, std::chrono::nanoseconds) { held.emplace_back(name); };
  services.slow = std::chrono::nanoseconds{0};
  PluginRecord slow("slow", services);
  guard(slow, [&] { guard(slow, [] {}); });
  EXPECT_THAT(held, ElementsAre("slow"));
}

void spin(std::chrono::microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

TEST_F(GuardTest, ChargesNoPluginForAnotherOne) {
  PluginRecord other("other", services);
  const auto began = std::chrono::steady_clock::now();
  guard(plugin, [&] {
    guard(plugin, [&] {  // entered again: of the same visit
      guard(other, [&] {
        spin(std::chrono::microseconds{2000});
        guard(plugin, [] { spin(std::chrono::microseconds{1000}); });
      });
    });
  });
  EXPECT_GE(other.spent(), std::chrono::microseconds{2000});
  EXPECT_GE(plugin.spent(), std::chrono::microseconds{1000});
  EXPECT_LE(plugin.spent() + other.spent(), std::chrono::steady_clock::now() - began) << "no moment counts twice";
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_calls_total{plugin=\"node-status\"} 2\n"));
}

TEST_F(GuardTest, ChargesNothingWhileNoLoopWaits) {
  { const Visit visit(plugin, Timed::kNo); }
  EXPECT_EQ(plugin.spent().count(), 0);
  EXPECT_EQ(running_here().load(), nullptr);
}

TEST_F(GuardTest, CutsMessagesThatNoAnswerCouldHold) {
  std::string message;
  for (int i = 0; i < 5000; ++i) message += "\xc3\xbc";
  const auto error = guard(plugin, [&] { throw Error(Code::kNotFound, message); });
  ASSERT_TRUE(error);
  const std::string told = error->what();
  EXPECT_LE(told.size(), 2048U);
  EXPECT_TRUE(told.ends_with("\xc3\xbc...")) << "no half character";
}

TEST_F(GuardTest, LogsABreachOnceAMinuteAndCountsAll) {
  plugin.breach("it does x");
  plugin.breach("it does x");
  EXPECT_EQ(lines->text.find("it does x"), lines->text.rfind("it does x"));
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_breaches_total{plugin=\"node-status\"} 2\n"));
}

TEST_F(GuardTest, CountsUnderThePluginsName) {
  plugin.count("lines", 2);
  plugin.count("lines", 1);
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_counts_total{plugin=\"node-status\",metric=\"lines\"} 3"));
}

TEST_F(GuardTest, CountsNoBadNamesAndNotMoreThan32) {
  plugin.count("Bad-Name", 1);
  plugin.count("", 1);
  plugin.count("down", -1);
  for (int i = 0; i < 40; ++i) plugin.count("metric_" + std::string(static_cast<std::size_t>(i) + 1, 'x'), 1);
  const auto text = metrics.render();
  EXPECT_THAT(text, Not(HasSubstr("Bad-Name")));
  EXPECT_THAT(text, HasSubstr("metric_" + std::string(32, 'x') + "\""));
  EXPECT_THAT(text, Not(HasSubstr("metric_" + std::string(33, 'x') + "\"")));
}

TEST_F(GuardTest, LogsUnderThePluginsName) {
  plugin.log(Level::kWarning, "disk almost full");
  EXPECT_THAT(lines->text, HasSubstr("disk almost full"));
  EXPECT_THAT(lines->text, HasSubstr("node-status"));
}

TEST_F(GuardTest, LogsItsTextBesideTheMessageOfTheLine) {
  observe::Log json({.json = true, .channel = lines});
  Services with_json{.log = json, .metrics = metrics};
  PluginRecord("disk", with_json).log(Level::kWarning, "almost full");
  EXPECT_THAT(lines->text, HasSubstr(R"("message":"says","plugin":"disk","text":"almost full"})"));
}

/// Exceptions of a loaded library, caught on this side of the border.
class LoadedPluginTest : public LoaderTest {
 protected:
  LoadedPluginTest() {
    place("good");
    plugin.reset(PluginFile(directory, "good").manifest().create());
    host.load(*plugin);
  }
  std::unique_ptr<Plugin> plugin;
  pillard::testing::FakeHost host;
};

TEST_F(LoadedPluginTest, RunsOnAHost) {
  auto& stream = host.subscribe("subscribe_echo", R"({"word":"hi"})");
  host.advance(Milliseconds{10});
  EXPECT_THAT(stream.events(), ElementsAre("\"hi\""));
  EXPECT_EQ(host.call("ask_echo", R"({"word":"ho"})").reply(), "\"ho\"");
  EXPECT_EQ(host.counters().at("echoes"), 1);
}

TEST_F(LoadedPluginTest, IsCaughtWhenItThrowsInAConstructorOrACallback) {
  for (const char* word : {"throw in constructor", "throw in callback", "throw an integer"}) {
    auto& stream = host.subscribe("subscribe_echo", "{\"word\":\"" + std::string(word) + "\"}");
    host.advance(Milliseconds{10});
    ASSERT_EQ(stream.problems().size(), 1U) << word;
    EXPECT_EQ(stream.problems()[0].code(), Code::kInternal);
  }
}

TEST_F(LoadedPluginTest, SharesTheTypeOfErrorsWithTheHost) {
  auto& stream = host.subscribe("subscribe_echo", R"({"word":"refuse"})");
  EXPECT_EQ(stream.problems().at(0).code(), Code::kNotFound);
  EXPECT_THROW(host.subscribe("subscribe_echo", R"({"word":5})"), Error);
}

}  // namespace
}  // namespace pillard::loader
