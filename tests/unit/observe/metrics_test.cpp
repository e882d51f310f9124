#include "observe/metrics.h"

#include <gmock/gmock.h>

#include <limits>
#include <optional>
#include <stdexcept>
#include <thread>

namespace pillard::observe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, RendersNothingWhenEmpty) { EXPECT_EQ(Metrics().render(), ""); }

TEST(Metrics, RendersCountersAndGaugesInOrder) {
  Metrics metrics;
  metrics.gauge("pillard_outbox_bytes", "Waiting to be sent.").set(-5);
  metrics.counter("pillard_frames_total", "Frames sent.").add(3);
  EXPECT_EQ(metrics.render(),
            "# HELP pillard_frames_total Frames sent.\n# TYPE pillard_frames_total counter\npillard_frames_total 3\n"
            "# HELP pillard_outbox_bytes Waiting to be sent.\n# TYPE pillard_outbox_bytes gauge\n"
            "pillard_outbox_bytes -5\n");
}

TEST(Metrics, RendersLabelsEscaped) {
  Metrics metrics;
  metrics.counter("a_total", "A\\b\n\"c\".", {{"x", "q\"\\\n"}, {"y", ""}}).add();
  EXPECT_EQ(metrics.render(),
            "# HELP a_total A\\\\b\\n\"c\".\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n\",y=\"\"} 1\n");
}

TEST(Metrics, GivesTheSameObjectForTheSameNameAndLabels) {
  Metrics metrics;
  EXPECT_EQ(&metrics.counter("a_total", "A.", {{"x", "1"}}), &metrics.counter("a_total", "A.", {{"x", "1"}}));
  EXPECT_NE(&metrics.counter("a_total", "A.", {{"x", "1"}}), &metrics.counter("a_total", "A.", {{"x", "2"}}));
}

TEST(Metrics, CountsLabelsBeyondTheLimitTogether) {
  Metrics metrics;
  for (std::size_t i = 0; i < Metrics::kMaxSeries + 50; ++i)
    metrics.counter("a_total", "A.", {{"x", std::to_string(i)}}).add();
  EXPECT_THAT(metrics.render(), HasSubstr("a_total{x=\"other\"} 50\n"));
  EXPECT_EQ(&metrics.counter("a_total", "A.", {{"x", "0"}}), &metrics.counter("a_total", "A.", {{"x", "0"}}));
}

TEST(Metrics, RefusesNamesThatBreakTheRules) {
  Metrics metrics;
  for (const auto* name : {"", "1_total", "A_total", "a-b_total", "a b_total", "frames"})
    EXPECT_THROW(metrics.counter(name, "A."), std::logic_error) << name;
  EXPECT_THROW(metrics.gauge("frames_total", "A."), std::logic_error);
  EXPECT_THROW(metrics.histogram("exec_duration", "A."), std::logic_error);
  EXPECT_THROW(metrics.counter("a_total", "A.", {{"le", "1"}}), std::logic_error);
  EXPECT_THROW(metrics.counter("a_total", "A.", {{"x y", "1"}}), std::logic_error);
  EXPECT_EQ(metrics.render(), "");
}

TEST(Metrics, RefusesANameInTwoMeanings) {
  Metrics metrics;
  metrics.gauge("a_bytes", "A.", {{"x", "1"}});
  EXPECT_THROW((void)metrics.collect("a_bytes", "A.", {{"x", "2"}}, [] { return 0.0; }), std::logic_error);
  EXPECT_THROW(metrics.gauge("a_bytes", "B.", {{"x", "1"}}), std::logic_error);
  EXPECT_THROW(metrics.gauge("a_bytes", "A.", {{"y", "1"}}), std::logic_error);
  EXPECT_THROW(metrics.gauge("a_bytes", "A."), std::logic_error);
}

TEST(Histogram, CountsCumulatively) {
  Metrics metrics;
  auto& histogram = metrics.histogram("exec_seconds", "Time.", {{"p", "x"}}, {0.01, 1});
  histogram.observe(10ms);
  histogram.observe(500ms);
  histogram.observe(2s);
  histogram.observe(-1ns);
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_EQ(metrics.render(),
            "# HELP exec_seconds Time.\n# TYPE exec_seconds histogram\n"
            "exec_seconds_bucket{p=\"x\",le=\"0.01\"} 2\nexec_seconds_bucket{p=\"x\",le=\"1\"} 3\n"
            "exec_seconds_bucket{p=\"x\",le=\"+Inf\"} 4\nexec_seconds_sum{p=\"x\"} 2.51\n"
            "exec_seconds_count{p=\"x\"} 4\n");
}

TEST(Histogram, RefusesBoundsThatDoNotRise) {
  EXPECT_THROW(Histogram({1, 1}), std::logic_error);
  EXPECT_THROW(Histogram({2, 1}), std::logic_error);
}

TEST(Metrics, ShowsCountersOfTimeInSeconds) {
  Metrics metrics;
  auto& time = metrics.time_counter("a_seconds_total", "A.", {{"p", "x"}});
  time.add(1500ms);
  EXPECT_EQ(time.value(), 1500ms);
  EXPECT_THAT(metrics.render(), HasSubstr("# TYPE a_seconds_total counter\na_seconds_total{p=\"x\"} 1.5\n"));
  EXPECT_THROW(metrics.time_counter("a_total", "A."), std::logic_error);
}

TEST(Metrics, CollectsCountersAndHistograms) {
  Metrics metrics;
  const auto counter = metrics.collect_counter("a_total", "A.", {}, [] { return 7; });
  const auto histogram = metrics.collect_histogram("b_seconds", "B.", {{"p", "x"}}, {0.5, 1}, [] {
    return HistogramReading{.counts = {1, 0, 2}, .sum = 9s};
  });
  EXPECT_EQ(metrics.render(),
            "# HELP a_total A.\n# TYPE a_total counter\na_total 7\n"
            "# HELP b_seconds B.\n# TYPE b_seconds histogram\n"
            "b_seconds_bucket{p=\"x\",le=\"0.5\"} 1\nb_seconds_bucket{p=\"x\",le=\"1\"} 1\n"
            "b_seconds_bucket{p=\"x\",le=\"+Inf\"} 3\nb_seconds_sum{p=\"x\"} 9\nb_seconds_count{p=\"x\"} 3\n");
  EXPECT_THROW((void)metrics.collect_counter("c", "C.", {}, [] { return 1; }), std::logic_error);
  EXPECT_THROW((void)metrics.collect("c_total", "C.", {}, [] { return 1; }), std::logic_error);
  EXPECT_THROW((void)metrics.collect_histogram("c_total", "C.", {}, {1}, [] { return HistogramReading{}; }),
               std::logic_error);
}

TEST(Metrics, LeavesOutAHistogramWhoseReadingThrows) {
  Metrics metrics;
  const auto hook = metrics.collect_histogram("b_seconds", "B.", {}, {1},
                                              []() -> HistogramReading { throw std::runtime_error("gone"); });
  EXPECT_EQ(metrics.render(), "# HELP b_seconds B.\n# TYPE b_seconds histogram\n");
}

TEST(Metrics, RefusesAMetricWithoutHelpAndTheNamesOfAHistogramsParts) {
  Metrics metrics;
  EXPECT_THROW(metrics.gauge("a_bytes", ""), std::logic_error);
  for (const auto* name : {"a_count", "a_sum", "a_bucket"}) EXPECT_THROW(metrics.gauge(name, "A."), std::logic_error);
}

TEST(Metrics, AsksForCollectedGaugesWhenRendered) {
  Metrics metrics;
  double value = 1.5;
  const auto hook = metrics.collect("a_ratio", "A.", {}, [&] { return value; });
  EXPECT_THAT(metrics.render(), HasSubstr("# TYPE a_ratio gauge\na_ratio 1.5\n"));
  value = std::numeric_limits<double>::infinity();
  EXPECT_THAT(metrics.render(), HasSubstr("a_ratio +Inf\n"));
}

TEST(Metrics, KeepsNobodyWaitingWhileItReads) {
  Metrics metrics;
  const auto hook = metrics.collect("a_ratio", "A.", {}, [&] {
    std::thread([&] { metrics.counter("b_total", "B.").add(); }).join();
    return 1.5;
  });
  EXPECT_THAT(metrics.render(), HasSubstr("a_ratio 1.5\n"));
  EXPECT_THAT(metrics.render(), HasSubstr("b_total 2\n"));
}

TEST(Metrics, AsksNoMoreOnceTheHookIsGone) {
  Metrics metrics;
  int asked = 0;
  std::optional hook = metrics.collect("a_ratio", "A.", {}, [&] { return ++asked; });
  Metrics::Hook moved = std::move(*hook);
  hook.reset();
  metrics.render();
  EXPECT_EQ(asked, 1);
  moved.reset();
  EXPECT_THAT(metrics.render(), Not(HasSubstr("a_ratio")));
  EXPECT_EQ(asked, 1);
}

TEST(Metrics, CollectsAgainAfterAHookIsGone) {
  Metrics metrics;
  metrics.collect("a_ratio", "A.", {}, [] { return 1; }).reset();
  const auto hook = metrics.collect("a_ratio", "A.", {}, [] { return 2; });
  EXPECT_THAT(metrics.render(), HasSubstr("a_ratio 2\n"));
}

TEST(Metrics, RefusesToCollectTheSameTwice) {
  Metrics metrics;
  const auto hook = metrics.collect("a_ratio", "A.", {}, [] { return 1; });
  EXPECT_THROW((void)metrics.collect("a_ratio", "A.", {}, [] { return 1; }), std::logic_error);
}

TEST(Metrics, ShowsTheOthersWhenOneReadingThrows) {
  Metrics metrics;
  const auto hook = metrics.collect("a_ratio", "A.", {}, []() -> double { throw std::runtime_error("gone"); });
  metrics.gauge("b_bytes", "B.").set(1);
  EXPECT_THAT(metrics.render(), testing::AllOf(HasSubstr("a_ratio NaN\n"), HasSubstr("b_bytes 1\n")));
}

TEST(Metrics, LosesNothingWhenThreadsCountTogether) {
  Metrics metrics;
  auto& counter = metrics.counter("a_total", "A.");
  const auto count = [&] {
    for (int i = 0; i < 1000; ++i) counter.add();
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(counter.value(), 2000u);
}

}  // namespace
}  // namespace pillard::observe
