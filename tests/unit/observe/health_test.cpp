#include "observe/health.h"

#include <gmock/gmock.h>

#include <stdexcept>

namespace pillard::observe {
namespace {

TEST(Health, IsAliveAndReadyWithoutChecks) {
  Health health;
  EXPECT_EQ(health.alive().json, R"({"status":"ok","checks":{}})");
  EXPECT_EQ(health.ready().status, 200);
}

TEST(Health, IsNotReadyWhenACheckFails) {
  Health health;
  health.add("plugins", Bearing::kReady, [] { return Check{true, "2 loaded"}; });
  health.add("store", Bearing::kReady, [] { return Check{false, "\"away\""}; });
  const auto ready = health.ready();
  EXPECT_FALSE(ready.ok);
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.json, R"({"status":"failing","checks":{"plugins":{"ok":true,"detail":"2 loaded"},)"
                        R"("store":{"ok":false,"detail":"\"away\""}}})");
}

TEST(Health, StaysAliveWhenOnlyReadinessFails) {
  Health health;
  health.add("store", Bearing::kReady, [] { return Check{false}; });
  EXPECT_TRUE(health.alive().ok);
}

TEST(Health, IsNeitherWhenAnEventLoopHangs) {
  Health health;
  health.add("reactors", Bearing::kAlive, [] { return Check{false, "reactor-0 does not come back"}; });
  EXPECT_EQ(health.alive().status, 503);
  EXPECT_EQ(health.ready().status, 503);
}

TEST(Health, CountsACheckThatThrowsAsFailing) {
  Health health;
  health.add("store", Bearing::kReady, []() -> Check { throw std::runtime_error("secret"); });
  EXPECT_EQ(health.ready().json,
            R"({"status":"failing","checks":{"store":{"ok":false,"detail":"the check itself failed"}}})");
}

TEST(Health, AsksTheNewerOfTwoChecksWithOneName) {
  Health health;
  health.add("store", Bearing::kReady, [] { return Check{false}; });
  health.add("store", Bearing::kReady, [] { return Check{}; });
  EXPECT_EQ(health.ready().json, R"({"status":"ok","checks":{"store":{"ok":true}}})");
}

TEST(Health, ForgetsARemovedCheck) {
  Health health;
  health.add("store", Bearing::kReady, [] { return Check{false}; });
  health.remove("store");
  EXPECT_TRUE(health.ready().ok);
}

TEST(Health, TurnsTrafficAwayButStaysAliveWhileDraining) {
  Health health;
  health.drain();
  EXPECT_TRUE(health.alive().ok);
  EXPECT_EQ(health.ready().json, R"({"status":"failing","checks":{"draining":{"ok":false,"detail":"shutting down"}}})");
}

}  // namespace
}  // namespace pillard::observe
