#include "pillard/text.h"

#include <gmock/gmock.h>

#include <cstdint>

namespace {

using pillard::find_property;
using pillard::first_line;
using pillard::take_line;
using pillard::take_number;
using pillard::take_until;
using pillard::take_word;
using pillard::to_number;
using pillard::to_property;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) lines.push_back(take_line(text));
  return lines;
}

TEST(Text, IsTakenLineByLine) {
  EXPECT_THAT(lines_of("one\n\ntwo\r\nthree"), ElementsAre("one", "", "two\r", "three"));
  EXPECT_THAT(lines_of("one\n"), ElementsAre("one")) << "what ends the last line begins none";
  EXPECT_THAT(lines_of(""), IsEmpty());
}

TEST(Text, IsTakenUpToASeparator) {
  std::string_view text = "sda:1:";
  EXPECT_EQ(take_until(text, ':'), "sda");
  EXPECT_EQ(text, "1:");
  EXPECT_EQ(take_until(text, ':'), "1");
  EXPECT_EQ(text, "");
  EXPECT_EQ(take_until(text, ':'), "");
  text = "sda";
  EXPECT_EQ(take_until(text, ':'), "sda") << "all of it where there is none";
  EXPECT_EQ(text, "");
}

TEST(Text, IsTakenWordByWord) {
  std::string_view text = " \tcpu0  12\r\n";
  EXPECT_EQ(take_word(text), "cpu0");
  EXPECT_EQ(text, "  12\r\n") << "what stands behind a word stays";
  EXPECT_EQ(take_number<int>(text), 12);
  EXPECT_EQ(take_word(text), "");
  EXPECT_EQ(text, "");
  text = "x 7";
  EXPECT_EQ(take_number<int>(text), std::nullopt);
  EXPECT_EQ(take_number<int>(text), 7) << "the word that was no number is gone";
}

TEST(Number, IsAllOfTheText) {
  EXPECT_EQ(to_number<std::int64_t>("-12"), -12);
  EXPECT_EQ(to_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(to_number<double>("0.42"), 0.42);
  for (const auto* text : {"", " 1", "1 ", "+1", "1x", "x", "0x10", "9223372036854775808", "1.5"})
    EXPECT_EQ(to_number<std::int64_t>(text), std::nullopt) << text;
  EXPECT_EQ(to_number<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(to_number<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(to_number<double>("1e999"), std::nullopt);
}

TEST(Property, IsPartedAtTheFirstEquals) {
  EXPECT_EQ(to_property("Id=ssh.service").key, "Id");
  EXPECT_EQ(to_property("Id=ssh.service").value, "ssh.service");
  EXPECT_EQ(to_property("Environment=A=1").value, "A=1");
  EXPECT_EQ(to_property("PRETTY_NAME=\"Debian 12\"").value, "\"Debian 12\"");
  EXPECT_EQ(to_property("Id").key, "Id");
  EXPECT_EQ(to_property("Id").value, "");
  EXPECT_EQ(to_property("=x").key, "");
  EXPECT_EQ(to_property("=x").value, "x");
}

TEST(Property, IsFoundByItsWholeName) {
  constexpr auto kShown = "Id=ssh.service\nIdle=no\nLoadState=\nIdl=1\nIdle=yes";
  EXPECT_EQ(find_property(kShown, "Id"), "ssh.service");
  EXPECT_EQ(find_property(kShown, "Idle"), "no") << "the first one counts";
  EXPECT_EQ(find_property(kShown, "LoadState"), "");
  EXPECT_EQ(find_property(kShown, "State"), "");
  EXPECT_EQ(find_property("Id", "Id"), "");
}

TEST(FirstLine, IsShortEnoughForAMessage) {
  EXPECT_EQ(first_line("Failed.\nSee systemctl status.\n"), "Failed.");
  EXPECT_EQ(first_line(""), "");
  EXPECT_EQ(first_line(std::string(500, 'x')), std::string(200, 'x'));
}

}  // namespace
