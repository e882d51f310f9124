// `pillard --check-plugin` with the same libraries as the loader itself.
#include "cli/check_plugin.h"

#include <sstream>

#include "loader_fixture.h"

namespace pillard::loader {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CheckPluginTest : public LoaderTest {
 protected:
  int check(const std::string& name, const std::string& ini = {}) {
    out.str({});
    err.str({});
    std::filesystem::path configuration;
    if (!ini.empty()) {
      write("given.ini", ini);
      configuration = directory / "given.ini";
    }
    return cli::check_plugin({.file = directory / name, .configuration = configuration}, out, err);
  }
  std::ostringstream out;
  std::ostringstream err;
};

TEST_F(CheckPluginTest, TellsAllOfAGoodOne) {
  place("good");
  EXPECT_EQ(check("good.so"), 0);
  EXPECT_EQ(err.str(), "");
  for (const auto* step :
       {"open", "permissions", "section", "stamp", "map", "name", "create", "setup", "configuration"})
    EXPECT_THAT(out.str(), HasSubstr(std::string("  ok     ") + step)) << step;
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("good 1.2.3"), HasSubstr("stream subscribe_echo, unsubscribe_echo: publishes echo"),
                    HasSubstr("call   ")));
}

TEST_F(CheckPluginTest, TellsEachKeyAndWhetherItIsSetButNotToWhat) {
  place("good");
  EXPECT_EQ(check("good.so", "\ninterval = 00059\n"), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("interval: set in line 2"), Not(HasSubstr("00059"))));
  EXPECT_EQ(check("good.so"), 0);
  EXPECT_THAT(out.str(), HasSubstr("interval: not set; \"5\""));
}

TEST_F(CheckPluginTest, NamesAMistakeInTheConfiguration) {
  place("good");
  EXPECT_EQ(check("good.so", "wrod = x\n"), 78);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("WRONG  configuration"), HasSubstr("given.ini:1: wrod: unknown key"),
                               HasSubstr("good.so: the daemon would not load it")));
}

TEST_F(CheckPluginTest, SaysThatAConfigurationCannotBeRead) {
  place("good");
  EXPECT_EQ(cli::check_plugin({.file = directory / "good.so", .configuration = directory / "absent.ini"}, out, err),
            78);
  EXPECT_THAT(err.str(), HasSubstr("absent.ini cannot be read"));
}

TEST_F(CheckPluginTest, StopsAtTheFirstCheckOfTheFileThatFails) {
  const auto file = place("good");
  ::chmod(file.c_str(), 0666);
  EXPECT_EQ(check("good.so"), 78);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("ok     open"), Not(HasSubstr("section"))));
  EXPECT_THAT(err.str(), HasSubstr("WRONG  permissions    the file can be written by everyone (chmod o-w)"));
}

TEST_F(CheckPluginTest, NamesTheStepOfEachFailure) {
  for (const auto& [plugin, said] : {std::pair{"no-section", "WRONG  section "},
                                     {"other-abi", "WRONG  section "},
                                     {"wrong-stamp", "WRONG  stamp "},
                                     {"lacks-symbol", "WRONG  map "},
                                     {"misnamed", "WRONG  name "},
                                     {"throws-in-constructor", "WRONG  create "},
                                     {"throws-in-setup", "WRONG  setup "},
                                     {"throws-integer-in-setup", "WRONG  setup "}}) {
    place(plugin);
    EXPECT_EQ(check(std::string(plugin) + ".so"), 78) << plugin;
    EXPECT_THAT(err.str(), HasSubstr(said)) << plugin;
  }
}

TEST_F(CheckPluginTest, RefusesWhatIsNoPluginsFileName) {
  EXPECT_EQ(check("good"), 78);
  EXPECT_THAT(err.str(), HasSubstr("expected NAME.so"));
  EXPECT_EQ(check("Good.so"), 78);
  EXPECT_THAT(err.str(), HasSubstr("expected NAME.so"));
}

}  // namespace
}  // namespace pillard::loader
