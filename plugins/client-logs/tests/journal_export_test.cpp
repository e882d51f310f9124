#include "journal_export.h"

#include <gmock/gmock.h>

#include <vector>

#include "pillard/testing/plugin.h"

namespace client_logs {
namespace {

using pillard::testing::read_file;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

/// Feeds `bytes` in pieces of `size`.
std::vector<Entry> parse(std::string_view bytes, std::size_t size = std::string_view::npos) {
  std::vector<Entry> entries;
  ExportParser parser;
  while (!bytes.empty()) {
    parser.feed(bytes.substr(0, size), [&](Entry& entry) { entries.push_back(entry); });
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return entries;
}

std::vector<std::string> messages(const std::vector<Entry>& entries) {
  std::vector<std::string> texts;
  texts.reserve(entries.size());
  for (const auto& entry : entries) texts.push_back(entry.has_message ? entry.message : "(none)");
  return texts;
}

std::string binary(const std::string& name, const std::string& data) {
  std::string field = name + "\n";
  for (unsigned byte = 0; byte < 8; ++byte) field += static_cast<char>(data.size() >> (8 * byte) & 0xFFU);
  return field + data + "\n";
}

TEST(JournalExport, ReadsWhatARealNodePrinted) {
  const auto entries = parse(read_file("testdata/execution.export"));
  ASSERT_THAT(entries, SizeIs(5));
  const auto& entry = entries.front();
  EXPECT_THAT(entry.cursor, StartsWith("s=3ed863e663574105b7994a75fb22ca7c;i="));
  EXPECT_EQ(entry.priority, 6);
  EXPECT_THAT(entry.stream, SizeIs(32));
  EXPECT_GT(entry.unix_ms(), 1795392000000);
  EXPECT_THAT(entry.message, StartsWith("INFO [11-23|"));
  EXPECT_FALSE(entry.is_part);
}

TEST(JournalExport, ReadsEveryKindOfMessageExactly) {
  const auto texts = messages(parse(read_file("testdata/noisy.export")));
  ASSERT_THAT(texts, SizeIs(22));
  EXPECT_EQ(texts[0], "Started noisy.service - Noisy.");
  EXPECT_THAT(texts[1], StartsWith("  leading and trailing white space"));
  EXPECT_EQ(texts[3], "\033[32mINFO\033[0m colour \033[1mbold\033[0m");
  EXPECT_EQ(texts[4], "tab\there");
  EXPECT_EQ(texts[5], "bad \xff\xfe utf8 \xe2\x82 end");
  EXPECT_EQ(texts[11], std::string(5000, 'L') + "|");
  EXPECT_EQ(texts[16], "");
  EXPECT_EQ(texts[17], "(none)");
  EXPECT_EQ(texts[18], "first line\n  second line\n\nlast line\n");
  EXPECT_EQ(texts[19], "x\n\n__CURSOR=fake\nMESSAGE=fake\n\n");
  EXPECT_EQ(texts[20], "last without end");
}

TEST(JournalExport, KnowsThePartsOfALongLine) {
  std::vector<std::size_t> parts;
  for (const auto& entry : parse(read_file("testdata/noisy.export")))
    if (entry.is_part) parts.push_back(entry.message.size());
  EXPECT_THAT(parts, ElementsAre(48 * 1024, 48 * 1024));
}

TEST(JournalExport, ReadsPriorities) {
  const auto entries = parse(read_file("testdata/noisy.export"));
  ASSERT_THAT(entries, SizeIs(22));
  EXPECT_EQ(entries[8].priority, 3);
  EXPECT_EQ(entries[9].priority, 4);
  EXPECT_EQ(entries[10].priority, 7);
}

TEST(JournalExport, KnowsJournaldsWordsOnSuppressedMessages) {
  std::vector<std::string> told;
  for (const auto& entry : parse(read_file("testdata/flood.export")))
    if (entry.tells_of_drops) told.push_back(entry.message);
  EXPECT_THAT(told, ElementsAre(testing::MatchesRegex("Suppressed [0-9]+ messages from flood.service")));
}

TEST(JournalExport, ReadsTheSameFromPiecesOfAnySize) {
  for (const auto* file : {"testdata/noisy.export", "testdata/flood.export", "testdata/execution.export"}) {
    const auto bytes = read_file(file);
    const auto whole = parse(bytes);
    for (const std::size_t size : {1U, 2U, 3U, 7U, 64U, 1000U, 4096U, 32768U}) {
      const auto pieces = parse(bytes, size);
      ASSERT_EQ(messages(pieces), messages(whole)) << file << " in pieces of " << size;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(pieces[i].cursor, whole[i].cursor);
        EXPECT_EQ(pieces[i].realtime, whole[i].realtime);
        EXPECT_EQ(pieces[i].stream, whole[i].stream);
        EXPECT_EQ(pieces[i].is_part, whole[i].is_part);
      }
    }
  }
}

TEST(JournalExport, WaitsForTheEndOfAnEntry) {
  EXPECT_THAT(parse("__CURSOR=a\nMESSAGE=x\n"), IsEmpty());
  EXPECT_THAT(parse("__CURSOR=a\nMESSAGE=x\n\n"), SizeIs(1));
}

TEST(JournalExport, ReadsOneEntryFromAnyNumberOfEmptyLines) {
  EXPECT_THAT(messages(parse("\n\nMESSAGE=x\n\n\n\nMESSAGE=y\n\n")), ElementsAre("x", "y"));
}

TEST(JournalExport, KeepsNothingOfTheEntryBefore) {
  const auto entries = parse(
      "__CURSOR=a\nPRIORITY=3\nMESSAGE=x\n_LINE_BREAK=line-max\nN_DROPPED=1\n_STREAM_ID=s\n"
      "__REALTIME_TIMESTAMP=5000\n\nNOTE=\n\n");
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[1].cursor, "");
  EXPECT_EQ(entries[1].priority, 6);
  EXPECT_FALSE(entries[1].has_message);
  EXPECT_FALSE(entries[1].is_part);
  EXPECT_FALSE(entries[1].tells_of_drops);
  EXPECT_EQ(entries[1].stream, "");
  EXPECT_EQ(entries[1].unix_ms(), 0);
}

TEST(JournalExport, TakesTheFirstOfTwoMessages) {
  EXPECT_THAT(messages(parse("MESSAGE=first\nMESSAGE=second\n\n")), ElementsAre("first"));
}

TEST(JournalExport, ReadsABinaryFieldOfNoBytes) {
  EXPECT_THAT(messages(parse(binary("MESSAGE", "") + "\n")), ElementsAre(""));
}

TEST(JournalExport, StepsOverABinaryFieldThatItDoesNotKnow) {
  EXPECT_THAT(messages(parse(binary("COREDUMP", std::string(3'000'000, '\n')) + "MESSAGE=x\n\n", 65536)),
              ElementsAre("x"));
}

TEST(JournalExport, CutsAMessageOverAMebibyteAndSaysByHowMuch) {
  const std::string longest(kMaxLine, 'x');
  for (const std::size_t piece : {std::string::npos, std::size_t{32768}}) {
    const auto text = parse("MESSAGE=" + longest + "12345\n\n", piece);
    ASSERT_THAT(text, SizeIs(1));
    EXPECT_EQ(text[0].message, longest);
    EXPECT_EQ(text[0].lost, 5U);
    const auto bytes = parse(binary("MESSAGE", longest + std::string(100'000, 'y')) + "\n", piece);
    ASSERT_THAT(bytes, SizeIs(1));
    EXPECT_EQ(bytes[0].message, longest);
    EXPECT_EQ(bytes[0].lost, 100'000U);
    EXPECT_EQ(parse("MESSAGE=" + longest + "\n\n", piece).front().lost, 0U);
  }
}

TEST(JournalExport, CutsBetweenCharacters) {
  const auto entry = parse("MESSAGE=" + std::string(kMaxLine - 1, 'x') + "\u20ac and more\n\n").front();
  EXPECT_EQ(entry.message.size(), kMaxLine - 1);
  EXPECT_EQ(entry.lost, 12U);
}

TEST(JournalExport, TakesNumbersThatAreNoneAsDefaults) {
  const auto entry = parse("PRIORITY=high\n__REALTIME_TIMESTAMP=-1\nMESSAGE=x\n\n").front();
  EXPECT_EQ(entry.priority, 6);
  EXPECT_EQ(entry.unix_ms(), 0);
}

TEST(JournalExport, TakesAPriorityOverSevenAsSeven) { EXPECT_EQ(parse("PRIORITY=99\n\n").front().priority, 7); }

TEST(JournalExport, BoundsFieldsThatAreNoMessage) {
  EXPECT_LE(parse("__CURSOR=" + std::string(100'000, 'c') + "\n\n").front().cursor.size(), 256U);
}

TEST(JournalExport, RefusesWhatIsNoField) {
  for (const std::string bytes : {"hello world\n", "=x\n", "-- No entries --\n", "lower=x\n", "N\xff=x\n"})
    EXPECT_THROW(parse(bytes), FormatError) << bytes;
}

TEST(JournalExport, RefusesABinaryFieldOfAnAbsurdLength) {
  EXPECT_THROW(parse("MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff"), FormatError);
}

TEST(JournalExport, RefusesABinaryFieldThatIsLongerThanItSays) {
  EXPECT_THROW(parse("MESSAGE\n" + std::string("\3\0\0\0\0\0\0\0abcd\n\n", 14)), FormatError);
}

TEST(JournalExport, RefusesAnEntryThatNeverEnds) {
  std::string bytes;
  for (int field = 0; field < 5000; ++field) bytes += "NOTE=x\n";
  EXPECT_THROW(parse(bytes), FormatError);
}

}  // namespace
}  // namespace client_logs
