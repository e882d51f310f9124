#include "cli/signals.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <thread>

namespace pillard::cli {
namespace {

bool blocked(int signal) {
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, signal) == 1;
}

TEST(Signals, AreWaitedForInsteadOfEndingTheProcess) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Signals signals;
    EXPECT_TRUE(blocked(signal));
    ::raise(signal);
    signals.wait();
    EXPECT_FALSE(blocked(signal)) << "a second one has to end the process";
  }
}

TEST(Signals, AreNotWaitedForWhenAllIsDone) {
  Signals signals;
  std::thread([&] { signals.done(); }).join();
  signals.wait();
  EXPECT_TRUE(blocked(SIGINT)) << "what there is has to be written still";
}

TEST(Signals, AreAsBeforeAfterwards) {
  { const Signals signals; }
  EXPECT_FALSE(blocked(SIGINT));
  EXPECT_FALSE(blocked(SIGTERM));
}

}  // namespace
}  // namespace pillard::cli
