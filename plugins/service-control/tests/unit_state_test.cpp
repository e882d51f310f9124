#include "unit_state.h"

#include "fixture.h"

namespace service_control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(UnitStateParser, ReadsWhatARealNodePrints) {
  const auto state = parse_state(read_file("testdata/restarts.show"));
  EXPECT_EQ(state.id, "loops.service");
  EXPECT_EQ(state.load, "loaded");
  EXPECT_EQ(state.active, "activating");
  EXPECT_EQ(state.sub, "auto-restart");
  EXPECT_EQ(state.result, "exit-code");
  EXPECT_EQ(state.file, "static");
  EXPECT_EQ(state.restarts, 1);
}

TEST(UnitStateParser, TellsWhatDiedAndWhatIsMissing) {
  EXPECT_FALSE(parse_state(read_file("testdata/started.show")).died());
  EXPECT_TRUE(parse_state(read_file("testdata/died.show")).died());
  EXPECT_TRUE(parse_state(read_file("testdata/restarts.show")).died());
  EXPECT_TRUE(parse_state("SubState=auto-restart-queued").died());
  EXPECT_TRUE(parse_state(read_file("testdata/missing.show")).missing());
  EXPECT_FALSE(parse_state(read_file("testdata/died.show")).missing());
  EXPECT_FALSE(parse_state("LoadState=not-found\nActiveState=active\n").missing()) << "it still runs";
}

TEST(UnitStateParser, TellsWhatRuns) {
  EXPECT_TRUE(parse_state("ActiveState=active\n").runs());
  EXPECT_TRUE(parse_state("ActiveState=reloading\n").runs());
  EXPECT_FALSE(parse_state("ActiveState=deactivating\n").runs());
  EXPECT_FALSE(parse_state("ActiveState=inactive\nType=simple\n").runs());
  EXPECT_TRUE(parse_state("ActiveState=inactive\nType=oneshot\nResult=success\n").runs());
  EXPECT_FALSE(parse_state("ActiveState=inactive\nType=oneshot\nResult=exec-condition\n").runs());
}

TEST(UnitStateParser, TellsAConditionThatWasNotMetFromOneThatWasNeverLookedAt) {
  EXPECT_FALSE(parse_state("ConditionResult=no\nConditionTimestampMonotonic=0\n").skipped);
  EXPECT_TRUE(parse_state("ConditionTimestampMonotonic=5\nConditionResult=no\n").skipped);
  EXPECT_FALSE(parse_state("ConditionResult=yes\nConditionTimestampMonotonic=5\n").skipped);
}

TEST(UnitStateParser, TakesNothingFromWhatIsNone) {
  for (const auto* text : {"", "\n", "=", "ActiveState", "NRestarts=-1\n", "NRestarts=x\nNRestarts=1x\n", "Active=x"}) {
    const auto state = parse_state(text);
    EXPECT_TRUE(state.active.empty()) << text;
    EXPECT_EQ(state.restarts, 0) << text;
    EXPECT_FALSE(state.died()) << text;
  }
}

TEST(JournalLines, AreThoseOfTheUnit) {
  EXPECT_THAT(lines_of("-- Boot 5c --\none\n\n  two\n-- No entries --\nthree"), ElementsAre("one", "  two", "three"));
  EXPECT_THAT(lines_of(""), IsEmpty());
}

}  // namespace
}  // namespace service_control
