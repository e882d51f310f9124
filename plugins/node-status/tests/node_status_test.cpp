#include "node_status.h"

#include <gmock/gmock.h>

#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace node_status {
namespace {

using pillard::Code;
using pillard::testing::FakeHost;
using pillard::testing::FakeStream;
using pillard::testing::new_plugin;
using pillard::testing::read_file;
using pillard::testing::Reply;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

constexpr const char* kTwo =
    "Id=execution.service\nNames=execution.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
    "Description=geth\nActiveEnterTimestamp=Thu 1970-01-01 00:01:00 UTC\nNRestarts=2\nMemoryCurrent=4096\nMainPID=75\n"
    "\n"
    "Id=dora.service\nNames=dora.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n"
    "Description=dora.service\nNRestarts=0\nMemoryCurrent=[not set]\nMainPID=0\n";

class NodeStatus : public testing::Test {
 protected:
  FakeStream& subscribe(std::string_view params = {}, std::string_view ini = "units = execution, dora\npatterns =\n") {
    host.load(new_plugin(), ini);
    return host.subscribe("subscribe_status", params);
  }
  void answer(const Reply& reply) { host.node().on_prefix({"env", "LC_ALL=C", "TZ=UTC", "systemctl", "show"}, reply); }
  /// What the source ended with when systemctl answers so.
  pillard::Error problem(const Reply& reply) {
    answer(reply);
    auto& stream = subscribe();
    host.advance(20s);
    if (stream.problems().empty()) return {Code::kInternal, "no problem"};
    return stream.problems().front();
  }
  FakeHost host;
};

TEST_F(NodeStatus, ShowsTheFirstStateAtOnce) {
  answer({.out = kTwo});
  auto& stream = subscribe();
  host.advance();
  EXPECT_THAT(
      stream.events(),
      ElementsAre(R"([{"service":"execution","status":"active","load":"loaded","active":"active","sub":"running",)"
                  R"("description":"geth","since":60000,"restarts":2,"memory":4096,"pid":75},)"
                  R"({"service":"dora","status":"not_installed","load":"not-found","active":"inactive","sub":"dead",)"
                  R"("description":"dora.service","restarts":0}])"));
}

TEST_F(NodeStatus, AsksForAllUnitsWithOneCommand) {
  answer({.out = kTwo});
  subscribe({}, "units = execution, dora.service\npatterns = grafana-server, *eth*\n");
  host.advance();
  ASSERT_THAT(host.commands(), SizeIs(1));
  const auto& argv = host.commands().front();
  const auto units = std::find(argv.begin(), argv.end(), "--");
  ASSERT_NE(units, argv.end());
  EXPECT_THAT(std::vector<std::string>(units + 1, argv.end()),
              ElementsAre("execution.service", "dora.service", "grafana-server.service", "*eth*.service"));
}

TEST_F(NodeStatus, LooksAgainAfterEveryInterval) {
  answer({.out = kTwo});
  auto& stream = subscribe(R"({"interval":2000})");
  host.advance(1999ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
  host.advance(4000ms);
  EXPECT_THAT(stream.events(), SizeIs(4));
}

TEST_F(NodeStatus, LooksEveryFiveSecondsWhenNotAskedOtherwise) {
  answer({.out = kTwo});
  auto& stream = subscribe();
  host.advance(4999ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeStatus, KeepsItsIntervalWhenTheNodeTakesAWhile) {
  answer({.out = kTwo, .delay = 300ms});
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(10'300ms);
  EXPECT_THAT(stream.events(), SizeIs(11));
}

TEST_F(NodeStatus, NeverLooksTwiceAtOnceAndLetsASlowNodeRest) {
  answer({.out = kTwo, .delay = 3000ms});
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(3249ms);
  EXPECT_THAT(host.commands(), SizeIs(1));
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(host.commands(), SizeIs(2));
}

TEST_F(NodeStatus, ClampsTheIntervalFromOneSecondToAMinute) {
  answer({.out = kTwo});
  auto& fast = subscribe(R"({"interval":1})");
  auto& slow = host.subscribe("subscribe_status", R"({"interval":99999999})");
  host.advance(59'999ms);
  EXPECT_THAT(fast.events(), SizeIs(60));
  EXPECT_THAT(slow.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(slow.events(), SizeIs(2));
}

TEST_F(NodeStatus, RefusesAnIntervalThatIsNoNumber) {
  host.load(new_plugin());
  try {
    host.subscribe("subscribe_status", R"({"interval":"often"})");
    FAIL();
  } catch (const pillard::Error& error) {
    EXPECT_EQ(error.code(), Code::kBadRequest);
    EXPECT_THAT(error.what(), HasSubstr("interval"));
  }
}

TEST_F(NodeStatus, TakesASmallerIntervalFromTheLastLook) {
  answer({.out = kTwo});
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(1500ms);
  stream.retune(R"({"interval":2000})");
  host.advance(499ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeStatus, LooksAtOnceWhenTheNewIntervalIsOverAlready) {
  answer({.out = kTwo});
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(30s);
  stream.retune(R"({"interval":1000})");
  host.advance();
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeStatus, TakesALargerIntervalToo) {
  answer({.out = kTwo});
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(500ms);
  stream.retune(R"({"interval":10000})");
  host.advance(9'499ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeStatus, TakesANewIntervalWhileItLooks) {
  answer({.out = kTwo, .delay = 500ms});
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(100ms);
  stream.retune(R"({"interval":1000})");
  host.advance(1399ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeStatus, GoesOnWhenTheClockIsSetBack) {
  answer({.out = kTwo, .delay = 100ms});
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(50ms);
  host.set_unix_ms(1000);
  host.advance(1050ms);
  host.advance(100ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeStatus, StopsAllWorkWithItsLastSubscriber) {
  answer({.out = kTwo});
  auto& stream = subscribe();
  host.advance();
  stream.unsubscribe();
  EXPECT_EQ(host.live_handles(), 0U);
  host.advance(60s);
  EXPECT_THAT(host.commands(), SizeIs(1));
}

TEST_F(NodeStatus, SaysThatANodeWithoutSystemctlIsNotSupported) {
  const auto error = problem({.err = "env: 'systemctl': No such file or directory\n", .status = 127});
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("no systemctl"));
}

TEST_F(NodeStatus, SaysThatANodeWithAnotherInitIsNotSupported) {
  const auto error = problem({.err = "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
                                     "Failed to connect to bus: Host is down\n",
                              .status = 1});
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("not booted with systemd"));
}

TEST_F(NodeStatus, SaysThatTheSystemBusIsMissing) {
  EXPECT_EQ(problem({.err = "Failed to connect to bus: No such file or directory\n", .status = 1}).code(),
            Code::kUnsupported);
}

TEST_F(NodeStatus, TriesAgainWhenTheSystemBusDoesNotAnswer) {
  EXPECT_TRUE(pillard::passing(problem({.err = "Failed to connect to bus: Connection refused\n", .status = 1}).code()));
}

TEST_F(NodeStatus, SaysThatTheUserMayNotAsk) {
  EXPECT_EQ(problem({.err = "Failed to connect to bus: Permission denied\n", .status = 1}).code(), Code::kAccessDenied);
}

TEST_F(NodeStatus, SaysNothingThatOldDashboardsTakeForALostLogin) {
  const auto error = problem({.err = "Failed to get properties: Interactive authentication required.\n", .status = 1});
  EXPECT_EQ(error.code(), Code::kAccessDenied);
  EXPECT_THAT(error.what(), Not(HasSubstr("auth")));
}

TEST_F(NodeStatus, SaysThatTheNodeTookTooLong) {
  EXPECT_EQ(problem({.out = kTwo, .delay = 11s}).code(), Code::kTimeout);
}

TEST_F(NodeStatus, RepeatsOneLineOfAnUnknownFailure) {
  const auto error = problem({.err = "Something odd\nand more\n", .status = 1});
  EXPECT_EQ(error.code(), Code::kInternal);
  EXPECT_STREQ(error.what(), "systemctl failed on the node: Something odd");
}

TEST_F(NodeStatus, ShowsNothingOfAnOutputThatWasCut) {
  const auto error = problem({.out = kTwo + std::string(256 * 1024, 'x')});
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("256 KiB"), HasSubstr("patterns")));
  EXPECT_THAT(host.commands(), SizeIs(1));
}

/// What systemctl says of `count` loaded services: "s0.service", "s1.service", ...
std::string many(std::size_t count) {
  std::string out;
  for (std::size_t at = 0; at < count; ++at)
    out += "Id=s" + std::to_string(at) + ".service\nLoadState=loaded\nActiveState=active\n\n";
  return out;
}

TEST_F(NodeStatus, ReadsAsMuchAsItAsksFor) {
  answer({.out = kTwo + std::string(256 * 1024 - std::string_view(kTwo).size(), '\n')});
  auto& stream = subscribe();
  host.advance();
  EXPECT_THAT(stream.events(), SizeIs(1));
}

TEST_F(NodeStatus, EndsWithTheLimitWhenTooManyUnitsMatch) {
  answer({.out = many(513)});
  auto& stream = subscribe({}, "units =\npatterns = s*\n");
  host.advance(20s);
  EXPECT_THAT(stream.events(), IsEmpty());
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kUnsupported);
  EXPECT_THAT(stream.problems().front().what(), AllOf(HasSubstr("512"), HasSubstr("patterns")));
  EXPECT_THAT(host.commands(), SizeIs(1));
}

Unit unit(std::string load, std::string active) {
  Unit made;
  made.load = std::move(load);
  made.active = std::move(active);
  return made;
}

TEST(StatusWord, IsTheStateForTheWordsThatDashboardsKnow) {
  for (const auto* word : {"active", "inactive", "failed", "activating", "deactivating", "reloading"})
    EXPECT_EQ(status_word(unit("loaded", word)), word);
}

TEST(StatusWord, IsNotInstalledWhereTheUnitIsNotFound) {
  EXPECT_EQ(status_word(unit("not-found", "inactive")), "not_installed");
}

TEST(StatusWord, IsActiveForAUnitWhoseFileWasRemovedWhileItRuns) {
  EXPECT_EQ(status_word(unit("not-found", "active")), "active");
}

TEST(StatusWord, IsInactiveForAMaskedUnit) { EXPECT_EQ(status_word(unit("masked", "inactive")), "inactive"); }

TEST(StatusWord, MapsTheWordsOfNewerSystemd) {
  EXPECT_EQ(status_word(unit("loaded", "maintenance")), "inactive");
  EXPECT_EQ(status_word(unit("loaded", "refreshing")), "reloading");
}

std::vector<std::string> names(const Settings& settings) {
  std::vector<std::string> shown;
  for (const auto& status : arrange(settings, parse_units(read_file("testdata/systemd-252.txt"))))
    shown.push_back(status.service);
  return shown;
}

TEST(Arrange, KeepsTheConfiguredOrder) {
  EXPECT_THAT(names({.units = {"dora.service", "mevboost.service", "execution.service"}, .patterns = {}}),
              ElementsAre("dora", "mevboost", "execution"));
}

TEST(Arrange, ShowsAnAliasUnderTheNameItWasAskedBy) {
  EXPECT_THAT(names({.units = {"ethalias.service"}, .patterns = {}}), ElementsAre("ethalias"));
}

TEST(Arrange, ShowsWhatMatchesAPatternByNameAndNothingTwice) {
  EXPECT_THAT(names({.units = {"eth-fails.service"}, .patterns = {"*eth*.service", "eth*.service"}}),
              ElementsAre("eth-fails", "eth-docker", "eth-masked", "ethereum-one"));
}

TEST(Arrange, LeavesOutUnitsThatOthersOnlyMention) {
  EXPECT_THAT(names({.units = {}, .patterns = {"ghost*.service"}}), IsEmpty());
}

TEST(Arrange, ShowsUpTo512Units) {
  EXPECT_THAT(arrange({.units = {}, .patterns = {"s*.service"}}, parse_units(many(512))), SizeIs(512));
}

TEST(Arrange, RefusesMoreThan512UnitsOfAllPatternsTogether) {
  const Settings settings{.units = {"s512.service"}, .patterns = {"s0.service", "s1*.service", "s*.service"}};
  EXPECT_THROW(arrange(settings, parse_units(many(513))), pillard::Error);
}

TEST(Arrange, CountsAUnitThatIsToldTwiceOnce) {
  EXPECT_THAT(arrange({.units = {}, .patterns = {"s*.service"}}, parse_units(many(300) + many(300))), SizeIs(300));
}

TEST(Arrange, ShowsAnOptionalNameOnlyWhereItExists) {
  EXPECT_THAT(names({.units = {}, .patterns = {"grafana-server.service", "consensus.service"}}),
              ElementsAre("consensus"));
}

}  // namespace
}  // namespace node_status
