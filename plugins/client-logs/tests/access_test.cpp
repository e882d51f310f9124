#include "fixture.h"

namespace client_logs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class LogAccess : public LogFixture {};

pillard::Exit failed(const std::string& words) {
  pillard::Exit exit;
  exit.status = 1;
  exit.err = words;
  return exit;
}

TEST_F(LogAccess, RefusesACursorWithOtherCharacters) {
  host.load(new_plugin());
  std::string words;
  EXPECT_EQ(refusal(host, R"({"service":"execution","cursor":"s=0 | reboot"})", &words), Code::kBadRequest);
  EXPECT_THAT(words, HasSubstr("cursor"));
}

TEST_F(LogAccess, RefusesARequestWithoutAService) {
  host.load(new_plugin());
  for (const auto* params : {"", "{}", "null", "[]", "\"execution\"", R"({"service":null})", R"({"service":5})"})
    EXPECT_EQ(refusal(host, params), Code::kBadRequest) << params;
}

TEST_F(LogAccess, RefusesANameThatIsNoUnitAndRepeatsIt) {
  host.load(new_plugin());
  for (const std::string name : {"a b", "x;reboot", "getty@", "-x", "..%2f", "a/b"}) {
    std::string words;
    EXPECT_EQ(refusal(host, R"({"service":")" + name + R"("})", &words), Code::kBadRequest) << name;
    EXPECT_THAT(words, HasSubstr(name));
  }
  EXPECT_EQ(refusal(host, R"({"service":"\u0000"})"), Code::kBadRequest);
  EXPECT_EQ(refusal(host, R"({"service":""})"), Code::kBadRequest);
}

TEST_F(LogAccess, TakesAFullUnitNameAsTheSameService) {
  auto& stream = subscribe(R"({"service":"execution.service"})");
  host.last_process().out(entry(1, "one"));
  EXPECT_THAT(stream.events(), ElementsAre(StartsWith(R"({"service":"execution","line":"one")")));
}

TEST_F(LogAccess, ReadsTheJournalOfTheUnitBehindAnAlias) {
  state("Id=ssh.service\nLoadState=loaded\nActiveState=active\n");
  auto& stream = subscribe(R"({"service":"sshd"})");
  EXPECT_THAT(host.last_process().argv(), Contains("--unit=ssh.service"));
  host.last_process().out(entry(1, "one"));
  EXPECT_THAT(stream.events(), ElementsAre(HasSubstr(R"("service":"sshd")")));
}

TEST_F(LogAccess, KeepsToTheNameAskedForWhenTheNodeAnswersNonsense) {
  state("Id=--rubbish\nLoadState=\n\nnothing");
  subscribe();
  EXPECT_THAT(host.last_process().argv(), Contains("--unit=execution.service"));
}

TEST_F(LogAccess, SaysThatThereIsNoSuchService) {
  state("LoadState=not-found\nActiveState=inactive\n");
  auto& stream = following("");
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kNotFound);
  EXPECT_STREQ(stream.problems().front().what(), "There is no service execution on this node.");
  EXPECT_TRUE(stream.ended());
}

TEST_F(LogAccess, ShowsWhatIsLeftOfARemovedService) {
  state("LoadState=not-found\nActiveState=inactive\n");
  auto& stream = following(entry(1, "last words"));
  EXPECT_THAT(lines(stream), ElementsAre("last words"));
  EXPECT_THAT(stream.problems(), IsEmpty());
  ASSERT_THAT(stream.notices(), SizeIs(1));
  EXPECT_THAT(stream.notices().front().what(), HasSubstr("execution was removed"));
}

TEST_F(LogAccess, ReadsTheJournalWhereSystemctlCannotTell) {
  state("", 1);
  EXPECT_THAT(lines(following(entry(1, "one"))), ElementsAre("one"));
}

TEST_F(LogAccess, SaysThatANodeWithoutSystemdIsNotSupported) {
  state("", 127);
  auto& stream = subscribe();
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kUnsupported);
  EXPECT_EQ(host.processes(), 0U);
}

TEST_F(LogAccess, ReadsWithSudoWhereTheUserMayNotReadTheJournal) {
  readable(false);
  subscribe();
  const auto argv = host.last_process().argv();
  EXPECT_EQ((Argv{argv.begin(), argv.begin() + 5}), (Argv{"env", "LC_ALL=C", "sudo", "-n", "journalctl"}));
}

TEST_F(LogAccess, SaysWhatToDoWhereSudoWantsAPassword) {
  readable(false);
  auto& stream = subscribe();
  host.last_process().exit(1, "sudo: a password is required\n");
  host.advance();
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kAccessDenied);
  EXPECT_THAT(stream.problems().front().what(),
              AllOf(HasSubstr("execution"), HasSubstr("usermod -aG systemd-journal")));
  EXPECT_TRUE(stream.ended());
}

TEST_F(LogAccess, SaysWhatToDoWhereThereIsNoSudo) {
  readable(false);
  auto& stream = subscribe();
  host.last_process().exit(127, "env: 'sudo': No such file or directory\n");
  host.advance();
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kAccessDenied);
}

TEST_F(LogAccess, SaysNothingThatOldDashboardsTakeForALostLogin) {
  for (const auto* words :
       {"sudo: authentication failure", "x is not in the sudoers file.", "insufficient permissions"})
    EXPECT_THAT(explain(failed(words), "execution", true).what(), Not(HasSubstr("auth"))) << words;
}

TEST_F(LogAccess, SaysThatTheUserMayNotReadWhenJournalctlSaysSo) {
  EXPECT_EQ(explain(failed("No journal files were opened due to insufficient permissions.\n"), "x", false).code(),
            Code::kAccessDenied);
}

TEST_F(LogAccess, SaysThatTheNodeDidNotAnswerInTime) {
  host.node().on_prefix({"env", "LC_ALL=C", "find"}, {.delay = 60s});
  auto& stream = subscribe();
  host.advance(11s);
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kTimeout);
}

TEST_F(LogAccess, SaysOnceThatTheServiceWasRemoved) {
  auto& stream = following();
  state("LoadState=not-found\nActiveState=inactive\n");
  host.advance(60s);
  ASSERT_THAT(stream.notices(), SizeIs(1));
  EXPECT_THAT(stream.notices().front().what(), HasSubstr("execution was removed"));
  host.advance(180s);
  EXPECT_THAT(stream.notices(), SizeIs(1));
  EXPECT_TRUE(stream.running());
}

TEST_F(LogAccess, DoesNotTakeAServiceForRemovedWhenTheNodeCannotTell) {
  auto& stream = following();
  state("", 1);
  host.advance(120s);
  EXPECT_THAT(stream.notices(), IsEmpty());
  EXPECT_THAT(stream.problems(), IsEmpty());
}

TEST_F(LogAccess, OffersOnlyTheConfiguredUnits) {
  auto& stream = subscribe(R"({"service":"ssh"})", "units = execution, consensus\n");
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kAccessDenied);
  EXPECT_THAT(stream.problems().front().what(), HasSubstr("ssh"));
  EXPECT_THAT(host.commands(), IsEmpty());
}

TEST_F(LogAccess, OffersAConfiguredUnit) {
  subscribe(R"({"service":"consensus"})", "units = execution, consensus\n");
  EXPECT_EQ(host.processes(), 1U);
}

}  // namespace
}  // namespace client_logs
