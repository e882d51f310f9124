#include "reactor/reactor.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "reactor/workers.h"

namespace pillard::reactor {
namespace {

using std::chrono::milliseconds;

/// Runs `fn` on the loop and waits for it.
template <class Fn>
void on(Reactor& reactor, Fn fn) {
  std::promise<void> done;
  reactor.post([&] {
    fn();
    done.set_value();
  });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Reactor, RunsPostedTasksInTheOrderOfTheirCalls) {
  Reactor reactor(0);
  reactor.start();
  std::vector<int> seen;
  for (int i = 0; i < 1000; ++i) reactor.post([&seen, i] { seen.push_back(i); });
  on(reactor, [] {});
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Reactor, RunsWhatWasPostedBeforeStop) {
  std::atomic<int> ran{0};
  {
    Reactor reactor(0);
    for (int i = 0; i < 10; ++i) reactor.post([&] { ++ran; });
    reactor.start();
    reactor.stop();
    reactor.join();
  }
  EXPECT_EQ(ran, 10);
}

TEST(Reactor, FiresTimersByDeadlineAndNeverEarly) {
  Reactor reactor(0);
  reactor.start();
  std::vector<int> order;
  std::vector<Timer> timers;
  std::promise<void> last;
  const auto began = Clock::now();
  on(reactor, [&] {
    for (const int ms : {30, 10, 20, 10})
      timers.push_back(reactor.after(milliseconds(ms), [&, ms] {
        EXPECT_GE(Clock::now() - began, milliseconds(ms));
        order.push_back(ms);
        if (order.size() == 4) last.set_value();
      }));
  });
  ASSERT_EQ(last.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{10, 10, 20, 30}));
  on(reactor, [&] { timers.clear(); });
}

TEST(Reactor, NeverRunsATimerThatWasReset) {
  Reactor reactor(0);
  reactor.start();
  bool ran = false;
  std::promise<void> later;
  std::vector<Timer> timers;
  on(reactor, [&] {
    std::vector<Timer> many;
    for (int i = 0; i < 100; ++i) many.push_back(reactor.after(milliseconds(i % 7), [&] { ran = true; }));
    timers.push_back(reactor.after(milliseconds(20), [&] { later.set_value(); }));
  });
  ASSERT_EQ(later.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_FALSE(ran);
  on(reactor, [&] { timers.clear(); });
}

TEST(Reactor, LetsATimerDropItselfAndArmItself) {
  Reactor reactor(0);
  reactor.start();
  Timer timer;
  int count = 0;
  std::promise<void> done;
  Function<void()> arm;
  on(reactor, [&] {
    arm = [&] {
      timer = reactor.after(milliseconds(0), [&] {
        if (++count < 50) return arm();
        timer.reset();
        done.set_value();
      });
    };
    arm();
  });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(count, 50);
}

TEST(Reactor, RunsTurnEndTasksBeforeItSleepsAlsoThoseMadeByThem) {
  Reactor reactor(0);
  reactor.start();
  std::vector<std::string> seen;
  on(reactor, [&] {
    reactor.at_turn_end([&] {
      seen.emplace_back("first");
      reactor.at_turn_end([&] { seen.emplace_back("second"); });
    });
    seen.emplace_back("turn");
  });
  on(reactor, [] {});
  EXPECT_EQ(seen, (std::vector<std::string>{"turn", "first", "second"}));
}

struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0); }
  ~Pair() {
    close(fd[0]);
    close(fd[1]);
  }
  int fd[2] = {-1, -1};
};

class Recorder final : public Watcher {
 public:
  void ready(std::uint32_t events) override {
    if (then) then(events);
  }
  Function<void(std::uint32_t)> then;
};

TEST(Reactor, TellsAWatcherWhatCanBeDone) {
  Reactor reactor(0);
  reactor.start();
  Pair pair;
  Recorder recorder;
  Watch watch;
  std::promise<std::uint32_t> got;
  on(reactor, [&] {
    recorder.then = [&](std::uint32_t events) {
      watch.want(0);
      got.set_value(events);
    };
    watch = reactor.watch(pair.fd[0], EPOLLIN, recorder);
  });
  ASSERT_EQ(write(pair.fd[1], "x", 1), 1);
  EXPECT_TRUE(got.get_future().get() & EPOLLIN);
  on(reactor, [&] { watch.reset(); });
}

TEST(Reactor, DoesNotTellAWatchThatAnEarlierEventOfTheSameTurnDropped) {
  Reactor reactor(0);
  reactor.start();
  Pair first;
  Pair second;
  Recorder one;
  Recorder two;
  Watch watch_one;
  Watch watch_two;
  int told = 0;
  on(reactor, [&] {
    // Each drops both: whichever comes first must be the only one.
    one.then = [&](std::uint32_t) {
      ++told;
      watch_one.reset();
      watch_two.reset();
    };
    two.then = [&](std::uint32_t) {
      ++told;
      watch_one.reset();
      watch_two.reset();
    };
    watch_one = reactor.watch(first.fd[0], EPOLLIN, one);
    watch_two = reactor.watch(second.fd[0], EPOLLIN, two);
    ASSERT_EQ(write(first.fd[1], "x", 1), 1);
    ASSERT_EQ(write(second.fd[1], "x", 1), 1);
  });
  on(reactor, [] {});
  on(reactor, [] {});
  EXPECT_EQ(told, 1);
}

TEST(Workers, RunManyJobsOnNoMoreThreadsThanAllowed) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ran{0};
  std::promise<void> all;
  {
    Workers workers({.name = "test", .threads = 3});
    for (int i = 0; i < 200; ++i)
      ASSERT_TRUE(workers.submit([&] {
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --running;
        if (++ran == 200) all.set_value();
      }));
    ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }
  EXPECT_LE(most, 3);
}

TEST(Workers, RefuseWhatTheirBacklogCannotHold) {
  std::promise<void> gate;
  auto open = gate.get_future().share();
  Workers workers({.name = "test", .threads = 1, .backlog = 2});
  int accepted = 0;
  for (int i = 0; i < 10; ++i) accepted += workers.submit([open] { open.wait(); }) ? 1 : 0;
  EXPECT_GE(accepted, 2);
  EXPECT_LE(accepted, 3);
  gate.set_value();
}

TEST(Reactor, CountsItsTurnsTasksAndTimers) {
  Reactor reactor(3);
  EXPECT_EQ(reactor.name(), "reactor-3");
  for (int i = 0; i < 5; ++i) reactor.post([] {});
  EXPECT_EQ(reactor.load().most_tasks, 5U);
  reactor.start();
  std::promise<void> fired;
  std::vector<Timer> timers;
  on(reactor, [&] {
    timers.push_back(reactor.after(milliseconds(5), [&] { fired.set_value(); }));
    timers.push_back(reactor.after(std::chrono::hours(1), [] {}));
  });
  ASSERT_EQ(fired.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  on(reactor, [] {});
  on(reactor, [] {});  // the turn before this one has been counted
  const auto load = reactor.load();
  EXPECT_GE(load.turns, 2U);
  EXPECT_EQ(load.tasks, 8U);
  EXPECT_EQ(load.fired, 1U);
  EXPECT_EQ(load.timers, 1U);
  EXPECT_GE(load.latest, load.late) << "one timer: the latest is all";
  EXPECT_LE(load.longest, load.busy);
  std::uint64_t turns = 0;
  for (const auto count : load.turn_counts) turns += count;
  EXPECT_GE(turns, load.turns);
  on(reactor, [&] { timers.clear(); });
}

TEST(Reactor, CountsALongTurnInItsBucket) {
  Reactor reactor(0);
  reactor.start();
  on(reactor, [] {
    const auto until = Clock::now() + milliseconds(6);
    while (Clock::now() < until) {
    }
  });
  on(reactor, [] {});
  on(reactor, [] {});
  const auto load = reactor.load();
  EXPECT_GE(load.longest, milliseconds(6));
  EXPECT_GE(load.busy, milliseconds(6));
  std::uint64_t longer_than_5_ms = 0;
  for (std::size_t i = 0; i < load.turn_counts.size(); ++i)
    if (i >= kTurnBounds.size() || kTurnBounds[i] > 0.005) longer_than_5_ms += load.turn_counts[i];
  EXPECT_GE(longer_than_5_ms, 1U);
}

TEST(Reactor, IsAtHomeOnItsThreadAndWhileThereIsNone) {
  Reactor reactor(0, "admin");
  EXPECT_TRUE(reactor.at_home());
  EXPECT_FALSE(reactor.on_lane());
  reactor.start();
  bool there = false;
  on(reactor, [&] { there = reactor.at_home(); });
  EXPECT_TRUE(there);
  EXPECT_FALSE(reactor.at_home());
  reactor.stop();
  reactor.join();
  EXPECT_TRUE(reactor.at_home());
}

#ifndef NDEBUG
TEST(ReactorDeathTest, EndsTheProcessWhenATimerIsSetFromAnotherThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Reactor reactor(0);
        reactor.start();
        on(reactor, [] {});
        const auto timer = reactor.after(milliseconds(1), [] {});
      },
      "at_home");
}
#endif

TEST(Workers, CountWhatTheyTakeAndRefuse) {
  Workers workers({.name = "test", .threads = 1, .backlog = 1});
  std::promise<void> go;
  std::promise<void> begun;
  const auto gone = go.get_future().share();
  EXPECT_TRUE(workers.submit([&, gone] {
    begun.set_value();
    gone.wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(workers.submit([] {}));
  EXPECT_FALSE(workers.submit([] {}));
  const auto figures = workers.figures();
  EXPECT_EQ(figures.threads, 1U);
  EXPECT_EQ(figures.waiting, 1U);
  EXPECT_EQ(figures.taken, 2U);
  EXPECT_EQ(figures.refused, 1U);
  go.set_value();
}

TEST(Reactor, TurnsByHandAtATimeOfTheCallers) {
  Reactor reactor(0);
  const auto start = Clock::now();
  std::vector<std::string> ran;
  auto timer = reactor.at(start + std::chrono::hours(1), [&] { ran.emplace_back("timer"); });
  reactor.post([&] { ran.emplace_back(reactor.on_lane() ? "task" : "task elsewhere"); });
  reactor.pump(start + std::chrono::minutes(59));
  EXPECT_EQ(ran, std::vector<std::string>{"task"});
  EXPECT_EQ(reactor.now(), start + std::chrono::minutes(59));
  EXPECT_FALSE(reactor.on_lane()) << "between two turns it is nobody's";
  reactor.pump(start + std::chrono::hours(1));
  EXPECT_EQ(ran, (std::vector<std::string>{"task", "timer"}));
  EXPECT_EQ(reactor.load().timers, 0U);
}

}  // namespace
}  // namespace pillard::reactor
