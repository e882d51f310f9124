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
