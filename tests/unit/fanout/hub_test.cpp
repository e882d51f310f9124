// Subscriptions and calls through the hub, on nodes that cannot be reached.
#include "fanout/hub.h"

#include <gtest/gtest.h>

#include <thread>

#include "unit/fanout/spine.h"

namespace pillard::fanout {
namespace {

using namespace std::chrono_literals;

class PlainEncoder final : public Encoder {
 public:
  void encode(std::string& out, const Label&, std::string_view json, std::string_view) const override { out += json; }
};
const PlainEncoder kPlain;

/// Lives on one reactor; a test reads its journal.
class Ear final : public Subscriber {
 public:
  void deliver(const SharedBatch& batch) override { journal.add(std::to_string(batch->size()) + " events"); }
  void gap(std::uint64_t dropped) override { journal.add(std::to_string(dropped) + " dropped"); }
  void problem(const Error& error, bool ended) override {
    if (drop) subscription.reset();
    journal.add(std::string(name(error.code())) + (ended ? " ended" : " goes on"));
  }
  test::Journal journal;
  std::unique_ptr<Subscription> subscription;
  bool drop = false;  // its subscription when it is told something
};

class HubTest : public testing::Test {
 protected:
  HubTest() { spine.reactors.start(); }
  ~HubTest() override { spine.stop(); }

  void subscribe(Ear& ear, std::size_t home, std::uint16_t port, std::string_view params = "{}") {
    const auto& stream = spine.stream("subscribe_status");
    test::on(spine.reactors[home], [&] {
      ear.subscription = spine.hub->subscribe(spine.reactors[home], spine.login(session(port)), stream, stream.type(),
                                              stream.type()->decode(params), kPlain, ear);
    });
  }
  void leave(Ear& ear, std::size_t home) {
    test::on(spine.reactors[home], [&] { ear.subscription.reset(); });
  }
  session::SessionPtr session(std::uint16_t port) {
    return std::make_shared<const session::Session>(session::Session{.id = "s", .credential = spine.credential(port)});
  }
  bool topics_become(std::int64_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (spine.hub->metrics().topics.value() != count)
      if (std::chrono::steady_clock::now() > deadline) return false;
    return true;
  }
  std::unique_ptr<PendingCall> call(std::size_t home, std::uint16_t port, test::Journal& journal) {
    std::unique_ptr<PendingCall> pending;
    test::on(spine.reactors[home], [&] {
      pending = spine.hub->call(
          spine.reactors[home], spine.login(session(port)), *spine.registry.find_call("get_config"), "{}",
          [&journal](Answer answer) { journal.add(answer ? *answer : std::string(name(answer.error().code()))); });
    });
    return pending;
  }

  test::ClosedPort closed;
  test::Spine spine{{.reactors = 2, .allow = {"127.0.0.0/8"}}};
};

TEST_F(HubTest, TellsSubscribersOfAllLoopsThatTheNodeIsAway) {
  Ear here;
  Ear there;
  subscribe(here, 0, closed.number());
  subscribe(there, 1, closed.number());
  EXPECT_EQ(here.journal.wait(1), std::vector<std::string>{"disconnected goes on"});
  EXPECT_EQ(there.journal.wait(1), std::vector<std::string>{"disconnected goes on"});
  EXPECT_EQ(spine.hub->metrics().topics.value(), 1) << "one topic for all";
  leave(here, 0);
  leave(there, 1);
}

TEST_F(HubTest, TellsALateOneTheProblemThatLasts) {
  Ear first;
  Ear late;
  subscribe(first, 0, closed.number());
  ASSERT_EQ(first.journal.wait(1).size(), 1U);
  subscribe(late, 1, closed.number());
  EXPECT_EQ(late.journal.wait(1), std::vector<std::string>{"disconnected goes on"});
  leave(first, 0);
  leave(late, 1);
}

TEST_F(HubTest, DoesNotRepeatTheSameProblemAtEveryAttempt) {
  Ear ear;
  subscribe(ear, 0, closed.number());
  ASSERT_EQ(ear.journal.wait(1).size(), 1U);
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (spine.pool->metrics().reconnects.value() < 2 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  ASSERT_GE(spine.pool->metrics().reconnects.value(), 2U);
  EXPECT_EQ(ear.journal.lines().size(), 1U);
  leave(ear, 0);
}

TEST_F(HubTest, GoesOnWithAnotherVersionOfAPlugin) {
  Ear ear;
  subscribe(ear, 0, closed.number());
  ASSERT_EQ(ear.journal.wait(1).size(), 1U);
  const std::weak_ptr<const StreamType> former = spine.stream("subscribe_status").type();
  spine.enrol<test::LogsQuery>(20ms);
  EXPECT_FALSE(former.expired()) << "the topic still uses it";
  spine.hub->refresh(spine.plugin);
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (!former.expired() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(former.expired()) << "nobody uses the former version any more";
  EXPECT_EQ(spine.hub->metrics().topics.value(), 1);
  EXPECT_EQ(spine.stream("subscribe_status").topics.value(), 1);
  EXPECT_EQ(spine.stream("subscribe_status").subscriptions.value(), 1);
  EXPECT_EQ(ear.journal.lines().size(), 1U) << "nobody is told";
  leave(ear, 0);
  EXPECT_TRUE(topics_become(0));
  EXPECT_EQ(spine.stream("subscribe_status").topics.value(), 0);
  EXPECT_EQ(spine.stream("subscribe_status").subscriptions.value(), 0);
}

TEST_F(HubTest, EndsWhatNothingStandsBehindAnyMore) {
  Ear here;
  Ear there;
  subscribe(here, 0, closed.number());
  subscribe(there, 1, closed.number());
  ASSERT_EQ(here.journal.wait(1).size(), 1U);
  ASSERT_EQ(there.journal.wait(1).size(), 1U);
  spine.registry.withdraw(spine.plugin);
  spine.hub->refresh(spine.plugin);
  EXPECT_EQ(here.journal.wait(2).at(1), "unsupported ended");
  EXPECT_EQ(there.journal.wait(2).at(1), "unsupported ended");
  EXPECT_TRUE(topics_become(0));
  leave(here, 0);
  leave(there, 1);
}

TEST_F(HubTest, KeepsWhatIsOfferedNowApartFromWhatWasOfferedByThatName) {
  const auto& former = spine.stream("subscribe_logs");
  const auto former_type = former.type();
  const std::string params = R"({"service":"x"})";
  const auto join = [&](Ear& ear, const loader::StreamEntry& stream, const std::shared_ptr<const StreamType>& type) {
    test::on(spine.reactors[0], [&] {
      ear.subscription = spine.hub->subscribe(spine.reactors[0], spine.login(session(closed.number())), stream, type,
                                              type->decode(params), kPlain, ear);
    });
  };
  Ear first;
  join(first, former, former_type);
  ASSERT_EQ(first.journal.wait(1).size(), 1U);
  spine.enrol<test::LogsQuery>(20ms, "log_line");  // an event of another name: another entry
  const auto& present = spine.stream("subscribe_logs");
  ASSERT_NE(&present, &former);
  Ear second;
  join(second, present, present.type());  // before anybody was told to look again
  EXPECT_EQ(first.journal.wait(2).at(1), "unsupported ended");
  EXPECT_EQ(second.journal.wait(1), std::vector<std::string>{"disconnected goes on"});
  Ear third;
  join(third, former, former_type);  // was on its way here
  EXPECT_EQ(third.journal.wait(1), std::vector<std::string>{"unsupported ended"});
  EXPECT_EQ(second.journal.lines().size(), 1U);
  for (auto* ear : {&first, &second, &third}) leave(*ear, 0);
}

TEST_F(HubTest, RefusesWhatWasAskedOfAVersionThatIsGoneByThen) {
  const auto& stream = spine.stream("subscribe_status");
  const auto type = stream.type();
  Ear ear;
  spine.registry.forget(spine.plugin);
  test::on(spine.reactors[0], [&] {
    ear.subscription = spine.hub->subscribe(spine.reactors[0], spine.login(session(closed.number())), stream, type,
                                            type->decode("{}"), kPlain, ear);
  });
  EXPECT_EQ(ear.journal.wait(1), std::vector<std::string>{"unsupported ended"});
  leave(ear, 0);
}

TEST_F(HubTest, AnswersACallThatNothingStandsBehindAnyMore) {
  test::Journal answers;
  const auto& entry = *spine.registry.find_call("get_config");
  spine.registry.withdraw(spine.plugin);
  std::unique_ptr<PendingCall> pending;
  test::on(spine.reactors[0], [&] {
    pending = spine.hub->call(spine.reactors[0], spine.login(session(closed.number())), entry, "{}",
                              [&](Answer answer) { answers.add(std::string(name(answer.error().code()))); });
  });
  EXPECT_EQ(answers.wait(1), std::vector<std::string>{"unsupported"});
  test::on(spine.reactors[0], [&] { pending.reset(); });
}

TEST_F(HubTest, StopsItsTopicWithTheLastSubscriberAfterTheLinger) {
  Ear one;
  Ear two;
  subscribe(one, 0, closed.number());
  subscribe(two, 1, closed.number());
  ASSERT_TRUE(topics_become(1));
  leave(one, 0);
  ASSERT_EQ(two.journal.wait(1).size(), 1U);
  EXPECT_EQ(spine.hub->metrics().topics.value(), 1);
  leave(two, 1);
  EXPECT_TRUE(topics_become(0));
  EXPECT_EQ(spine.hub->metrics().subscriptions.value(), 0);
}

TEST_F(HubTest, SharesOneTopicWhateverThePace) {
  Ear fast;
  Ear slow;
  subscribe(fast, 0, closed.number(), R"({"interval":1000})");
  subscribe(slow, 0, closed.number(), R"({"interval":60000})");
  ASSERT_EQ(slow.journal.wait(1).size(), 1U);
  EXPECT_EQ(spine.hub->metrics().topics.value(), 1);
  test::on(spine.reactors[0], [&] {
    slow.subscription->set_pace(2000);
    fast.subscription->set_pace(3000);
    slow.subscription.reset();
    fast.subscription.reset();
  });
  EXPECT_TRUE(topics_become(0));
}

TEST_F(HubTest, LetsASubscriberLeaveFromInsideItsCall) {
  Ear ear;
  Ear stays;
  ear.drop = true;
  subscribe(stays, 0, closed.number());
  subscribe(ear, 0, closed.number());
  ASSERT_EQ(ear.journal.wait(1).size(), 1U);
  ASSERT_EQ(stays.journal.wait(1).size(), 1U);
  test::on(spine.reactors[0], [] {});
  EXPECT_EQ(spine.hub->metrics().subscriptions.value(), 1);
  leave(stays, 0);
}

TEST_F(HubTest, SurvivesSubscribersThatComeAndGoAtOnce) {
  for (int round = 0; round < 50; ++round) {
    Ear ear;
    const std::size_t home = round % 2;
    subscribe(ear, home, closed.number());
    leave(ear, home);
  }
  EXPECT_TRUE(topics_become(0));
}

TEST_F(HubTest, AnswersACallThatItsNodeCannotTake) {
  test::Journal journal;
  auto pending = call(1, closed.number(), journal);
  EXPECT_EQ(journal.wait(1), std::vector<std::string>{"disconnected"});
  test::on(spine.reactors[1], [&] { pending.reset(); });
  EXPECT_EQ(journal.lines().size(), 1U);
}

TEST_F(HubTest, SaysNothingToOneWhoCancelledItsCall) {
  for (unsigned i = 0; i < 40; ++i) {
    auto& home = spine.reactors[i % 2];
    auto login = spine.login(session(closed.number()));
    bool gone = false;  // touched on `home`
    std::unique_ptr<PendingCall> pending;
    test::on(home, [&] {
      pending = spine.hub->call(home, login, *spine.registry.find_call("get_config"), "{}",
                                [&gone](const Answer&) { EXPECT_FALSE(gone); });
      // Every other one before its start can have been carried out.
      if (i % 4 < 2) pending.reset();
      gone = !pending;
    });
    test::on(home, [&] {
      pending.reset();
      gone = true;
    });
    test::on(spine.reactors[0], [] {});
    test::on(spine.reactors[1], [] {});
    test::on(home, [] {});
  }
}

/// The default rules: this machine may not be connected to.
class ShutHubTest : public HubTest {
 protected:
  ShutHubTest() { shut.reactors.start(); }
  ~ShutHubTest() override { shut.stop(); }
  test::Spine shut{{.reactors = 2}};
};

TEST_F(ShutHubTest, EndsAStreamWhoseProblemWillNotPass) {
  Ear one;
  Ear two;
  const auto& stream = shut.stream("subscribe_status");
  const auto join = [&](Ear& ear, std::size_t home) {
    test::on(shut.reactors[home], [&] {
      ear.subscription = shut.hub->subscribe(shut.reactors[home], shut.login(session(22)), stream, stream.type(),
                                             stream.type()->decode("{}"), kPlain, ear);
    });
  };
  join(one, 0);
  join(two, 1);
  EXPECT_EQ(one.journal.wait(1), std::vector<std::string>{"access_denied ended"});
  EXPECT_EQ(two.journal.wait(1), std::vector<std::string>{"access_denied ended"});
  // Whoever asks again starts anew, and is told again.
  test::on(shut.reactors[0], [&] { one.subscription.reset(); });
  join(one, 0);
  EXPECT_EQ(one.journal.wait(2).size(), 2U);
  test::on(shut.reactors[0], [&] { one.subscription.reset(); });
  test::on(shut.reactors[1], [&] { two.subscription.reset(); });
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (shut.hub->metrics().topics.value() != 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(shut.hub->metrics().topics.value(), 0);
}

}  // namespace
}  // namespace pillard::fanout
