// Who may do what, and by which command.
#include "fixture.h"

namespace service_control {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class Control : public ControlFixture {
 protected:
  Control() { state("started.show"); }
  void expect_problem(const FakeCall& call, Code code, const std::string& words) {
    ASSERT_TRUE(call.problem()) << call.reply().value_or("nothing");
    EXPECT_EQ(call.problem()->code(), code);
    EXPECT_THAT(call.problem()->what(), HasSubstr(words));
    // Old dashboards log in again when they read "auth", and show what names a service in its log.
    EXPECT_THAT(call.problem()->what(), AllOf(Not(HasSubstr("auth")), HasSubstr("execution")));
  }
};

TEST_F(Control, RunsSystemctlAsTheUserWhoMay) {
  load();
  for (const auto* action : {"start", "stop", "restart", "enable", "disable"}) {
    host.node().on(plain(action), {});
    if (action == std::string("disable")) state_text("LoadState=loaded\nActiveState=active\nUnitFileState=disabled\n");
    auto& call = control(action);
    host.advance(2s);
    ASSERT_TRUE(call.reply()) << action;
    EXPECT_THAT(*call.reply(), StartsWith(std::string(R"({"service":"execution","action":")") + action +
                                          R"(","success":true,"exit_status":0)"));
  }
  EXPECT_EQ(runs_of("sudo"), 0U);
  EXPECT_EQ(host.counters().at("actions"), 5);
  EXPECT_EQ(host.counters().count("failures"), 0U);
}

TEST_F(Control, TriesSudoWhereTheNodeRefusesTheUser) {
  load();
  for (const auto& refusal : {kAccessDenied, kPolkit}) {
    host.node().on(plain("restart"), refusal);
    host.node().on(by_sudo("restart"), {});
    auto& call = control("restart");
    host.advance(2s);
    ASSERT_TRUE(call.reply());
    EXPECT_THAT(*call.reply(),
                AllOf(HasSubstr(R"("success":true)"),
                      HasSubstr(R"("command":"sudo -n systemctl --no-ask-password restart -- execution.service")")));
  }
}

TEST_F(Control, SaysWhatToDoWhereSudoDoesNotHelp) {
  load();
  host.node().on(plain("restart"), kAccessDenied);
  for (const auto& refusal :
       {kSudoAsks, kNoSudo, Reply{.err = "Sorry, user eth is not allowed to execute 'x' as root.\n", .status = 1},
        Reply{.err = "eth is not in the sudoers file.\n", .status = 1}}) {
    host.node().on(by_sudo("restart"), refusal);
    expect_problem(control("restart"), Code::kAccessDenied, "This user may not restart execution on this node");
    EXPECT_THAT(host.audits().back().end, "access_denied");
  }
  EXPECT_EQ(runs_of("show"), 0U);
}

TEST_F(Control, RefusesAUnitThatIsNotListedAndAsksTheNodeNothing) {
  load("units = consensus\n");
  expect_problem(control("restart"), Code::kAccessDenied, "The service execution is not among those offered here.");
  EXPECT_THAT(host.commands(), IsEmpty());
  EXPECT_EQ(record(),
            "restart execution.service access_denied: The service execution is not among those offered here.");
}

TEST_F(Control, RefusesAnActionThatIsNotListedAndSaysWhatIs) {
  load("actions = start, restart\n");
  expect_problem(control("stop"), Code::kAccessDenied,
                 "stop is not offered for execution here; what is: start, restart.");
  EXPECT_THAT(host.commands(), IsEmpty());
  EXPECT_THAT(record(), StartsWith("stop execution.service access_denied: stop is not offered"));
}

TEST_F(Control, HoldsAUnitToItsOwnActions) {
  load("units = execution, validator\n[actions]\nexecution = restart\nvalidator =\n");
  host.node().on(plain("restart"), {});
  control("restart");
  EXPECT_THAT(host.commands(), Contains(plain("restart")));
  expect_problem(control("stop"), Code::kAccessDenied, "what is: restart.");
  auto& nothing = control("restart", "validator");
  ASSERT_TRUE(nothing.problem());
  EXPECT_THAT(nothing.problem()->what(), HasSubstr("what is: nothing."));
}

TEST_F(Control, TakesAFullUnitNameAsTheSameService) {
  load();
  host.node().on(plain("stop"), {});
  auto& call = control("stop", "execution.service");
  ASSERT_TRUE(call.reply());
  EXPECT_THAT(*call.reply(), StartsWith(R"({"service":"execution","action":"stop")"));
}

TEST_F(Control, RefusesARequestThatIsNone) {
  load();
  for (const auto* params :
       {"", "{}", "[]", R"({"service":"execution"})", R"({"action":"stop"})", R"({"service":5,"action":"stop"})",
        R"({"service":"execution","action":"reload"})", R"({"service":"execution","action":"stop; reboot"})",
        R"({"service":"execution","action":""})", R"({"service":"a b","action":"stop"})",
        R"({"service":"-H evil","action":"stop"})", R"({"service":"a;reboot","action":"stop"})",
        R"({"service":"getty@","action":"stop"})", R"({"service":"","action":"stop"})"}) {
    auto& call = host.call("control_service", params);
    ASSERT_TRUE(call.problem()) << params;
    EXPECT_EQ(call.problem()->code(), Code::kBadRequest) << params;
  }
  EXPECT_THAT(host.commands(), IsEmpty());
  EXPECT_THAT(host.audits(), IsEmpty()) << "nothing was named that could be done";
}

TEST_F(Control, SaysThatANodeWithoutSystemdIsNotSupported) {
  load();
  host.node().on(plain("start"), {.err = "env: 'systemctl': No such file or directory\n", .status = 127});
  expect_problem(control("start"), Code::kUnsupported, "no systemctl");
}

TEST_F(Control, SaysThatSystemdCannotBeAsked) {
  load();
  host.node().on(plain("start"), {.err = "Failed to connect to bus: No such file or directory\n", .status = 1});
  state_text("", 1);
  expect_problem(control("start"), Code::kUnsupported, "Failed to connect to bus: No such file or directory");
}

TEST_F(Control, SaysThatThereIsNoSuchService) {
  load();
  state("missing.show");
  host.node().on(plain("start"),
                 {.err = "Failed to start execution.service: Unit execution.service not found.\n", .status = 5});
  host.node().on(plain("enable"),
                 {.err = "Failed to enable unit: Unit file execution.service does not exist.\n", .status = 1});
  for (const auto* action : {"start", "enable"})
    expect_problem(control(action), Code::kNotFound, "There is no service execution on this node.");
  EXPECT_EQ(host.audits().back().end, "not_found");
}

TEST_F(Control, WaitsAsLongAsAClientMayTakeToStop) {
  load();
  host.node().on(plain("stop"), {.delay = 569s});
  auto& call = control("stop");
  host.advance(568s);
  EXPECT_FALSE(call.ended());
  host.advance(1s);
  EXPECT_TRUE(call.reply());
}

TEST_F(Control, SaysThatTheNodeGoesOnWhenItTakesTooLong) {
  load();
  host.node().on(plain("stop"), {.stays = true});
  auto& call = control("stop");
  host.advance(570s);
  expect_problem(call, Code::kTimeout, "goes on with it");
  EXPECT_THAT(record(), StartsWith("stop execution.service timeout: The node still works"));
}

TEST_F(Control, PutsOnRecordThatTheCallerLeft) {
  load();
  host.node().on(plain("stop"), {.stays = true});
  auto& call = control("stop");
  EXPECT_THAT(host.audits(), IsEmpty());
  call.cancel();
  EXPECT_EQ(record(), "stop execution.service left: ");
  EXPECT_EQ(host.live_handles(), 0U);
}

TEST_F(Control, PutsOnRecordWhatIsKnownWhenTheCallerLeavesDuringTheSecondLook) {
  load();
  host.node().on(plain("start"), {});
  control("start").cancel();
  EXPECT_EQ(record(), "start execution.service left: exit 0");
}

TEST_F(Control, PutsOnRecordThatTheNodeWasLost) {
  load();
  host.node().on(plain("restart"), {.stays = true});
  control("restart");
  host.lose_node();
  EXPECT_THAT(record(), StartsWith("restart execution.service disconnected: "));
}

TEST_F(Control, PutsEachActionOnRecordOnce) {
  load();
  host.node().on(plain("stop"), {});
  state_text("ActiveState=inactive\nLoadState=loaded\n");
  control("stop");
  host.advance(10s);
  EXPECT_EQ(record(), "stop execution.service replied: exit 0, inactive");
  host.node().on(plain("enable"), {});
  state("started.show");
  control("enable");
  ASSERT_EQ(host.audits().size(), 2U);
  EXPECT_EQ(host.audits().back().result, "exit 0, enabled");
}

}  // namespace
}  // namespace service_control
