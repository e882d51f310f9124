#include "ssh/run.h"

#include <gtest/gtest.h>

#include "pillard/problem.h"

namespace pillard::ssh {
namespace {

Command command(std::size_t max_output = 1000) {
  Command result;
  result.argv = {"true"};
  result.max_output = max_output;
  return result;
}

std::shared_ptr<ssh::Run> make(const Command& command, ssh::Run::Sink sink) {
  return std::make_shared<ssh::Run>(command, std::move(sink));
}

struct Ending {
  int calls = 0;
  Exit exit;
  Function<void(Exit)> done() {
    return [this](Exit told) {
      ++calls;
      exit = std::move(told);
    };
  }
};

TEST(RunTest, CollectsOutputUpToItsLimit) {
  Ending ending;
  const auto run = make(command(10), ssh::Run::Sink{.data = {}, .done = ending.done()});
  run->out("1234567");
  run->out("89abcdef");
  run->ended(0, "");
  EXPECT_EQ(ending.exit.out, "123456789a");
  EXPECT_TRUE(ending.exit.truncated);
  EXPECT_TRUE(ending.exit.ok());
}

TEST(RunTest, KeepsATenthOfTheLimitOfStandardError) {
  Ending ending;
  const auto run = make(command(100), ssh::Run::Sink{.data = {}, .done = ending.done()});
  run->err("0123456789ab");
  run->ended(1, "");
  EXPECT_EQ(ending.exit.err, "0123456789");
  EXPECT_TRUE(ending.exit.truncated);
}

TEST(RunTest, EndsWhatPrintsFarMoreThanIsKept) {
  Ending ending;
  const auto run = std::make_shared<ssh::Run>(command(10), ssh::Run::Sink{.data = {}, .done = ending.done()}, 100);
  run->out(std::string(60, 'x'));
  run->out(std::string(50, 'x'));
  EXPECT_EQ(ending.calls, 0);
  run->out("x");
  EXPECT_EQ(ending.calls, 1);
  EXPECT_TRUE(run->over());
  EXPECT_EQ(ending.exit.out.size(), 10U);
  EXPECT_TRUE(ending.exit.truncated);
  EXPECT_EQ(ending.exit.status, -1);
}

TEST(RunTest, NeverEndsAStreamForWhatItPrints) {
  std::size_t bytes = 0;
  const auto run = std::make_shared<ssh::Run>(
      command(10),
      ssh::Run::Sink{.data = [&](std::string_view data) { bytes += data.size(); }, .done = [](Exit) { FAIL(); }}, 100);
  for (int i = 0; i < 10; ++i) {
    run->out(std::string(60, 'x'));
    run->err(std::string(60, 'x'));
  }
  EXPECT_EQ(bytes, 600U);
  EXPECT_FALSE(run->over());
}

TEST(RunTest, TellsWhyItWasNotStarted) {
  Ending ending;
  const auto run = make(command(), ssh::Run::Sink{.data = {}, .done = ending.done()});
  run->not_started("no room");
  EXPECT_EQ(ending.exit.err, "no room");
  EXPECT_EQ(ending.exit.status, -1);
}

TEST(RunTest, TellsAStatusThatStandsForASignalAsThatSignal) {
  Ending ending;
  const auto run = make(command(), ssh::Run::Sink{.data = {}, .done = ending.done()});
  run->ended(128 + 15, "");
  EXPECT_EQ(ending.exit.status, -1);
  EXPECT_EQ(ending.exit.signal, "TERM");
}

TEST(RunTest, KeepsAStatusThatStandsForNoSignal) {
  Ending ending;
  const auto run = make(command(), ssh::Run::Sink{.data = {}, .done = ending.done()});
  run->ended(255, "");
  EXPECT_EQ(ending.exit.status, 255);
  EXPECT_EQ(ending.exit.signal, "");
}

TEST(RunTest, EndsOnceAndSaysNothingAfterwards) {
  Ending ending;
  const auto run = make(command(), ssh::Run::Sink{.data = {}, .done = ending.done()});
  run->ended(0, "");
  run->ended(1, "");
  run->out("late");
  run->not_started("late");
  EXPECT_EQ(ending.calls, 1);
  EXPECT_EQ(ending.exit.status, 0);
}

TEST(RunTest, SaysNothingOnceItsOperationIsGone) {
  Ending ending;
  const auto run = make(command(), ssh::Run::Sink{.data = {}, .done = ending.done()});
  { const Operation operation(run); }
  run->out("late");
  run->ended(0, "");
  EXPECT_EQ(ending.calls, 0);
  EXPECT_TRUE(run->over());
}

TEST(RunTest, LetsGoOfWhatItsCallbacksHoldWhenItIsDropped) {
  const auto held = std::make_shared<int>(1);
  const auto run = make(command(), ssh::Run::Sink{.data = [held](std::string_view) {}, .done = [held](Exit) {}});
  run->drop();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(RunTest, SurvivesACallbackThatDropsIt) {
  std::unique_ptr<Operation> operation;
  int calls = 0;
  const auto run = make(command(), ssh::Run::Sink{.data =
                                                      [&, text = std::string(100, 'x')](std::string_view) {
                                                        operation.reset();
                                                        calls += static_cast<int>(text.size());
                                                      },
                                                  .done = [](Exit) {}});
  operation = std::make_unique<Operation>(run);
  run->out("one");
  run->out("two");
  EXPECT_EQ(calls, 100);
}

TEST(RunTest, RefusesACommandThatCannotBeQuoted) {
  Command empty;
  EXPECT_THROW(make(empty, {}), Error);
}

}  // namespace
}  // namespace pillard::ssh
