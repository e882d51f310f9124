#include "unit_show.h"

#include <gmock/gmock.h>

#include "pillard/testing/plugin.h"

namespace node_status {
namespace {

using pillard::testing::read_file;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

Unit unit_of(const std::vector<Unit>& units, const std::string& id) {
  for (const auto& unit : units)
    if (unit.id == id) return unit;
  ADD_FAILURE() << "no block for " << id;
  return {};
}

TEST(UnitShow, ReadsEveryBlockOfARealNodeInItsOrder) {
  const auto units = parse_units(read_file("testdata/systemd-252.txt"));
  ASSERT_EQ(units.size(), 15U);
  EXPECT_EQ(units.front().id, "execution.service");
  EXPECT_EQ(units[5].id, "dora.service");
  EXPECT_EQ(units.back().id, "eth-fails.service");
}

TEST(UnitShow, ReadsARunningUnit) {
  const auto unit = unit_of(parse_units(read_file("testdata/systemd-252.txt")), "execution.service");
  EXPECT_EQ(unit.load, "loaded");
  EXPECT_EQ(unit.active, "active");
  EXPECT_EQ(unit.sub, "running");
  EXPECT_EQ(unit.description, "geth execution client service for MAINNET");
  EXPECT_THAT(unit.since, Optional(1795392257000));
  EXPECT_EQ(unit.restarts, 0);
  EXPECT_TRUE(unit.pid.has_value());
}

TEST(UnitShow, LeavesOpenWhatSystemdLeavesOpen) {
  const auto unit = unit_of(parse_units(read_file("testdata/systemd-252.txt")), "dora.service");
  EXPECT_EQ(unit.load, "not-found");
  EXPECT_EQ(unit.since, std::nullopt);
  EXPECT_EQ(unit.memory, std::nullopt);
  EXPECT_EQ(unit.pid, std::nullopt);
}

TEST(UnitShow, CountsRestartsAndTellsWhenAUnitFailed) {
  const auto unit = unit_of(parse_units(read_file("testdata/systemd-252.txt")), "eth-fails.service");
  EXPECT_EQ(unit.active, "failed");
  EXPECT_EQ(unit.restarts, 6);
  EXPECT_THAT(unit.since, Optional(1795392482000));
}

TEST(UnitShow, KnowsAUnitByItsAliases) {
  const auto unit = unit_of(parse_units(read_file("testdata/systemd-252.txt")), "eth-docker.service");
  EXPECT_TRUE(unit.answers_to("ethalias.service"));
  EXPECT_FALSE(unit.answers_to("eth.service"));
}

TEST(UnitShow, UnquotesNamesThatHoldABackslash) {
  const auto unit = unit_of(parse_units(read_file("testdata/systemd-252.txt")), R"(weird@a\x2db.service)");
  EXPECT_THAT(unit.names, ElementsAre(R"(weird@a\x2db.service)"));
}

TEST(UnitShow, KeepsEqualsSignsAndSpacesOfADescription) {
  EXPECT_EQ(parse_units("Id=a.service\nDescription= x = \"y\"  ünï \n").front().description, " x = \"y\"  ünï ");
}

TEST(UnitShow, ReadsMemoryInBytes) {
  EXPECT_THAT(parse_units("Id=a.service\nMemoryCurrent=7340032\n").front().memory, Optional(7340032U));
}

TEST(UnitShow, TakesTheLargestNumberAsNotKnownAsOldSystemdMeansIt) {
  EXPECT_EQ(parse_units("Id=a.service\nMemoryCurrent=18446744073709551615\n").front().memory, std::nullopt);
}

TEST(UnitShow, TellsSinceByTheStateTheUnitIsIn) {
  const auto since = [](const std::string& active) {
    return parse_units("Id=a.service\nActiveState=" + active +
                       "\nActiveEnterTimestamp=Thu 1970-01-01 00:00:01 UTC"
                       "\nActiveExitTimestamp=Thu 1970-01-01 00:00:02 UTC"
                       "\nInactiveEnterTimestamp=Thu 1970-01-01 00:00:03 UTC"
                       "\nInactiveExitTimestamp=Thu 1970-01-01 00:00:04 UTC\n")
        .front()
        .since;
  };
  EXPECT_THAT(since("active"), Optional(1000));
  EXPECT_THAT(since("reloading"), Optional(1000));
  EXPECT_THAT(since("deactivating"), Optional(2000));
  EXPECT_THAT(since("inactive"), Optional(3000));
  EXPECT_THAT(since("failed"), Optional(3000));
  EXPECT_THAT(since("activating"), Optional(4000));
  EXPECT_EQ(since("something new"), std::nullopt);
}

TEST(UnitShow, ReadsNothingFromNothing) {
  EXPECT_THAT(parse_units(""), IsEmpty());
  EXPECT_THAT(parse_units("\n\n\n"), IsEmpty());
}

TEST(UnitShow, LeavesOutABlockWithoutAName) {
  EXPECT_THAT(parse_units("ActiveState=active\n\nrubbish\n=\n\n"), IsEmpty());
}

TEST(UnitShow, ReadsALastBlockThatIsCut) {
  const auto units = parse_units("Id=a.service\nActiveState=act");
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units.front().active, "act");
}

TEST(UnitShow, TakesNumbersThatAreNoneAsNotKnown) {
  const auto unit = parse_units("Id=a.service\nNRestarts=many\nMemoryCurrent=-1\nMainPID=12x\n").front();
  EXPECT_EQ(unit.restarts, 0);
  EXPECT_EQ(unit.memory, std::nullopt);
  EXPECT_EQ(unit.pid, std::nullopt);
}

TEST(Timestamp, ReadsAFractionOfASecond) {
  EXPECT_THAT(parse_timestamp("Thu 1970-01-01 00:00:01.25 UTC"), Optional(1250));
  EXPECT_THAT(parse_timestamp("Thu 1970-01-01 00:00:01.123456 UTC"), Optional(1123));
}

TEST(Timestamp, RefusesAnotherTimeZone) {
  EXPECT_EQ(parse_timestamp("Sun 2026-11-22 18:56:57 EST"), std::nullopt);
  EXPECT_EQ(parse_timestamp("Sun 2026-11-22 18:56:57"), std::nullopt);
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const auto* text : {"", " ", "n/a", "[not set]", "Sun 2026-02-30 00:00:00 UTC", "Sun 2026-13-01 00:00:00 UTC",
                           "Sun 2026-11-22 24:00:00 UTC", "Sun 2026-11-22 00:61:00 UTC", "Sun 2026-11-22 UTC",
                           "Sun 2026-11 00:00:00 UTC", "Sun x-y-z 00:00:00 UTC", "Sun 2026-11-22 00:00:00.x UTC"})
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
}

}  // namespace
}  // namespace node_status
