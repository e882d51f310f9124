#include "cli/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "cli/command.h"

namespace pillard::cli {
namespace {

using testing::HasSubstr;

Record parsed(const std::vector<std::string>& asked) {
  ::setenv("RECORD_TEST_PASSWORD", "pw", 1);
  std::vector<std::string> words{
      "--node", "eth@node.example", "--password-env", "RECORD_TEST_PASSWORD", "--plugin", "a.so", "--to", "testdata"};
  words.insert(words.end(), asked.begin(), asked.end());
  return parse_record(words);
}

std::string refusal(const std::vector<std::string>& asked) {
  try {
    parsed(asked);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "not refused";
}

TEST(RecordWords, NameStreamsAndCallsInTheSameForm) {
  const auto wanted = parsed({"--subscribe", "subscribe_a", "--call", R"(restart={"service":"x=y"})", "--call=look"});
  ASSERT_EQ(wanted.subscriptions.size(), 1U);
  EXPECT_EQ(wanted.subscriptions[0].type, "subscribe_a");
  ASSERT_EQ(wanted.calls.size(), 2U);
  EXPECT_EQ(wanted.calls[0].type, "restart");
  EXPECT_EQ(wanted.calls[0].params, R"({"service":"x=y"})");
  EXPECT_EQ(wanted.calls[1].type, "look");
  EXPECT_EQ(wanted.calls[1].params, "");
}

TEST(RecordWords, MayNameCallsAlone) { EXPECT_EQ(parsed({"--call", "look"}).subscriptions.size(), 0U); }

TEST(RecordWords, AreRefusedByName) {
  EXPECT_EQ(refusal({}), "--subscribe or --call is missing");
  EXPECT_EQ(refusal({"--call", "look={"}), "--call look: the params are no JSON: {");
  EXPECT_EQ(refusal({"--call", "look="}), "--call look: the params are no JSON: ");
  EXPECT_EQ(refusal({"--subscribe", "a={"}), "--subscribe a: the params are no JSON: {");
  EXPECT_EQ(refusal({"--call", "look", "--call", "look={}"}), "--call look stands twice");
}

TEST(RecordWords, AreExplained) { EXPECT_THAT(kCommandHelp, HasSubstr("--call NAME[=PARAMS]")); }

}  // namespace
}  // namespace pillard::cli
