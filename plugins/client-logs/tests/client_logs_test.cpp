#include "fixture.h"

namespace client_logs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class ClientLogs : public LogFixture {};

TEST_F(ClientLogs, PublishesALineWithItsTimePriorityAndCursor) {
  auto& stream = following(entry(7, "hello"));
  EXPECT_THAT(stream.events(),
              ElementsAre(R"({"service":"execution","line":"hello","timestamp":7000,"priority":6,"cursor":")" +
                          cursor(7) + R"("})"));
  EXPECT_THAT(stream.cursors(), ElementsAre(cursor(7)));
}

TEST_F(ClientLogs, ReadsFiftyLinesOfHistoryOfTheUnit) {
  subscribe();
  EXPECT_THAT(host.last_process().argv(),
              ElementsAre("env", "LC_ALL=C", "journalctl", "--no-pager", "--output=export", "--all",
                          "--output-fields=MESSAGE,PRIORITY,_LINE_BREAK,_STREAM_ID,N_DROPPED",
                          "--unit=execution.service", "--lines=50"));
}

TEST_F(ClientLogs, ReadsAsManyLinesOfHistoryAsConfigured) {
  subscribe(R"({"service":"execution"})", "lines = 7\n");
  EXPECT_THAT(host.last_process().argv(), Contains("--lines=7"));
}

TEST_F(ClientLogs, FollowsBehindTheLastLineOfTheHistory) {
  auto& stream = following(entry(1, "one") + entry(2, "two"));
  EXPECT_THAT(host.last_process().argv(), IsSupersetOf(Argv{"--follow", "--no-tail", "--cursor=" + cursor(2)}));
  host.last_process().out(entry(2, "two") + entry(3, "three"));
  EXPECT_THAT(lines(stream), ElementsAre("one", "two", "three"));
  EXPECT_THAT(stream.notices(), IsEmpty());
}

TEST_F(ClientLogs, FollowsFromTheBeginningWhereThereIsNoHistory) {
  auto& stream = following("");
  EXPECT_THAT(host.last_process().argv(), Not(Contains(StartsWith("--cursor"))));
  host.last_process().out(entry(1, "one"));
  EXPECT_THAT(lines(stream), ElementsAre("one"));
}

TEST_F(ClientLogs, FollowsIntoANewBootWithoutSayingThatLinesAreMissing) {
  auto& stream = following(entry(1, "before", "", "b1"));
  host.last_process().out(entry(2, "after", "", "b2"));
  EXPECT_THAT(lines(stream), ElementsAre("before", "after"));
  EXPECT_THAT(stream.notices(), IsEmpty());
}

TEST_F(ClientLogs, ResumesBehindTheLastLineAfterTheNodeWasAway) {
  auto& stream = following(entry(1, "one") + entry(2, "two"));
  host.lose_node();
  stream.rebuild();
  host.advance();
  EXPECT_THAT(host.last_process().argv(),
              AllOf(Contains("--cursor=" + cursor(2)), Not(Contains(StartsWith("--lines")))));
  host.last_process().out(entry(2, "two") + entry(3, "three"));
  host.last_process().exit();
  host.advance();
  host.last_process().out(entry(3, "three") + entry(4, "four"));
  EXPECT_THAT(lines(stream), ElementsAre("one", "two", "three", "four"));
  EXPECT_THAT(stream.notices(), IsEmpty());
}

TEST_F(ClientLogs, ResumesBehindTheCursorThatAClientBrings) {
  auto& stream = subscribe(R"({"service":"execution","cursor":")" + cursor(5) + R"("})");
  host.last_process().out(entry(5, "known") + entry(6, "new"));
  EXPECT_THAT(lines(stream), ElementsAre("new"));
}

TEST_F(ClientLogs, SaysThatLinesMayBeMissingWhenTheJournalLostTheLastOne) {
  auto& stream = subscribe(R"({"service":"execution","cursor":")" + cursor(5) + R"("})");
  host.last_process().out(entry(9, "much later"));
  EXPECT_THAT(lines(stream), ElementsAre("much later"));
  ASSERT_THAT(stream.notices(), SizeIs(1));
  EXPECT_THAT(stream.notices().front().what(), AllOf(HasSubstr("execution"), HasSubstr("missing")));
}

TEST_F(ClientLogs, SaysThatLinesMayBeMissingWhenTheJournalIsVacuumedBeforeItFollows) {
  auto& stream = following(entry(1, "one"));
  host.last_process().out(entry(9, "later"));
  EXPECT_THAT(stream.notices(), SizeIs(1));
  EXPECT_THAT(lines(stream), ElementsAre("one", "later"));
}

TEST_F(ClientLogs, BeginsAnewWhenNothingIsLeftBehindACursor) {
  auto& stream = subscribe(R"({"service":"execution","cursor":")" + cursor(5) + R"("})");
  host.last_process().exit();
  host.advance();
  EXPECT_THAT(stream.notices(), SizeIs(1));
  EXPECT_THAT(host.last_process().argv(), Contains("--lines=50"));
}

TEST_F(ClientLogs, BeginsAnewWhenTheNodeDoesNotKnowACursor) {
  auto& stream = subscribe(R"({"service":"execution","cursor":"rubbish"})");
  host.last_process().exit(1, "Failed to seek to cursor: Invalid argument\n");
  host.advance();
  EXPECT_THAT(stream.notices(), SizeIs(1));
  EXPECT_THAT(host.last_process().argv(), Contains("--lines=50"));
  EXPECT_TRUE(stream.running());
}

TEST_F(ClientLogs, ShowsNothingTwiceThatJournalctlShowsAgain) {
  auto& stream = following(entry(1, "one") + entry(2, "two"));
  host.last_process().out(entry(2, "two") + entry(3, "three") + entry(3, "three") + entry(2, "two"));
  host.last_process().out(entry(3, "three") + entry(4, "four"));
  EXPECT_THAT(lines(stream), ElementsAre("one", "two", "three", "four"));
  EXPECT_THAT(stream.notices(), IsEmpty());
}

TEST_F(ClientLogs, IsTakenUpAgainWhenJournalctlEnds) {
  auto& stream = following();
  host.last_process().exit(1, "Failed to iterate through journal: Bad message\nmore\n");
  host.advance();
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_TRUE(pillard::passing(stream.problems().front().code()));
  EXPECT_THAT(stream.problems().front().what(), AllOf(HasSubstr("execution"), EndsWith("Bad message")));
  EXPECT_FALSE(stream.ended());
}

TEST_F(ClientLogs, EndsWhenTheNodePrintsWhatIsNoJournal) {
  auto& stream = following();
  host.last_process().out("Welcome to the machine!\n");
  host.advance();
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), Code::kInternal);
}

TEST_F(ClientLogs, KeepsEveryByteOfALine) {
  auto& stream = following(entry(1, "  two spaces  \t") + entry(2, "") + entry(3, "tab\there"));
  EXPECT_THAT(lines(stream), ElementsAre("  two spaces  \t", "", "tab\there"));
}

TEST_F(ClientLogs, ShowsInvalidBytesAsReplacementCharacters) {
  EXPECT_THAT(lines(following(entry(1, "bad \xff\xfe end"))), ElementsAre("bad \uFFFD\uFFFD end"));
}

TEST_F(ClientLogs, PublishesWhatARealNodePrinted) {
  const auto texts = lines(following(read_file("testdata/noisy.export")));
  ASSERT_THAT(texts, SizeIs(19));  // three parts are one line, and an entry without a message is none
  EXPECT_THAT(texts, Contains("\033[32mINFO\033[0m colour \033[1mbold\033[0m"));
  EXPECT_THAT(texts, Contains("first line\n  second line\n\nlast line\n"));
  EXPECT_THAT(texts, Contains(AllOf(SizeIs(100'003), StartsWith("000000001 000000002"), EndsWith(" 000010000 END"))));
}

TEST_F(ClientLogs, TellsOfSuppressedMessagesAsAWarning) {
  auto& stream = following(read_file("testdata/flood.export"));
  EXPECT_THAT(stream.events(), Contains(AllOf(HasSubstr("Suppressed"), HasSubstr(R"("priority":4)"))));
}

TEST_F(ClientLogs, JoinsALineThatJournaldTookApart) {
  auto& stream = following(part(1, "begin ") + entry(2, "from systemd"));
  host.last_process().out(entry(2, "from systemd") + last_part(3, "end"));
  EXPECT_THAT(lines(stream), ElementsAre("from systemd", "begin end"));
  EXPECT_THAT(stream.cursors(), ElementsAre(cursor(2), cursor(3)));
}

TEST_F(ClientLogs, ShowsTheBeginningOfALineWhoseEndDoesNotCome) {
  auto& stream = following("");
  host.last_process().out(part(1, "begin "));
  host.advance(1999ms);
  EXPECT_THAT(lines(stream), IsEmpty());
  host.advance(1ms);
  EXPECT_THAT(lines(stream), ElementsAre("begin "));
}

TEST_F(ClientLogs, GivesALateLineACursorThatRepeatsNothing) {
  auto& stream = following("");
  host.last_process().out(part(1, "begin ") + entry(2, "two"));
  host.advance(2s);
  EXPECT_THAT(lines(stream), ElementsAre("two", "begin "));
  EXPECT_THAT(stream.cursors(), ElementsAre(cursor(2), cursor(2)));
}

TEST_F(ClientLogs, ShowsAnUnfinishedLineWhenJournalctlEnds) {
  auto& stream = following("");
  host.last_process().out(part(1, "begin "));
  host.last_process().exit();
  host.advance();
  EXPECT_THAT(lines(stream), ElementsAre("begin "));
}

TEST_F(ClientLogs, MarksALineThatWasCut) {
  const auto texts = lines(following(entry(1, std::string(kMaxLine + 5, 'x'))));
  EXPECT_THAT(texts, ElementsAre(EndsWith("x [5 bytes cut]")));
}

TEST_F(ClientLogs, StopsAllWorkWithItsLastSubscriber) {
  auto& stream = following();
  auto& follower = host.last_process();
  host.last_process().out(part(2, "begin "));
  stream.unsubscribe();
  EXPECT_TRUE(follower.cancelled());
  EXPECT_EQ(host.live_handles(), 0U);
}

TEST_F(ClientLogs, CountsItsLines) {
  following(entry(1, "one") + entry(2, "two"));
  EXPECT_EQ(host.counters().at("lines"), 2);
}

}  // namespace
}  // namespace client_logs
