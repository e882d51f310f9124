#include "session/memory_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace pillard::session {
namespace {

using namespace std::chrono_literals;

class MemoryStoreTest : public ::testing::Test {
 protected:
  MemoryStoreTest() { reactors_.start(); }
  ~MemoryStoreTest() override {
    settle([this] { watch_.reset(); });
    reactors_.stop();
  }

  /// Runs `task` on the lane, and with it all that was posted before.
  void settle(Function<void()> task = [] {}) {
    std::promise<void> ran;
    home().post([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }
  reactor::Reactor& home() { return reactors_[0]; }

  template <class T, class Ask>
  Result<T> ask(Ask&& call) {
    std::promise<Result<T>> answered;
    call([&](Result<T> result) {
      EXPECT_TRUE(home().on_lane());
      answered.set_value(std::move(result));
    });
    return answered.get_future().get();
  }
  Result<SessionPtr> create(const std::string& host = "node.example") {
    return ask<SessionPtr>([&](auto done) {
      store_.create(home(), {.host = host, .port = 22, .username = "ethnode", .password = Secret("hunter2")},
                    std::move(done));
    });
  }
  SessionPtr find(const std::string& token) {
    return ask<SessionPtr>([&](auto done) { store_.find(home(), token, std::move(done)); }).value();
  }
  SessionPtr remove(const std::string& token) {
    return ask<SessionPtr>([&](auto done) { store_.remove(home(), token, std::move(done)); }).value();
  }
  void pass(std::chrono::seconds time) {
    now_ = now_.load() + time;
    unix_ms_ += std::chrono::milliseconds(time).count();
  }
  /// Counts the ends of `token` from here on.
  void listen(const std::string& token) {
    settle([&] { watch_ = store_.watch(home(), token, [this] { ++ended_; }); });
  }

  reactor::Reactors reactors_{1};
  std::atomic<MemoryStore::Clock::time_point> now_{MemoryStore::Clock::time_point(1000h)};
  std::atomic<std::int64_t> unix_ms_{1'700'000'000'000};
  MemoryStore store_{{.ttl = 100s,
                      .max_sessions = 3,
                      .now = [this] { return now_.load(); },
                      .unix_ms = [this] { return unix_ms_.load(); }}};
  int ended_ = 0;
  EndWatch watch_;
};

TEST_F(MemoryStoreTest, FindsWhatItCreated) {
  const auto made = create().value();
  EXPECT_TRUE(valid_token(made->id));
  EXPECT_EQ(made->last_accessed_ms, 1'700'000'000'000);
  const auto found = find(made->id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->credential.host, "node.example");
  EXPECT_EQ(found->credential.password.reveal(), "hunter2");
}
TEST_F(MemoryStoreTest, FindsNothingUnderAnUnknownToken) {
  EXPECT_FALSE(find(new_token()));
  EXPECT_FALSE(find(""));
}
TEST_F(MemoryStoreTest, ForgetsASessionAfterItsTime) {
  const auto token = create().value()->id;
  pass(99s);
  EXPECT_TRUE(find(token));
  pass(1s);
  EXPECT_FALSE(find(token));
  EXPECT_EQ(store_.size(), 0U);
}
TEST_F(MemoryStoreTest, IsNotRenewedByFinding) {
  const auto token = create().value()->id;
  pass(99s);
  EXPECT_TRUE(find(token));
  pass(99s);
  EXPECT_FALSE(find(token));
}
TEST_F(MemoryStoreTest, RenewsByATouch) {
  const auto first = create().value();
  pass(99s);
  store_.touch(first->id);
  pass(99s);
  const auto found = find(first->id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->last_accessed_ms, first->last_accessed_ms + 99'000);
  pass(1s);
  EXPECT_FALSE(find(first->id));
}
TEST_F(MemoryStoreTest, DoesNotReviveByATouch) {
  const auto token = create().value()->id;
  pass(100s);
  store_.touch(token);
  store_.touch("unknown");
  EXPECT_FALSE(find(token));
}
TEST_F(MemoryStoreTest, RemovesOnceAndSaysWhat) {
  const auto token = create("other.example").value()->id;
  const auto removed = remove(token);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->credential.host, "other.example");
  EXPECT_FALSE(find(token));
  EXPECT_FALSE(remove(token));
}
TEST_F(MemoryStoreTest, RefusesMoreThanItHolds) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(create());
  const auto refused = create();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kOverloaded);
}
TEST_F(MemoryStoreTest, MakesRoomForNewSessionsWhenOldOnesExpire) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(create());
  pass(100s);
  EXPECT_TRUE(create());
  EXPECT_EQ(store_.size(), 1U);
}
TEST_F(MemoryStoreTest, SweepsWhatNobodyAsksFor) {
  const auto touched = create().value()->id;
  create().value();
  pass(50s);
  store_.touch(touched);
  pass(50s);
  store_.sweep(now_.load());
  EXPECT_EQ(store_.size(), 1U);
  EXPECT_TRUE(find(touched));
}

TEST_F(MemoryStoreTest, TellsOfRemovalOnce) {
  const auto token = create().value()->id;
  listen(token);
  remove(token);
  remove(token);
  settle();
  EXPECT_EQ(ended_, 1);
}
TEST_F(MemoryStoreTest, TellsOfExpiryOnce) {
  const auto token = create().value()->id;
  listen(token);
  pass(100s);
  EXPECT_FALSE(find(token));
  store_.sweep(now_.load());
  settle();
  EXPECT_EQ(ended_, 1);
}
TEST_F(MemoryStoreTest, TellsOfAnEndThatWasBeforeTheWatch) {
  const auto token = create().value()->id;
  remove(token);
  listen(token);
  settle();
  EXPECT_EQ(ended_, 1);
}
TEST_F(MemoryStoreTest, DoesNotTellOfAnEndFromInside) {
  settle([this] {
    watch_ = store_.watch(home(), new_token(), [this] { ++ended_; });
    EXPECT_EQ(ended_, 0);
  });
  settle();
  EXPECT_EQ(ended_, 1);
}
TEST_F(MemoryStoreTest, TellsNothingOfOtherSessions) {
  const auto token = create().value()->id;
  listen(create().value()->id);
  remove(token);
  settle();
  EXPECT_EQ(ended_, 0);
}
TEST_F(MemoryStoreTest, TellsEveryoneWhoWatches) {
  const auto token = create().value()->id;
  listen(token);
  int others = 0;
  EndWatch other;
  settle([&] { other = store_.watch(home(), token, [&] { ++others; }); });
  remove(token);
  settle([&] { other.reset(); });
  EXPECT_EQ(others, 1);
  EXPECT_EQ(ended_, 1);
}
TEST_F(MemoryStoreTest, TellsNobodyWhoHasLeft) {
  const auto token = create().value()->id;
  listen(token);
  settle([&] {
    store_.remove(home(), token, [](const auto&) {});  // the news is on its way already
    watch_.reset();
  });
  settle();
  EXPECT_EQ(ended_, 0);
}
TEST_F(MemoryStoreTest, MayLoseAWatchInItsOwnCallback) {
  const auto token = create().value()->id;
  const auto alive = std::make_shared<int>(0);
  settle([&, alive] {
    watch_ = store_.watch(home(), token, [this, alive] {
      watch_.reset();
      ++*alive;  // what the callback owns is still there
    });
  });
  remove(token);
  settle();
  EXPECT_EQ(*alive, 1);
  EXPECT_EQ(alive.use_count(), 1);
}
TEST_F(MemoryStoreTest, NeverAnswersFromInsideTheCall) {
  bool inside = false;
  bool answered = false;
  settle([&] {
    inside = true;
    store_.create(home(), {}, [&](const auto&) {
      EXPECT_FALSE(inside);
      answered = true;
    });
    inside = false;
  });
  settle();
  EXPECT_TRUE(answered);
}
TEST_F(MemoryStoreTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 50; ++round) {
        store_.create(home(), {.host = "h", .port = 1, .username = "u", .password = Secret("p")}, [this](auto made) {
          if (made) store_.remove(home(), (*made)->id, [](const auto& removed) { EXPECT_TRUE(*removed); });
        });
        store_.touch("unknown");
        store_.sweep(now_.load());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  settle();
  settle();
  EXPECT_EQ(store_.size(), 0U);
}

}  // namespace
}  // namespace pillard::session
