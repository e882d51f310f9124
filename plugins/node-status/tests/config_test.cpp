#include <gmock/gmock.h>

#include "node_status.h"
#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace node_status {
namespace {

using pillard::testing::new_plugin;
using pillard::testing::read_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> mistakes(std::string_view ini) {
  const pillard::Config config("node-status.ini", ini);
  read_settings(config);
  std::vector<std::string> texts;
  for (const auto& mistake : config.mistakes()) texts.push_back(mistake.text());
  return texts;
}

TEST(Configuration, LoadsTheSampleWithoutAMistake) {
  pillard::testing::FakeHost host;
  host.load(new_plugin(), read_file("sample.ini"));
  EXPECT_THAT(host.mistakes(), IsEmpty());
}

TEST(Configuration, HasTheDefaultsOfTheSample) {
  const auto sample = read_settings(pillard::Config("sample.ini", read_file("sample.ini")));
  const auto defaults = read_settings(pillard::Config("none.ini", ""));
  EXPECT_EQ(sample.units, defaults.units);
  EXPECT_EQ(sample.patterns, defaults.patterns);
  EXPECT_THAT(defaults.units, ElementsAre("execution.service", "consensus.service", "validator.service",
                                          "mevboost.service", "csm_nimbusvalidator.service", "dora.service"));
}

TEST(Configuration, IsInstalledAsTheSampleIs) {
  EXPECT_EQ(read_file("../../etc/conf.d/node-status.ini"), read_file("sample.ini"));
}

TEST(Configuration, IsShownInTheReadmeAsTheSampleIs) {
  EXPECT_THAT(read_file("README.md"), HasSubstr("```ini\n" + read_file("sample.ini") + "```\n"));
}

TEST(Configuration, NamesTheLineOfAWrongUnit) {
  EXPECT_THAT(mistakes("# comment\nunits = execution, a b\n"),
              ElementsAre(AllOf(HasSubstr("node-status.ini:2"), HasSubstr("units"), HasSubstr("a b"))));
}

TEST(Configuration, RefusesATemplateWithoutInstance) {
  EXPECT_THAT(mistakes("units = getty@.service\n"), ElementsAre(HasSubstr("getty@.service")));
}

TEST(Configuration, RefusesAPatternWithOtherCharacters) {
  EXPECT_THAT(mistakes("patterns = *;reboot\n"), ElementsAre(HasSubstr("*;reboot")));
  EXPECT_THAT(mistakes("patterns = -*\n"), ElementsAre(HasSubstr("-*")));
}

TEST(Configuration, RefusesToWatchNothing) {
  EXPECT_THAT(mistakes("units =\npatterns =\n"), ElementsAre(HasSubstr("names no unit")));
}

TEST(Configuration, RefusesAnUnknownKey) {
  EXPECT_THAT(mistakes("unit = execution\n"), ElementsAre(HasSubstr("unit")));
}

TEST(Configuration, CompletesNamesAndPatternsToServices) {
  const auto settings =
      read_settings(pillard::Config("x.ini", "units = a, b.timer, a\npatterns = *eth*, c*.service\n"));
  EXPECT_THAT(settings.units, ElementsAre("a.service", "b.timer"));
  EXPECT_THAT(settings.patterns, ElementsAre("*eth*.service", "c*.service"));
}

}  // namespace
}  // namespace node_status
