#include "forecast.h"

#include <gmock/gmock.h>

namespace node_metrics {
namespace {

using testing::Optional;

constexpr std::uint64_t kGiB = 1024 * 1024 * 1024;

/// Watched every 2 s for so long; `used` tells how full it was at a second.
template <class Used>
FillHistory watched(int seconds, Used used) {
  FillHistory history;
  for (int at = 0; at <= seconds; at += 2) history.add(1000 + at, used(at));
  return history;
}

TEST(Forecast, IsWhatIsLeftThroughTheSlope) {
  const auto history = watched(120, [](int at) { return kGiB + static_cast<std::uint64_t>(at) * 1000; });
  EXPECT_THAT(history.full_in(3'600'000), Optional(3600));
  EXPECT_THAT(history.full_in(0), Optional(0));
}

TEST(Forecast, IsNotMadeFromLessThanAMinute) {
  EXPECT_EQ(watched(50, [](int at) { return kGiB + static_cast<std::uint64_t>(at) * 1000; }).full_in(kGiB),
            std::nullopt);
  EXPECT_NE(watched(70, [](int at) { return kGiB + static_cast<std::uint64_t>(at) * 1000; }).full_in(kGiB),
            std::nullopt);
}

TEST(Forecast, IsNotMadeFromFewPointsThatAreFarApart) {
  FillHistory history;
  for (int at = 0; at < 7; ++at) history.add(at * 60, static_cast<std::uint64_t>(at) * 1000);
  EXPECT_EQ(history.full_in(kGiB), std::nullopt);
  history.add(7 * 60, 7000);
  EXPECT_NE(history.full_in(kGiB), std::nullopt);
}

TEST(Forecast, IsNoneWhereNothingGrows) {
  EXPECT_EQ(watched(300, [](int) { return kGiB; }).full_in(kGiB), std::nullopt);
  EXPECT_EQ(watched(300, [](int at) { return kGiB - static_cast<std::uint64_t>(at) * 1000; }).full_in(kGiB),
            std::nullopt);
}

TEST(Forecast, IsNoneWhereItIsTidiedUpAsFastAsItGrows) {
  const auto saw = [](int at) { return kGiB + static_cast<std::uint64_t>(at % 40) * 1'000'000; };
  EXPECT_EQ(watched(600, saw).full_in(kGiB), std::nullopt);
}

TEST(Forecast, IsNotMisledByOneLargeFileThatComesAndGoes) {
  const auto used = [](int at) {
    return kGiB + static_cast<std::uint64_t>(at) * 1000 + (at >= 100 && at < 120 ? 50 * kGiB : 0);
  };
  const auto seconds = watched(300, used).full_in(3'600'000);
  ASSERT_TRUE(seconds);
  EXPECT_NEAR(static_cast<double>(*seconds), 3600, 360);
}

TEST(Forecast, SeesStepsAsASlope) {
  const auto used = [](int at) { return kGiB + static_cast<std::uint64_t>(at / 20) * 20'000; };
  const auto seconds = watched(300, used).full_in(3'600'000);
  ASSERT_TRUE(seconds);
  EXPECT_NEAR(static_cast<double>(*seconds), 3600, 540);
}

TEST(Forecast, LooksBackOverHalfADayAtMost) {
  // It grew by ten times as much until noon; that is forgotten in the evening.
  const auto used = [](int at) {
    const auto s = static_cast<std::uint64_t>(at);
    return kGiB + (s < 43200 ? s * 10'000 : 432'000'000 + (s - 43200) * 1000);
  };
  const auto seconds = watched(2 * 43200, used).full_in(3'600'000);
  ASSERT_TRUE(seconds);
  EXPECT_NEAR(static_cast<double>(*seconds), 3600, 100);
}

TEST(Forecast, IsNoneForMoreThanTenYears) {
  const auto history = watched(300, [](int at) { return kGiB + static_cast<std::uint64_t>(at); });
  EXPECT_EQ(history.full_in(1000 * kGiB), std::nullopt);
}

TEST(Forecast, BeginsAnewAfterAReboot) {
  auto history = watched(300, [](int at) { return kGiB + static_cast<std::uint64_t>(at) * 1000; });
  history.add(10, kGiB);
  EXPECT_EQ(history.full_in(kGiB), std::nullopt);
}

}  // namespace
}  // namespace node_metrics
