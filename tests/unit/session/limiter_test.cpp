#include "session/limiter.h"

#include <gtest/gtest.h>

namespace pillard::session {
namespace {

using namespace std::chrono_literals;

class LoginLimiterTest : public ::testing::Test {
 protected:
  std::optional<LoginLimiter::Refusal> attempt(const std::string& client, const std::string& node = "node:22",
                                               const std::string& user = "ethnode") {
    return limiter_.attempt(Poco::Net::IPAddress(client), node, user);
  }
  bool allowed(const std::string& client, const std::string& node = "node:22", const std::string& user = "ethnode") {
    return !attempt(client, node, user);
  }
  /// The nth different address.
  static std::string client(int n) { return "10.0." + std::to_string(n / 250) + "." + std::to_string(n % 250); }
  static std::string node(int n) { return "node-" + std::to_string(n) + ":22"; }

  LoginLimiter::Clock::time_point now_{1000h};
  LoginLimiter limiter_{{.address = {.attempts = 4, .window = 60s},
                         .account = {.attempts = 2, .window = 60s},
                         .node = {.attempts = 6, .window = 60s},
                         .max_keys = 50,
                         .now = [this] { return now_; }}};
};

TEST_F(LoginLimiterTest, LimitsAnAddressOverAllNodes) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("192.0.2.7", node(i)));
  EXPECT_FALSE(allowed("192.0.2.7", node(4)));
  EXPECT_TRUE(allowed("192.0.2.8", node(4)));
}
TEST_F(LoginLimiterTest, SaysWhenToTryAgain) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("192.0.2.7", node(i)));
  now_ += 5s;
  const auto refusal = attempt("192.0.2.7", node(4));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->retry_after, 10s);
  EXPECT_EQ(refusal->error.code(), Code::kOverloaded);
  EXPECT_STREQ(refusal->error.what(), "Too many login attempts. Try again in 10 seconds.");
  now_ += refusal->retry_after - 1ms;
  EXPECT_FALSE(allowed("192.0.2.7", node(4)));
  now_ += 1ms;
  EXPECT_TRUE(allowed("192.0.2.7", node(4)));
  EXPECT_FALSE(allowed("192.0.2.7", node(5)));
}
TEST_F(LoginLimiterTest, ChargesNothingForARefusedAttempt) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("192.0.2.7", node(i)));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(allowed("192.0.2.7", "victim:22"));
  now_ += 15s;
  EXPECT_TRUE(allowed("192.0.2.7", "victim:22"));
  EXPECT_TRUE(allowed("192.0.2.8", "victim:22"));
}
TEST_F(LoginLimiterTest, GivesTheWholeBudgetBackAfterAWindow) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("192.0.2.7", node(i)));
  now_ += 60s;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("192.0.2.7", node(i)));
  EXPECT_FALSE(allowed("192.0.2.7", node(5)));
}
TEST_F(LoginLimiterTest, TakesAnIpv6NetworkForOneClient) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("2001:db8:0:1::" + std::to_string(i), node(i)));
  EXPECT_FALSE(allowed("2001:db8:0:1:ffff:ffff:ffff:ffff", node(5)));
  EXPECT_TRUE(allowed("2001:db8:0:2::1", node(5)));
}
TEST_F(LoginLimiterTest, TakesAMappedAddressForTheIpv4One) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed(i % 2 ? "::ffff:192.0.2.7" : "192.0.2.7", node(i)));
  EXPECT_FALSE(allowed("::ffff:192.0.2.7", node(5)));
  EXPECT_TRUE(allowed("::ffff:192.0.2.8", node(5)));
}

TEST_F(LoginLimiterTest, LimitsAnAccountOverAllAddresses) {
  EXPECT_TRUE(allowed(client(1)));
  EXPECT_TRUE(allowed(client(2)));
  const auto refusal = attempt(client(3));
  ASSERT_TRUE(refusal);
  EXPECT_STREQ(refusal->error.what(), "Too many login attempts for this node. Try again in 30 seconds.");
  EXPECT_TRUE(allowed(client(3), "node:22", "root"));
  EXPECT_TRUE(allowed(client(3), "node:2222"));
}
TEST_F(LoginLimiterTest, LimitsANodeOverAllAccounts) {
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(allowed(client(i), "node:22", "user" + std::to_string(i)));
  EXPECT_FALSE(allowed(client(7), "node:22", "user7"));
}
TEST_F(LoginLimiterTest, KeepsTheBordersOfNodeAndUser) {
  EXPECT_TRUE(allowed(client(1), "n", "ab"));
  EXPECT_TRUE(allowed(client(2), "n", "ab"));
  EXPECT_TRUE(allowed(client(3), "na", "b"));
}
TEST_F(LoginLimiterTest, RefundsASuccessToAccountAndNode) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(allowed(client(i)));
    limiter_.succeeded("node:22", "ethnode");
  }
}
TEST_F(LoginLimiterTest, RefundsNothingToTheAddress) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(allowed("192.0.2.7"));
    limiter_.succeeded("node:22", "ethnode");
  }
  EXPECT_FALSE(allowed("192.0.2.7"));
}
TEST_F(LoginLimiterTest, BanksNoCreditForSuccesses) {
  for (int i = 0; i < 20; ++i) limiter_.succeeded("node:22", "ethnode");
  EXPECT_TRUE(allowed(client(1)));
  for (int i = 0; i < 20; ++i) limiter_.succeeded("node:22", "ethnode");
  EXPECT_TRUE(allowed(client(2)));
  EXPECT_TRUE(allowed(client(3)));
  EXPECT_FALSE(allowed(client(4)));
}

TEST_F(LoginLimiterTest, IsNotResetByAFloodOfOthers) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allowed("192.0.2.7", node(i)));
  for (int i = 0; i < 500; ++i) attempt(client(i), node(i));
  EXPECT_FALSE(allowed("192.0.2.7", node(0)));
}
TEST_F(LoginLimiterTest, RefusesNewcomersWhileItIsFull) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(allowed(client(i), node(i)));
  const auto refusal = attempt(client(50), node(50));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->retry_after, 1s);
}
TEST_F(LoginLimiterTest, ForgetsWhoseBudgetIsWhole) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(allowed(client(i), node(i)));
  now_ += 31s;
  for (int i = 50; i < 100; ++i) EXPECT_TRUE(allowed(client(i), node(i)));
}

}  // namespace
}  // namespace pillard::session
