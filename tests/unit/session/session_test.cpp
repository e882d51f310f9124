#include "session/session.h"

#include <gtest/gtest.h>

#include <set>

namespace pillard::session {
namespace {

TEST(Token, IsAValidVersion4Uuid) {
  for (int i = 0; i < 100; ++i) {
    const auto token = new_token();
    EXPECT_TRUE(valid_token(token)) << token;
    EXPECT_EQ(token[14], '4');
  }
}
TEST(Token, IsNewEveryTime) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) tokens.insert(new_token());
  EXPECT_EQ(tokens.size(), 1000U);
}
TEST(Token, IsAcceptedInEitherCase) {
  EXPECT_TRUE(valid_token("b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b42"));
  EXPECT_TRUE(valid_token("B3F1C2AE-07D4-4E0B-9C59-6F0D5A1E7B42"));
}

class BadToken : public ::testing::TestWithParam<std::string> {};
TEST_P(BadToken, IsRefused) { EXPECT_FALSE(valid_token(GetParam())); }
INSTANTIATE_TEST_SUITE_P(All, BadToken,
                         ::testing::Values("", "b3f1c2ae", "b3f1c2ae-07d4-1e0b-9c59-6f0d5a1e7b42",    // version 1
                                           "b3f1c2ae-07d4-4e0b-cc59-6f0d5a1e7b42",                    // variant
                                           "b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b4",                     // short
                                           "b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b423",                   // long
                                           "b3f1c2aeX07d4-4e0b-9c59-6f0d5a1e7b42",                    // no dash
                                           "b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b4g",                    // no digit
                                           "b3f1c2a\r-07d4-4e0b-9c59-6f0d5a1e7b42",                   // control
                                           std::string("b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b4\0", 36),  // NUL
                                           "{b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b42}"));

TEST(LogId, NamesASessionWithoutAnyPartOfItsToken) {
  const std::string token = "b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b42";
  const auto id = log_id(token);
  EXPECT_EQ(id.size(), 12U);
  EXPECT_EQ(id, log_id(token));
  EXPECT_NE(id, log_id("b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b43"));
  EXPECT_EQ(token.find(id.substr(0, 8)), std::string::npos);
}

}  // namespace
}  // namespace pillard::session
