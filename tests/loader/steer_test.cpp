// Plugins that come, go and change while others use them.
#include "loader_fixture.h"

#include <thread>

namespace pillard::loader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SteerTest : public LoaderTest {
 protected:
  PluginsOptions enabled(std::vector<std::string> names) const {
    return {.directory = directory, .configuration = directory, .enabled = std::move(names)};
  }
  /// Puts another file in the place of good.so, as an installer does.
  void renew(const std::string& plugin) const {
    const auto made = place(plugin, "new");
    std::filesystem::rename(made, directory / "good.so");
  }
  /// Applies it: whose message types changed.
  std::vector<std::string> apply(Plugins& plugins, std::vector<std::string> wanted) const {
    std::vector<std::string> all;
    plugins.apply(enabled(std::move(wanted)), [&](const PluginRecord& record) { all.push_back(record.name()); });
    return all;
  }
  static PluginReport report(const Plugins& plugins, const std::string& name) {
    for (auto& one : plugins.report())
      if (one.record->name() == name) return one;
    ADD_FAILURE() << "nothing is told of " << name;
    return {};
  }
};

TEST_F(SteerTest, LeavesAloneWhatIsAsItWas) {
  place("good");
  const auto plugins = load({"good"});
  const auto type = plugins->registry().find_subscribe("subscribe_echo")->type();
  const auto version = plugins->registry().version();
  EXPECT_THAT(apply(*plugins, {"good"}), IsEmpty());
  EXPECT_TRUE(plugins->ok());
  EXPECT_EQ(plugins->registry().find_subscribe("subscribe_echo")->type(), type);
  EXPECT_EQ(plugins->registry().version(), version);
}

TEST_F(SteerTest, StartsWhatIsEnabledAndStopsWhatIsNot) {
  place("good");
  place("posts-home");
  const auto plugins = load({"good"});
  const auto* const echo = plugins->registry().find_subscribe("subscribe_echo");
  EXPECT_THAT(apply(*plugins, {"posts-home"}), ElementsAre("good", "posts-home"));
  EXPECT_EQ(echo->type(), nullptr);
  EXPECT_EQ(echo->options().event, "echo") << "who found it may still look at it";
  EXPECT_EQ(plugins->registry().find_subscribe("subscribe_echo"), nullptr);
  EXPECT_EQ(plugins->registry().find_call("ask_echo"), nullptr);
  EXPECT_EQ(plugins->registry().owner_of("echo"), nullptr);
  EXPECT_NE(plugins->registry().find_subscribe("subscribe_posts_home"), nullptr);
  EXPECT_EQ(report(*plugins, "good").state, State::kStopped);
  EXPECT_THAT(plugins->records(), SizeIs(1));
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugins 1\n"));
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_info{plugin=\"good\",version=\"1.2.3\"} 0\n"));

  EXPECT_THAT(apply(*plugins, {"good", "posts-home"}), ElementsAre("good"));
  EXPECT_NE(plugins->registry().find_subscribe("subscribe_echo")->type(), nullptr);
  EXPECT_EQ(report(*plugins, "good").state, State::kRunning);
}

TEST_F(SteerTest, PutsANewFileInThePlaceOfTheOld) {
  place("good");
  const auto plugins = load({"good"});
  const auto* const echo = plugins->registry().find_subscribe("subscribe_echo");
  auto former = echo->type();
  renew("good-again");
  EXPECT_THAT(apply(*plugins, {"good"}), ElementsAre("good"));
  ASSERT_TRUE(plugins->ok()) << plugins->errors()[0].what();
  EXPECT_EQ(plugins->registry().find_subscribe("subscribe_echo"), echo) << "to its clients it is the same";
  EXPECT_NE(echo->type(), former);
  EXPECT_EQ(echo->type()->decode("{}").key, R"({"word":"hello again","loud":false})");
  EXPECT_EQ(former->decode("{}").key, R"({"word":"hello"})") << "whoever uses it still can";
  EXPECT_EQ(plugins->registry().find_call("ask_echo"), nullptr);
  EXPECT_NE(plugins->registry().find_call("ask_again"), nullptr);
  EXPECT_EQ(report(*plugins, "good").version, "2.0.0");
  const auto figures = metrics.render();
  EXPECT_THAT(figures, HasSubstr("pillard_plugin_info{plugin=\"good\",version=\"1.2.3\"} 0\n"));
  EXPECT_THAT(figures, HasSubstr("pillard_plugin_info{plugin=\"good\",version=\"2.0.0\"} 1\n"));
}

TEST_F(SteerTest, TakesAChangedConfiguration) {
  place("good");
  const auto plugins = load({"good"});
  write("good.ini", "interval = 7\n");
  EXPECT_THAT(apply(*plugins, {"good"}), ElementsAre("good"));
  EXPECT_THAT(apply(*plugins, {"good"}), IsEmpty());
}

TEST_F(SteerTest, GoesOnWithTheOldOneWhenTheNewOneIsRefused) {
  place("good");
  const auto plugins = load({"good"});
  const auto type = plugins->registry().find_subscribe("subscribe_echo")->type();
  write("good.ini", "interval = often\n");
  EXPECT_THAT(apply(*plugins, {"good"}), IsEmpty());
  ASSERT_THAT(plugins->mistakes(), SizeIs(1));
  EXPECT_EQ(plugins->mistakes()[0].key, "interval");
  renew("wrong-stamp");
  EXPECT_THAT(apply(*plugins, {"good"}), IsEmpty());
  EXPECT_THAT(plugins->errors(), SizeIs(1));
  EXPECT_EQ(plugins->registry().find_subscribe("subscribe_echo")->type(), type);
  EXPECT_EQ(report(*plugins, "good").state, State::kRunning);
  EXPECT_EQ(report(*plugins, "good").version, "1.2.3");
  EXPECT_THAT(report(*plugins, "good").trouble, HasSubstr("was built differently"));
}

TEST_F(SteerTest, ForgetsWhatWasToReplaceItWhenThatIsTakenBack) {
  place("good");
  const auto plugins = load({"good"});
  write("good.ini", "interval = often\n");
  apply(*plugins, {"good"});
  EXPECT_THAT(report(*plugins, "good").trouble, HasSubstr("has mistakes"));
  std::filesystem::remove(directory / "good.ini");
  EXPECT_THAT(apply(*plugins, {"good"}), IsEmpty());
  EXPECT_EQ(report(*plugins, "good").trouble, "");
}

TEST_F(SteerTest, HandsNamesOverFromOnePluginToAnother) {
  place("good");
  place("taken-name");
  const auto plugins = load({"good"});
  EXPECT_THAT(apply(*plugins, {"taken-name"}), ElementsAre("good", "taken-name"));
  EXPECT_TRUE(plugins->ok());
  EXPECT_EQ(plugins->registry().owner_of("subscribe_echo")->name(), "taken-name");
}

TEST_F(SteerTest, RefusesAFileThatWasWrittenOverAfterItWasRefused) {
  const auto file = place("throws-in-setup");
  const auto plugins = load({"throws-in-setup"});
  ASSERT_THAT(plugins->errors(), SizeIs(1));
  std::ofstream(file, std::ios::app) << "more";
  apply(*plugins, {"throws-in-setup"});
  ASSERT_THAT(plugins->errors(), SizeIs(1));
  EXPECT_THAT(plugins->errors()[0].message(), HasSubstr("written over")) << "it is mapped all the same";
}

TEST_F(SteerTest, RefusesAFileThatWasWrittenOverInPlace) {
  const auto file = place("good");
  const auto plugins = load({"good"});
  std::ofstream(file, std::ios::app) << "more";  // behind all that is mapped
  EXPECT_THAT(apply(*plugins, {"good"}), IsEmpty());
  ASSERT_THAT(plugins->errors(), SizeIs(1));
  EXPECT_THAT(plugins->errors()[0].message(), HasSubstr("written over"));
}

TEST_F(SteerTest, HandsOverWhatNobodyUsesAnyMore) {
  place("good");
  std::vector<std::unique_ptr<Generation>> gone;
  Plugins plugins(enabled({"good"}), services,
                  [&](std::unique_ptr<Generation> one) { gone.push_back(std::move(one)); });
  auto used = plugins.registry().find_subscribe("subscribe_echo")->type();
  apply(plugins, {});
  EXPECT_THAT(gone, IsEmpty()) << "it is still used";
  used.reset();
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_EQ(gone[0]->record().name(), "good");
  gone.clear();
}

TEST_F(SteerTest, IsToldOfAPluginThatKeepsFailing) {
  place("good");
  std::vector<std::string> failing;
  std::vector<std::uint64_t> runs;
  services.keeps_failing = [&](const std::string& name, std::uint64_t run) {
    failing.push_back(name);
    runs.push_back(run);
  };
  services.max_failures = 3;
  const auto plugins = load({"good"});
  auto& record = *plugins->records().at(0);
  record.broke("one");
  record.broke("two");
  EXPECT_THAT(failing, IsEmpty());
  record.broke("three");
  EXPECT_THAT(failing, ElementsAre("good"));

  EXPECT_EQ(plugins->stop_failing("good", runs[0] + 1), nullptr) << "that is another run";
  EXPECT_EQ(plugins->stop_failing("good", runs[0]), &record);
  EXPECT_EQ(plugins->stop_failing("good", runs[0]), nullptr) << "it does not run any more";
  EXPECT_EQ(plugins->registry().find_subscribe("subscribe_echo")->type(), nullptr) << "its names stay known";
  EXPECT_EQ(report(*plugins, "good").state, State::kFailed);
  EXPECT_THAT(report(*plugins, "good").trouble, HasSubstr("three"));

  EXPECT_THAT(apply(*plugins, {"good"}), ElementsAre("good")) << "the operator wants it again";
  EXPECT_NE(plugins->registry().find_subscribe("subscribe_echo")->type(), nullptr);
  record.broke("four");
  EXPECT_THAT(failing, SizeIs(1)) << "it began anew";
  for (int i = 0; i < 10; ++i) record.broke("anybody's message", Counts::kNo);
  EXPECT_THAT(failing, SizeIs(1));
}

TEST_F(SteerTest, ForgetsFailuresThatAreLongPast) {
  place("good");
  int failing = 0;
  services.keeps_failing = [&](const std::string&, std::uint64_t) { ++failing; };
  services.max_failures = 2;
  services.failure_window = std::chrono::seconds(0);
  const auto plugins = load({"good"});
  auto& record = *plugins->records().at(0);
  record.broke("one");
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // any time is longer than the window
  record.broke("two");
  EXPECT_EQ(failing, 0);
}

TEST_F(SteerTest, TriesAgainWhatWasRefused) {
  const auto plugins = load({"good"});
  EXPECT_EQ(report(*plugins, "good").state, State::kRefused);
  place("good");
  EXPECT_THAT(apply(*plugins, {"good"}), ElementsAre("good"));
  EXPECT_TRUE(plugins->ok());
}

}  // namespace
}  // namespace pillard::loader
