// [log] levels and [watchdog].
#include <gmock/gmock.h>

#include "config.h"

namespace pillard::config {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

Loaded from(const std::string& text) {
  return load({.file = "/etc/pillard/pillard.ini", .text = text, .executable = "/usr/bin/pillard"});
}
std::vector<std::string> wrong(const std::string& text) {
  std::vector<std::string> texts;
  for (const auto& mistake : from(text).mistakes) texts.push_back(mistake.text());
  return texts;
}

TEST(LogLevels, AreTakenForSingleStages) {
  const auto loaded = from("[log]\nlevel = warning\nlevels = ssh=debug, transport=error\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.settings.log.level, Level::kWarning);
  EXPECT_THAT(loaded.settings.log.levels,
              UnorderedElementsAre(Pair("ssh", Level::kDebug), Pair("transport", Level::kError)));
}

TEST(LogLevels, NameEveryStageWhenOneIsUnknown) {
  EXPECT_THAT(wrong("[log]\nlevels = shh=debug\n"),
              ElementsAre("/etc/pillard/pillard.ini:2: log.levels: \"shh\" is no stage; there are config, daemon, "
                          "fanout, loader, observe, plugin, reactor, router, session, ssh, transport, wire"));
}

TEST(LogLevels, RefuseWhatIsNoLevel) {
  for (const auto* entry : {"ssh=loud", "ssh", "ssh=", "=debug2", "ssh = debug"})
    EXPECT_THAT(wrong(std::string("[log]\nlevels = ") + entry), ElementsAre(HasSubstr("is no stage=level"))) << entry;
}

TEST(LogLevels, RefuseAStageThatStandsTwice) {
  EXPECT_THAT(wrong("[log]\nlevels = ssh=debug, ssh=info\n"), ElementsAre(HasSubstr("\"ssh\" stands twice")));
}

TEST(Watchdog, TakesItsLimits) {
  const auto loaded = from("[watchdog]\nslow = 5\nunready = 200\nfatal = 0\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.settings.watchdog.slow, milliseconds(5));
  EXPECT_EQ(loaded.settings.watchdog.unready, milliseconds(200));
  EXPECT_EQ(loaded.settings.watchdog.fatal, milliseconds(0));
}

TEST(Watchdog, RefusesToEndTheProcessBeforeItIsUnready) {
  EXPECT_THAT(wrong("[watchdog]\nunready = 500\nfatal = 499\n"),
              ElementsAre(HasSubstr("watchdog.fatal: must not be shorter than watchdog.unready")));
  EXPECT_THAT(wrong("[watchdog]\nunready = 500\nfatal = 500\n"), IsEmpty());
}

TEST(Watchdog, RefusesLimitsOutOfTheirRanges) {
  EXPECT_THAT(wrong("[watchdog]\nslow = 0\nunready = 99\nfatal = -1\n"),
              ElementsAre(HasSubstr("watchdog.slow"), HasSubstr("watchdog.unready"), HasSubstr("watchdog.fatal")));
}

}  // namespace
}  // namespace pillard::config
