#include <gmock/gmock.h>

#include "node_metrics.h"
#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace node_metrics {
namespace {

using pillard::testing::new_plugin;
using pillard::testing::read_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> mistakes(std::string_view ini) {
  const pillard::Config config("node-metrics.ini", ini);
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
  EXPECT_EQ(sample.hidden_disks, defaults.hidden_disks);
  EXPECT_EQ(sample.hidden_interfaces, defaults.hidden_interfaces);
  EXPECT_EQ(sample.hidden_filesystems, defaults.hidden_filesystems);
}

TEST(Configuration, IsInstalledAsTheSampleIs) {
  EXPECT_EQ(read_file("../../etc/conf.d/node-metrics.ini"), read_file("sample.ini"));
}

TEST(Configuration, IsShownInTheReadmeAsTheSampleIs) {
  EXPECT_THAT(read_file("README.md"), HasSubstr("```ini\n" + read_file("sample.ini") + "```\n"));
}

TEST(Configuration, NamesTheLineOfAWrongPattern) {
  EXPECT_THAT(mistakes("# comment\nhidden_disks = loop*, a\tb\n"),
              ElementsAre(AllOf(HasSubstr("node-metrics.ini:2"), HasSubstr("hidden_disks"), HasSubstr("a\tb"))));
  EXPECT_THAT(mistakes("hidden_filesystems = /" + std::string(255, 'x') + "\n"),
              ElementsAre(HasSubstr("hidden_filesystems")));
}

TEST(Configuration, RefusesMoreThan100Patterns) {
  std::string list = "a0";
  for (int at = 1; at < 101; ++at) list += ", a" + std::to_string(at);
  EXPECT_THAT(mistakes("hidden_interfaces = " + list + "\n"), ElementsAre(HasSubstr("more than 100 patterns")));
}

TEST(Configuration, RefusesAnUnknownKey) {
  EXPECT_THAT(mistakes("hidden_disk = sda\n"), ElementsAre(HasSubstr("hidden_disk")));
}

TEST(Configuration, HidesWhatMatches) {
  auto snapshot = parse_snapshot(read_file("testdata/server.txt"));
  hide(snapshot, {.hidden_disks = {"nvme*", "vg0-*"}, .hidden_interfaces = {"*0"}, .hidden_filesystems = {"/boot/*"}});
  std::vector<std::string> names;
  for (const auto& disk : snapshot.disks) names.push_back(disk.name);
  EXPECT_THAT(names, ElementsAre("loop0", "md1"));
  names.clear();
  for (const auto& interface : snapshot.interfaces) names.push_back(interface.name);
  EXPECT_THAT(names, ElementsAre("lo", "enp65s0f1np1", "veth1f0c9a2", "wg0:1"));
  names.clear();
  for (const auto& mount : snapshot.mounts) names.push_back(mount.point);
  EXPECT_THAT(names, ElementsAre("/", "/var/lib/ethereum", "/srv"));
}

TEST(Configuration, HidesNothingWithEmptyLists) {
  auto snapshot = parse_snapshot(read_file("testdata/server.txt"));
  const auto interfaces = snapshot.interfaces.size();
  hide(snapshot,
       read_settings(pillard::Config("x.ini", "hidden_disks =\nhidden_interfaces =\nhidden_filesystems =\n")));
  EXPECT_EQ(snapshot.interfaces.size(), interfaces);
}

}  // namespace
}  // namespace node_metrics
