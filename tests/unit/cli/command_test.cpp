#include "cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pillard::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Words::Known kKnown{.once = {"into", "for"}, .repeated = {"subscribe"}};

std::string refusal(const std::vector<std::string>& words) {
  try {
    Words taken(words, kKnown);
    taken.integer("for", 1, 3600);
    taken.required("into");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "not refused";
}

TEST(CommandWords, AreOptionsInBothSpellingsAndTheRest) {
  const Words words({"name", "--into", "dir", "--subscribe=a=1", "--subscribe", "b", "--for=30", "more"}, kKnown);
  EXPECT_THAT(words.plain(), ElementsAre("name", "more"));
  EXPECT_EQ(words.option("into"), "dir");
  EXPECT_THAT(words.options("subscribe"), ElementsAre("a=1", "b"));
  EXPECT_EQ(words.integer("for", 1, 3600), 30);
  EXPECT_EQ(words.option("absent"), std::nullopt);
  EXPECT_THAT(words.options("absent"), IsEmpty());
}

TEST(CommandWords, AreNoOptionsBehindTwoDashes) {
  const Words words({"--", "--into", "x"}, kKnown);
  EXPECT_THAT(words.plain(), ElementsAre("--into", "x"));
}

TEST(CommandWords, AreRefusedByName) {
  EXPECT_EQ(refusal({"--onto", "dir"}), "\"--onto\" is no option here");
  EXPECT_EQ(refusal({"--into"}), "--into has no value");
  EXPECT_EQ(refusal({"--into", "a", "--into=b"}), "--into stands twice");
  EXPECT_EQ(refusal({"--for=5"}), "--into is missing");
  for (const auto* text : {"", "x", "0", "3601", "5s", "99999999999999999999"})
    EXPECT_THAT(refusal({"--for", text}), HasSubstr("--for: expected an integer from 1 to 3600, got")) << text;
}

TEST(Commands, LeaveToTheDaemonWhatIsNoneOfThem) {
  EXPECT_EQ(run_command({}), std::nullopt);
  EXPECT_EQ(run_command({"--config", "new-plugin"}), std::nullopt);
  EXPECT_EQ(run_command({"serve"}), std::nullopt);
}

TEST(Commands, EndWithTheStatusOfWhatWasWrong) {
  EXPECT_EQ(run_command({"new-plugin"}), 64);
  EXPECT_EQ(run_command({"new-plugin", "a-b", "--onto", "x"}), 64);
  EXPECT_EQ(run_command({"new-plugin", "Not A Name"}), 73);
  EXPECT_EQ(run_command({"describe"}), 64);
  EXPECT_EQ(run_command({"describe", "--as", "typescript"}), 64);
  EXPECT_EQ(run_command({"describe", "--as", "yaml", "a.so"}), 64);
  EXPECT_EQ(run_command({"describe", "--as", "markdown", "a.so", "b.so"}), 64);
  EXPECT_EQ(run_command({"describe", "--as", "typescript", "--config", "a.ini", "a.so", "b.so"}), 64);
  EXPECT_EQ(run_command({"describe", "--as", "typescript", "no-such.so"}), 73);
}

}  // namespace
}  // namespace pillard::cli
