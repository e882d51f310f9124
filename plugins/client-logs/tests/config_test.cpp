#include <gmock/gmock.h>

#include "client_logs.h"
#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace client_logs {
namespace {

using pillard::testing::new_plugin;
using pillard::testing::read_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> mistakes(std::string_view ini) {
  const pillard::Config config("client-logs.ini", ini);
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
  EXPECT_EQ(sample.lines, defaults.lines);
  EXPECT_EQ(sample.units, defaults.units);
}

TEST(Configuration, IsInstalledAsTheSampleIs) {
  EXPECT_EQ(read_file("../../etc/conf.d/client-logs.ini"), read_file("sample.ini"));
}

TEST(Configuration, IsShownInTheReadmeAsTheSampleIs) {
  EXPECT_THAT(read_file("README.md"), HasSubstr("```ini\n" + read_file("sample.ini") + "```\n"));
}

TEST(Configuration, RefusesNoLinesAndTooMany) {
  EXPECT_THAT(mistakes("lines = 0\n"), ElementsAre(HasSubstr("client-logs.ini:1: lines")));
  EXPECT_THAT(mistakes("lines = 1001\n"), ElementsAre(HasSubstr("client-logs.ini:1: lines")));
  EXPECT_THAT(mistakes("lines = many\n"), ElementsAre(HasSubstr("client-logs.ini:1: lines")));
  EXPECT_THAT(mistakes("lines = 1000\n"), IsEmpty());
}

TEST(Configuration, NamesAWrongUnit) {
  EXPECT_THAT(mistakes("units = execution, a b\n"), ElementsAre(HasSubstr("a b")));
}

TEST(Configuration, RefusesAnUnknownKey) { EXPECT_THAT(mistakes("line = 5\n"), ElementsAre(HasSubstr("line"))); }

}  // namespace
}  // namespace client_logs
