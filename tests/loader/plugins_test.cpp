#include "loader_fixture.h"

namespace pillard::loader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PluginsTest : public LoaderTest {};

TEST_F(PluginsTest, FindsWhatAPluginOffers) {
  place("good");
  const auto plugins = load({"good"});
  EXPECT_TRUE(plugins->ok());
  const auto& registry = plugins->registry();
  const auto* stream = registry.find_subscribe("subscribe_echo");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(registry.find_unsubscribe("unsubscribe_echo"), stream);
  EXPECT_EQ(stream->plugin().name(), "good");
  EXPECT_EQ(stream->options().event, "echo");
  ASSERT_NE(registry.find_call("ask_echo"), nullptr);
  EXPECT_THAT(registry.streams(), ElementsAre(stream));
  EXPECT_THAT(lines->text, HasSubstr("1.2.3"));
}

TEST_F(PluginsTest, FindsNothingElse) {
  place("good");
  const auto plugins = load({"good"});
  EXPECT_EQ(plugins->registry().find_subscribe("unsubscribe_echo"), nullptr);
  EXPECT_EQ(plugins->registry().find_unsubscribe("subscribe_echo"), nullptr);
  EXPECT_EQ(plugins->registry().find_call("subscribe_echo"), nullptr);
  EXPECT_EQ(plugins->registry().find_call(""), nullptr);
}

TEST_F(PluginsTest, LoadsAndStopsTwice) {
  place("good");
  for (int turn = 0; turn < 2; ++turn) {
    const auto plugins = load({"good"});
    ASSERT_TRUE(plugins->ok()) << turn;
    const auto query = plugins->registry().find_subscribe("subscribe_echo")->type()->decode(R"({"word":"x"})");
    EXPECT_EQ(query.key, R"({"word":"x"})");
  }
}

TEST_F(PluginsTest, LoadsTheSameFileTwiceAtOnce) {
  place("good");
  const auto first = load({"good"});
  const auto second = load({"good"});
  EXPECT_TRUE(first->ok());
  EXPECT_TRUE(second->ok());
}

TEST_F(PluginsTest, LoadsTheOthersWhenOneFails) {
  place("throws-in-setup");
  place("good");
  write("text.so", "no library");
  const auto plugins = load({"throws-in-setup", "absent", "text", "good"});
  EXPECT_THAT(plugins->errors(), SizeIs(3));
  EXPECT_THAT(plugins->records(), SizeIs(1));
  EXPECT_FALSE(plugins->ok());
}

TEST_F(PluginsTest, RegistersNothingOfAPluginThatThrowsInSetup) {
  place("throws-in-setup");
  EXPECT_EQ(refusal("throws-in-setup"), "setup: refused to be set up: the moon is not full");
  const auto plugins = load({"throws-in-setup"});
  EXPECT_EQ(plugins->registry().find_call("half_done"), nullptr);
  EXPECT_EQ(plugins->registry().owner_of("half_done"), nullptr);
}

TEST_F(PluginsTest, TellsWhatASetupThrowsWhateverItIs) {
  place("throws-error-in-setup");
  EXPECT_EQ(refusal("throws-error-in-setup"), "setup: refused to be set up: no disks here");
  place("throws-integer-in-setup");
  EXPECT_EQ(refusal("throws-integer-in-setup"), "setup: refused to be set up: an exception of an unknown type");
}

TEST_F(PluginsTest, ShowsWhichVersionsAreLoaded) {
  place("good");
  const auto plugins = load({"good"});
  EXPECT_THAT(metrics.render(), HasSubstr("pillard_plugin_info{plugin=\"good\",version=\"1.2.3\"} 1\n"));
}

TEST_F(PluginsTest, TellsMistakesThatASetupFoundBeforeItThrew) {
  place("throws-in-setup");
  write("throws-in-setup.ini", "first = x\nlater = 1\n");
  const auto plugins = load({"throws-in-setup"});
  ASSERT_THAT(plugins->mistakes(), SizeIs(1));
  EXPECT_EQ(plugins->mistakes()[0].key, "first");
}

TEST_F(PluginsTest, RefusesAPluginThatThrowsInItsConstructor) {
  place("throws-in-constructor");
  EXPECT_EQ(refusal("throws-in-constructor"), "create: could not be created: an exception of an unknown type");
}

TEST_F(PluginsTest, NamesTheOtherPluginThatHasTakenAName) {
  place("good");
  place("taken-name");
  const auto plugins = load({"good", "taken-name"});
  ASSERT_THAT(plugins->errors(), SizeIs(1));
  EXPECT_EQ(plugins->errors()[0].message(),
            "refused to be set up: the name \"subscribe_echo\" is taken by the plugin good");
  EXPECT_EQ(plugins->registry().find_call("own_name"), nullptr);
  EXPECT_NE(plugins->registry().find_subscribe("subscribe_echo"), nullptr);
}

TEST_F(PluginsTest, RefusesNamesThatNoMessageTypeMayHave) {
  place("bad-name");
  EXPECT_THAT(refusal("bad-name"), HasSubstr("got \"Ask-Me\""));
}

TEST_F(PluginsTest, RefusesAPluginThatIsEnabledTwice) {
  place("good");
  const auto plugins = load({"good", "good"});
  ASSERT_THAT(plugins->errors(), SizeIs(1));
  EXPECT_EQ(plugins->errors()[0].message(), "is enabled twice");
}

TEST_F(PluginsTest, TellsEveryMistakeOfAConfiguration) {
  place("good");
  write("good.ini", "intervall = 5\ninterval = 90\n");
  const auto plugins = load({"good"});
  const auto file = (directory / "good.ini").string();
  ASSERT_THAT(plugins->mistakes(), SizeIs(2));
  EXPECT_EQ(plugins->mistakes()[0].text(), file + ":2: interval: expected an integer from 1 to 60, got \"90\"");
  EXPECT_EQ(plugins->mistakes()[1].text(), file + ":1: intervall: unknown key");
  EXPECT_EQ(plugins->registry().find_call("ask_echo"), nullptr);
  ASSERT_THAT(plugins->errors(), SizeIs(1));
  EXPECT_EQ(plugins->errors()[0].step(), "configuration");
}

TEST_F(PluginsTest, RefusesAConfigurationThatCannotBeRead) {
  place("good");
  std::filesystem::create_directory(directory / "good.ini");
  EXPECT_THAT(refusal("good"), HasSubstr("cannot be read"));
}

TEST_F(PluginsTest, RefusesAConfigurationThatIsTooLarge) {
  place("good");
  write("good.ini", std::string(2 * 1024 * 1024, '#'));
  const auto plugins = load({"good"});
  ASSERT_THAT(plugins->mistakes(), SizeIs(1));
  EXPECT_THAT(plugins->mistakes()[0].message, HasSubstr("larger than 1 MiB"));
}

TEST_F(PluginsTest, LoadsNothingWhenNothingIsEnabled) {
  const auto plugins = load({});
  EXPECT_TRUE(plugins->ok());
  EXPECT_THAT(plugins->records(), IsEmpty());
}

}  // namespace
}  // namespace pillard::loader
