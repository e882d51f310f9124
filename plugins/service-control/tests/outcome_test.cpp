// How an action came out: what systemctl says of it, and what becomes of the unit afterwards.
#include "fixture.h"

namespace service_control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kRunning = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=";

class Outcome : public ControlFixture {
 protected:
  void SetUp() override {
    load();
    for (const auto* action : {"start", "stop", "restart", "enable", "disable"}) host.node().on(plain(action), {});
    journal({.out = read_file("testdata/died.journal")});
  }
  static std::string tail() {
    return R"("journal":["2026-11-27T11:28:45+0000 systemd[1]: Started dies.service.",)"
           R"("2026-11-27T11:28:45+0000 sh[196]: no database",)";
  }
};

TEST_F(Outcome, TellsAllOfAStartThatWorked) {
  state("started.show");
  auto& call = control("start");
  EXPECT_FALSE(call.ended()) << "it has to last";
  host.advance(2s);
  EXPECT_EQ(call.reply().value_or("nothing"),
            R"({"service":"execution","action":"start","success":true,"exit_status":0,"state":"active",)"
            R"("sub":"running","result":"success","enabled":"enabled",)"
            R"("command":"systemctl --no-ask-password start -- execution.service","output":"","journal":[],)"
            R"("message":"execution was started."})");
  EXPECT_EQ(record(), "start execution.service replied: exit 0, active");
  EXPECT_EQ(runs_of("journalctl"), 0U);
}

TEST_F(Outcome, TellsAStartThatFailedWithTheTailOfTheJournal) {
  host.node().on(plain("start"), {.err = "Job for execution.service failed because the control process exited with "
                                         "error code.\nSee \"systemctl status execution.service\"\n",
                                  .status = 1});
  state("died.show");
  auto& call = control("start");
  ASSERT_TRUE(call.reply());
  EXPECT_THAT(
      *call.reply(),
      AllOf(HasSubstr(R"("success":false,"exit_status":1,"state":"failed")"), HasSubstr(tail()),
            HasSubstr(R"("output":"Job for execution.service failed)"),
            HasSubstr(R"("message":"execution could not be started: Job for execution.service failed because)")));
  EXPECT_EQ(record(), "start execution.service replied: exit 1, failed (exit-code)");
  EXPECT_EQ(host.counters().at("failures"), 1);
}

TEST_F(Outcome, SeesAProgramThatEndedBeforeTheFirstLook) {
  state("died.show");
  auto& call = control("restart");
  ASSERT_TRUE(call.reply()) << "there is nothing to wait for";
  EXPECT_THAT(
      *call.reply(),
      AllOf(HasSubstr(R"("success":false,"exit_status":0,"state":"failed","sub":"failed","result":"exit-code")"),
            HasSubstr(tail()),
            HasSubstr(R"("message":"execution was restarted, and its program ended at once (exit-code).")")));
  EXPECT_EQ(record(), "restart execution.service replied: exit 0, failed (exit-code)");
}

TEST_F(Outcome, SeesAProgramThatEndsSoonAfter) {
  state("started.show");
  auto& call = control("start");
  state("died.show");
  host.advance(1999ms);
  EXPECT_FALSE(call.ended());
  host.advance(1ms);
  EXPECT_THAT(call.reply().value_or("nothing"), HasSubstr(R"("success":false)"));
}

TEST_F(Outcome, SeesAUnitThatWaitsToBeStartedAgain) {
  state("restarts.show");
  auto& call = control("start");
  EXPECT_THAT(call.reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":false)"), HasSubstr(R"("sub":"auto-restart")")));
}

TEST_F(Outcome, SeesAUnitThatWasStartedAgainMeanwhile) {
  state_text(kRunning + std::string("3\n"));
  auto& call = control("start");
  state_text(kRunning + std::string("4\n"));
  host.advance(2s);
  EXPECT_THAT(call.reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":false)"), HasSubstr(R"(ended at once (running))")));
}

TEST_F(Outcome, TakesOldRestartsForWhatTheyAre) {
  state_text(kRunning + std::string("3\n"));
  auto& call = control("start");
  host.advance(2s);
  EXPECT_THAT(call.reply().value_or("nothing"), HasSubstr(R"("success":true)"));
}

TEST_F(Outcome, TakesAProgramThatDidItsWorkForSuccess) {
  state_text(
      "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nType=oneshot\nConditionResult=yes\n"
      "ConditionTimestampMonotonic=77\n");
  EXPECT_THAT(control("start").reply().value_or("nothing"),
              HasSubstr(R"("success":true,"exit_status":0,"state":"inactive")"));
}

TEST_F(Outcome, SeesAProgramThatShouldRunAndHasEndedWell) {
  const std::string gone = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nType=simple\n";
  state_text(gone);
  EXPECT_THAT(control("start").reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":false,"exit_status":0,"state":"inactive")"), HasSubstr(tail())));
  state_text(kRunning + std::string("0\nType=notify\n"));
  auto& call = control("start");
  state_text(gone);
  host.advance(2s);
  EXPECT_THAT(call.reply().value_or("nothing"), HasSubstr(R"("success":false)"));
}

TEST_F(Outcome, SeesAUnitThatAConditionKeptFromStarting) {
  for (const auto* type : {"oneshot", "simple"}) {
    state_text(
        "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nConditionResult=no\n"
        "ConditionTimestampMonotonic=1234567\nType=" +
        std::string(type) + "\n");
    EXPECT_THAT(control("restart").reply().value_or("nothing"),
                AllOf(HasSubstr(R"("success":false,"exit_status":0,"state":"inactive")"),
                      HasSubstr("execution was not started: a condition of its unit is not met.")));
  }
}

TEST_F(Outcome, SeesAUnitThatIsAboutToEndOrHasNotYetBegun) {
  for (const auto* active : {"deactivating", "activating"}) {
    state_text(kRunning + std::string("0\n"));
    auto& call = control("start");
    state_text("LoadState=loaded\nActiveState=" + std::string(active) + "\nSubState=stop-sigterm\nResult=success\n");
    host.advance(2s);
    EXPECT_THAT(call.reply().value_or("nothing"),
                AllOf(HasSubstr(R"("success":false)"), HasSubstr("ended at once (stop-sigterm)")));
  }
}

TEST_F(Outcome, TakesAStoppedUnitForStoppedHoweverItsProgramEnded) {
  state("died.show");
  EXPECT_THAT(control("stop").reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":true)"), HasSubstr(R"("state":"failed")"), HasSubstr(R"("journal":[])")));
}

TEST_F(Outcome, TellsWhetherAUnitStartsAtBoot) {
  host.node().on(plain("enable"), {.err = "Created symlink /etc/x -> /etc/y.\n"});
  state("started.show");
  EXPECT_THAT(control("enable").reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":true)"), HasSubstr(R"("enabled":"enabled")"),
                    HasSubstr(R"("output":"Created symlink /etc/x -> /etc/y.")")));
}

TEST_F(Outcome, SeesThatAUnitCannotBeEnabledThoughSystemctlSucceeds) {
  state_text("LoadState=loaded\nActiveState=active\nUnitFileState=static\n");
  EXPECT_THAT(control("enable").reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":false,"exit_status":0)"), HasSubstr("no [Install] section"),
                    HasSubstr(R"("journal":[])")));
  EXPECT_EQ(record(), "enable execution.service replied: exit 0, static");
}

TEST_F(Outcome, SeesThatAUnitFileStaysAsItWasThoughSystemctlSucceeds) {
  const std::vector<std::pair<std::string, std::string>> cases{{"enable", "linked"},   {"enable", "indirect"},
                                                               {"disable", "static"},  {"disable", "masked"},
                                                               {"disable", "enabled"}, {"disable", "indirect"}};
  for (const auto& [action, file] : cases) {
    state_text("LoadState=loaded\nActiveState=active\nUnitFileState=" + file + "\n");
    EXPECT_THAT(control(action.c_str()).reply().value_or("nothing"),
                AllOf(HasSubstr(R"("success":false,"exit_status":0)"),
                      HasSubstr("execution was not " + action + "d: its unit file is " + file + ".")))
        << action;
  }
}

TEST_F(Outcome, TellsWhatSystemctlSaidWhereTheStateCannotBeHad) {
  host.node().on_prefix({"env", "LC_ALL=C", "systemctl", "show"}, {.stays = true});
  auto& good = control("stop");
  host.node().on(plain("restart"), {.err = "Job failed.\n", .status = 1});
  auto& bad = control("restart");
  host.advance(10s);
  EXPECT_THAT(good.reply().value_or("nothing"), AllOf(HasSubstr(R"("success":true)"), Not(HasSubstr(R"("state")"))));
  EXPECT_THAT(bad.reply().value_or("nothing"), AllOf(HasSubstr(R"("success":false)"), HasSubstr(tail())));
}

TEST_F(Outcome, TellsASystemctlThatWasKilled) {
  host.node().on(plain("stop"), {.signal = "KILL"});
  state("started.show");
  EXPECT_THAT(control("stop").reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":false,"exit_status":-1)"),
                    HasSubstr(R"("message":"execution could not be stopped.")")));
}

TEST_F(Outcome, ReadsTheJournalBySudoWhereTheActionNeededIt) {
  host.node().on(plain("start"), kAccessDenied);
  host.node().on(by_sudo("start"), {});
  state("died.show");
  control("start");
  const auto& argv = host.commands().back();
  EXPECT_EQ((Argv{argv.begin(), argv.begin() + 5}), (Argv{"env", "LC_ALL=C", "sudo", "-n", "journalctl"}));
  EXPECT_THAT(argv, testing::Contains("--unit=dies.service")) << "the unit's own name, not an alias";
}

TEST_F(Outcome, ReadsTheJournalAsTheUserWhereSudoIsForSystemctlAlone) {
  host.node().on(plain("start"), kAccessDenied);
  host.node().on(by_sudo("start"), {});
  state("died.show");
  journal({.out = read_file("testdata/died.journal")});
  host.node().on_prefix({"env", "LC_ALL=C", "sudo", "-n", "journalctl"}, kSudoAsks);
  EXPECT_THAT(control("start").reply().value_or("nothing"), HasSubstr(tail()));
}

TEST_F(Outcome, DoesWithoutAJournalThatNobodyMayRead) {
  host.node().on(plain("start"), kAccessDenied);
  host.node().on(by_sudo("start"), {});
  state("died.show");
  journal({.err = "No journal files were opened: Permission denied\n", .status = 1});
  host.node().on_prefix({"env", "LC_ALL=C", "sudo", "-n", "journalctl"}, kSudoAsks);
  EXPECT_THAT(control("start").reply().value_or("nothing"),
              AllOf(HasSubstr(R"("success":false)"), HasSubstr(R"("journal":[])")));
  EXPECT_EQ(runs_of("journalctl"), 3U);
}

TEST_F(Outcome, ShowsABoundedPartOfWhatIsPrinted) {
  host.node().on(plain("stop"), {.out = std::string(100'000, 'x')});
  state("started.show");
  const auto reply = control("stop").reply().value_or("nothing");
  EXPECT_THAT(reply, HasSubstr(R"("success":true)"));
  EXPECT_LT(reply.size(), 20'000U);
}

}  // namespace
}  // namespace service_control
