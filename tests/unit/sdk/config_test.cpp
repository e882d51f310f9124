#include "pillard/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using pillard::Config;
using pillard::Mistake;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> texts(const std::vector<Mistake>& mistakes) {
  std::vector<std::string> all;
  for (const auto& mistake : mistakes) all.push_back(mistake.text());
  return all;
}

TEST(ConfigTest, ReadsKeysOfSections) {
  const Config config("a.ini", "top = 1\r\n\n# a comment\n; another\n[server]\n  listen =  127.0.0.1:3001  \n");
  EXPECT_EQ(config.integer("top", 0, 0, 9), 1);
  EXPECT_EQ(config.text("server.listen", ""), "127.0.0.1:3001");
  EXPECT_THAT(config.mistakes(), IsEmpty());
}

TEST(ConfigTest, KeepsWhatStandsBetweenQuotationMarks) {
  const Config config("a.ini", R"(a = "  two words # kept "
b = ""
c = "in " the middle"
)");
  EXPECT_EQ(config.text("a", ""), "  two words # kept ");
  EXPECT_EQ(config.text("b", "x"), "");
  EXPECT_EQ(config.text("c", ""), "in \" the middle");
  EXPECT_THAT(config.mistakes(), IsEmpty());
}

TEST(ConfigTest, SkipsAByteOrderMark) {
  const Config config("a.ini",
                      "\xEF\xBB\xBF"
                      "a = 1");
  EXPECT_EQ(config.integer("a", 0, 0, 9), 1);
}

TEST(ConfigTest, TakesTheDefaultOfWhatIsNotThere) {
  const Config config("a.ini", "");
  EXPECT_EQ(config.text("a", "b"), "b");
  EXPECT_EQ(config.integer("a", 7, 0, 9), 7);
  EXPECT_TRUE(config.flag("a", true));
  EXPECT_THAT(config.list("a", {"x"}), ElementsAre("x"));
  EXPECT_FALSE(config.has("a"));
  EXPECT_THAT(config.mistakes(), IsEmpty());
}

TEST(ConfigTest, ReadsFlagsInAllTheirSpellings) {
  const Config config("a.ini", "a=true\nb=yes\nc=on\nd=1\ne=false\nf=no\ng=off\nh=0\ni=True\n");
  for (const char* key : {"a", "b", "c", "d"}) EXPECT_TRUE(config.flag(key, false)) << key;
  for (const char* key : {"e", "f", "g", "h"}) EXPECT_FALSE(config.flag(key, true)) << key;
  EXPECT_TRUE(config.flag("i", true));
  EXPECT_THAT(texts(config.mistakes()),
              ElementsAre("a.ini:9: i: expected true or false (or yes/no, on/off, 1/0), got \"True\""));
}

TEST(ConfigTest, ReadsLists) {
  const Config config("a.ini", "a = x , y,z\nb =\nc = x,,y\nd = x,\n");
  EXPECT_THAT(config.list("a", {}), ElementsAre("x", "y", "z"));
  EXPECT_THAT(config.list("b", {"w"}), IsEmpty());
  EXPECT_THAT(config.list("c", {"w"}), ElementsAre("w"));
  EXPECT_THAT(config.list("d", {"w"}), ElementsAre("w"));
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("a.ini:3: c: an element of the list is empty",
                                                    "a.ini:4: d: an element of the list is empty"));
}

enum class Colour { kRed, kGreen };
PILLARD_ENUM(Colour, {Colour::kRed, "red"}, {Colour::kGreen, "green"})

TEST(ConfigTest, ReadsTheWordsOfAnEnumeration) {
  const Config config("a.ini", "one = green\nall = green , red\nnone =\n");
  EXPECT_EQ(config.word("one", Colour::kRed), Colour::kGreen);
  EXPECT_EQ(config.word("other", Colour::kRed), Colour::kRed);
  EXPECT_THAT(config.words<Colour>("all", {}), ElementsAre(Colour::kGreen, Colour::kRed));
  EXPECT_THAT(config.words("none", std::vector{Colour::kRed}), IsEmpty());
  EXPECT_THAT(config.words<Colour>("others", {Colour::kRed, Colour::kGreen}),
              ElementsAre(Colour::kRed, Colour::kGreen));
  EXPECT_THAT(config.mistakes(), IsEmpty());
  ASSERT_THAT(config.asked(), ::testing::SizeIs(5));
  EXPECT_EQ(config.asked()[4].name, "others");
  EXPECT_EQ(config.asked()[4].fallback, "red, green");
}

TEST(ConfigTest, NamesEveryWordThatIsNoneOfTheEnumeration) {
  const Config config("a.ini", "a = Red\nb =\nc = green, blue, red, green, re\nd = red green\n");
  EXPECT_EQ(config.word("a", Colour::kGreen), Colour::kGreen);
  EXPECT_EQ(config.word("b", Colour::kGreen), Colour::kGreen);
  EXPECT_THAT(config.words<Colour>("c", {Colour::kRed}), ElementsAre(Colour::kRed));
  EXPECT_EQ(config.word("d", Colour::kGreen), Colour::kGreen);
  EXPECT_THAT(texts(config.mistakes()),
              ElementsAre("a.ini:1: a: expected one of red, green, got \"Red\"",
                          "a.ini:2: b: expected one of red, green, got \"\"",
                          "a.ini:3: c: expected one of red, green, got \"blue\"", "a.ini:3: c: \"green\" stands twice",
                          "a.ini:3: c: expected one of red, green, got \"re\"",
                          "a.ini:4: d: expected one of red, green, got \"red green\""));
}

TEST(ConfigTest, RefusesIntegersThatAreNone) {
  for (const std::string value : {"", "x", "1.5", "0x10", "1 # note", "99999999999999999999", "+1", "0", "61"}) {
    const Config config("a.ini", "n = " + value);
    EXPECT_EQ(config.integer("n", 5, 1, 60), 5);
    EXPECT_THAT(texts(config.mistakes()),
                ElementsAre("a.ini:1: n: expected an integer from 1 to 60, got \"" + value + "\""));
  }
}

TEST(ConfigTest, RefusesAnEmptyValueWhereOneIsNeeded) {
  const Config config("a.ini", "a =\n");
  EXPECT_EQ(config.text("a", "b", 1), "b");
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("a.ini:1: a: must not be empty"));
}

TEST(ConfigTest, NamesUnknownKeysLast) {
  const Config config("a.ini", "intervall = 5\nn = x\n[s]\nm = 1\n");
  config.integer("n", 5, 1, 60);
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("a.ini:2: n: expected an integer from 1 to 60, got \"x\"",
                                                    "a.ini:1: intervall: unknown key", "a.ini:4: s.m: unknown key"));
  EXPECT_THAT(config.noted(), ::testing::SizeIs(1));
}

TEST(ConfigTest, TellsTheSameMistakeOnce) {
  const Config config("a.ini", "n = x\n");
  config.integer("n", 5, 1, 60);
  config.integer("n", 5, 1, 60);
  EXPECT_THAT(config.mistakes(), ::testing::SizeIs(1));
}

TEST(ConfigTest, RefusesAKeyThatStandsTwice) {
  const Config config("a.ini", "a = 1\n\na = 2\n");
  EXPECT_EQ(config.integer("a", 0, 0, 9), 1);
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("a.ini:3: a: stands twice, first in line 1"));
}

TEST(ConfigTest, RefusesWhatIsNoIni) {
  const Config config("a.ini", "just words\n = 5\na b = 1\nq = \"open\n");
  EXPECT_EQ(config.text("q", "default"), "default");
  EXPECT_THAT(texts(config.mistakes()),
              ElementsAre("a.ini:1: expected `key = value`, got \"just words\"",
                          "a.ini:2: expected a key of letters, digits, '-' and '_' before '=', got \"\"",
                          "a.ini:3: expected a key of letters, digits, '-' and '_' before '=', got \"a b\"",
                          "a.ini:4: q: the closing quotation mark is missing"));
}

TEST(ConfigTest, ReadsNothingBelowABrokenSection) {
  const Config config("a.ini", "[a\nx = 1\n[]\ny = 2\n[b c]\nz = 3\n[ok]\nw = 4\n");
  EXPECT_EQ(config.integer("ok.w", 0, 0, 9), 4);
  const auto found = texts(config.mistakes());
  ASSERT_THAT(found, ::testing::SizeIs(3));
  EXPECT_THAT(found[0], HasSubstr("a.ini:1: expected a section as [name]"));
  EXPECT_THAT(found[1], HasSubstr("a.ini:3:"));
  EXPECT_THAT(found[2], HasSubstr("a.ini:5:"));
}

TEST(ConfigTest, RefusesTextThatIsNotUtf8OrHasControlCharacters) {
  const Config config("a.ini", std::string("a = \xFF\nb = \x1B[2J\nc = x") + '\0' + "y\n");
  EXPECT_THAT(texts(config.mistakes()),
              ElementsAre("a.ini:1: the line is not UTF-8", "a.ini:2: the line holds a control character",
                          "a.ini:3: the line holds a control character"));
}

TEST(ConfigTest, ReadsNothingOfAFileOverAMebibyte) {
  const Config config("a.ini", "a = 1\n" + std::string(1024 * 1024, '#'));
  EXPECT_FALSE(config.has("a"));
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("a.ini: the file is larger than 1 MiB"));
}

TEST(ConfigTest, StopsCountingMistakesInAFileOfAnotherKind) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "no ini\n";
  EXPECT_LE(Config("a.ini", text).mistakes().size(), 100U);
}

TEST(ConfigTest, QuotesLongValuesShort) {
  const Config config("a.ini", "n = " + std::string(5000, 'x'));
  config.integer("n", 1, 1, 2);
  EXPECT_LT(config.mistakes().at(0).message.size(), 150U);
}

TEST(ConfigTest, NamesTheOriginOfAReplacedValue) {
  Config config("a.ini", "[s]\nport = 1\n");
  config.set("s.port", "x", "--set");
  EXPECT_EQ(config.integer("s.port", 3, 1, 9), 3);
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("--set: s.port: expected an integer from 1 to 9, got \"x\""));
}

TEST(ConfigTest, NotesWhatTheCallerRejects) {
  const Config config("a.ini", "\nurl = ftp://x\n");
  config.reject("url", "expected redis://");
  EXPECT_THAT(texts(config.mistakes()), ElementsAre("a.ini:2: url: expected redis://"));
}

TEST(ConfigTest, TellsEveryKeyThatWasAskedFor) {
  Config config("x.ini", "[a]\nport = 5\nunknown = 1\n");
  config.integer("a.port", 22, 1, 65535);
  config.list("names", {"x", "y"});
  config.flag("on", true);
  config.text("word", "hello");
  config.has("word");
  config.has("maybe");
  config.set("given", "1", "--set");
  config.text("given", "");
  std::vector<std::string> told;
  for (const auto& key : config.asked())
    told.push_back(key.name + "|" + key.fallback + "|" + (key.given ? "given " + std::to_string(key.line) : ""));
  EXPECT_THAT(told,
              ElementsAre("a.port|22|given 2", "given||given 0", "maybe||", "names|x, y|", "on|true|", "word|hello|"));
}

}  // namespace
