#include <gmock/gmock.h>

#include "fixture.h"

namespace service_control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Configuration : public ControlFixture {
 protected:
  std::vector<std::string> mistakes_of(std::string_view ini) {
    host.load(new_plugin(), ini);
    std::vector<std::string> texts;
    for (const auto& mistake : host.mistakes()) texts.push_back(mistake.text());
    return texts;
  }
};

TEST_F(Configuration, OffersTheUnitsAndActionsOfTheOldServerAndMore) {
  const auto settings = read_settings(pillard::Config());
  std::vector<std::string> names;
  for (const auto& [unit, actions] : settings.units) {
    names.push_back(unit);
    EXPECT_EQ(actions.size(), 5U) << unit;
  }
  EXPECT_THAT(names, UnorderedElementsAre("execution.service", "consensus.service", "validator.service",
                                          "mevboost.service", "csm_nimbusvalidator.service"));
}

TEST_F(Configuration, LoadsItsSample) { EXPECT_THAT(mistakes_of(read_file("sample.ini")), IsEmpty()); }

TEST_F(Configuration, TheSampleSaysWhatHoldsWithoutIt) {
  const auto sample = read_settings(pillard::Config("sample.ini", read_file("sample.ini")));
  EXPECT_EQ(sample.units, read_settings(pillard::Config()).units);
}

TEST_F(Configuration, GivesSingleUnitsActionsOfTheirOwn) {
  const pillard::Config config("x.ini",
                               "units = execution, dbus.socket, consensus\nactions = start\n[actions]\n"
                               "execution = stop, restart\nconsensus =\n");
  const auto settings = read_settings(config);
  EXPECT_THAT(config.mistakes(), IsEmpty());
  EXPECT_THAT(settings.units.at("execution.service"), ElementsAre(Action::kStop, Action::kRestart));
  EXPECT_THAT(settings.units.at("consensus.service"), IsEmpty());
  EXPECT_THAT(settings.units.at("dbus.socket"), ElementsAre(Action::kStart));
}

TEST_F(Configuration, NamesEveryMistake) {
  EXPECT_THAT(
      mistakes_of("units = execution, a b, execution.service, getty@\nactions = start, reload, start\n"
                  "[actions]\nexecution = kill\nvalidator = start\n"),
      UnorderedElementsAre(
          "plugin.ini:1: units: each name: expected the name of a systemd unit, got \"a b\"",
          "plugin.ini:1: units: \"execution.service\" stands twice",
          "plugin.ini:1: units: each name: expected the name of a systemd unit, got \"getty@\"",
          "plugin.ini:2: actions: expected one of start, stop, restart, enable, disable, got \"reload\"",
          "plugin.ini:2: actions: \"start\" stands twice",
          "plugin.ini:4: actions.execution: expected one of start, stop, restart, enable, disable, got \"kill\"",
          "plugin.ini:5: actions.validator: unknown key"));
}

TEST_F(Configuration, WantsAUnit) {
  EXPECT_THAT(mistakes_of("units =\n"), ElementsAre("plugin.ini:1: units: names no unit"));
}

TEST_F(Configuration, KnowsNoOtherKeys) {
  EXPECT_THAT(mistakes_of("unit = execution\n"), ElementsAre("plugin.ini:1: unit: unknown key"));
}

}  // namespace
}  // namespace service_control
