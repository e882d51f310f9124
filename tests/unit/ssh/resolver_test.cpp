#include "ssh/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>

namespace pillard::ssh {
namespace {

using namespace std::chrono_literals;
using Poco::Net::IPAddress;
using Answer = Result<Addresses>;

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() { reactors_.start(); }
  ~ResolverTest() override {
    release();
    on_lane([this] { lookup_.reset(); });
    workers_.reset();
    reactors_.stop();
  }

  void on_lane(Function<void()> task) {
    std::promise<void> ran;
    reactors_[0].post([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }
  /// A resolver whose DNS says `found`.
  Resolver with(Result<std::vector<IPAddress>> found, Egress egress = {}) {
    return {*workers_, std::move(egress), {.ask = [found = std::move(found)](const std::string&) { return found; }}};
  }
  /// One whose DNS says nothing before release().
  Resolver silent(std::chrono::milliseconds deadline) {
    return {*workers_, Egress(), {.deadline = deadline, .ask = [held = held_, asked = asked_](const std::string& host) {
                                    asked->push_back(host);
                                    held.wait();
                                    return std::vector{IPAddress("192.0.2.7")};
                                  }}};
  }
  void release() {
    if (!std::exchange(released_, true)) hold_.set_value();
  }
  Answer resolve(Resolver& resolver, const std::string& host, std::uint16_t port = 22) {
    std::promise<Answer> answered;
    on_lane([&] {
      lookup_ = resolver.resolve(reactors_[0], host, port, [&](Answer answer) {
        EXPECT_TRUE(reactors_[0].on_lane());
        answered.set_value(std::move(answer));
      });
    });
    return answered.get_future().get();
  }
  std::string addresses(const Answer& answer) {
    std::string text;
    for (const auto& address : answer.value()) text += (text.empty() ? "" : " ") + address.toString();
    return text;
  }

  reactor::Reactors reactors_{1};
  std::optional<reactor::Workers> workers_{std::in_place,
                                           reactor::Workers::Options{.name = "dns", .threads = 1, .backlog = 1}};
  std::promise<void> hold_;
  std::shared_future<void> held_ = hold_.get_future().share();
  bool released_ = false;
  std::shared_ptr<std::vector<std::string>> asked_ = std::make_shared<std::vector<std::string>>();  // by one worker
  Lookup lookup_;
};

TEST_F(ResolverTest, KeepsTheOrderAndDropsRepetitions) {
  auto resolver = with(std::vector{IPAddress("2001:db8::1"), IPAddress("192.0.2.7"), IPAddress("2001:db8::1")});
  EXPECT_EQ(addresses(resolve(resolver, "node.example", 2222)), "[2001:db8::1]:2222 192.0.2.7:2222");
}
TEST_F(ResolverTest, DropsWhatIsNotAllowed) {
  auto resolver = with(std::vector{IPAddress("127.0.0.1"), IPAddress("192.0.2.7")});
  EXPECT_EQ(addresses(resolve(resolver, "node.example")), "192.0.2.7:22");
}
TEST_F(ResolverTest, RefusesANameWithoutAllowedAddressesAndKeepsThemToItself) {
  auto resolver = with(std::vector{IPAddress("127.0.0.1"), IPAddress("169.254.169.254")});
  const auto answer = resolve(resolver, "node.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kAccessDenied);
  EXPECT_STREQ(answer.error().what(),
               "Connections to node.example are not allowed by this server's configuration ([ssh] allow).");
}
TEST_F(ResolverTest, TakesLiteralsWithoutAskingDns) {
  auto resolver = with(Error(Code::kInternal, "was asked"));
  EXPECT_EQ(addresses(resolve(resolver, "192.0.2.7")), "192.0.2.7:22");
  EXPECT_EQ(addresses(resolve(resolver, "2001:db8::1")), "[2001:db8::1]:22");
}
TEST_F(ResolverTest, RefusesADeniedLiteral) {
  auto resolver = with(Error(Code::kInternal, "was asked"));
  const auto answer = resolve(resolver, "127.0.0.1");
  ASSERT_FALSE(answer);
  EXPECT_STREQ(answer.error().what(),
               "Connections to 127.0.0.1 are not allowed by this server's configuration ([ssh] allow).");
}
TEST_F(ResolverTest, ConnectsToWhatTheConfigurationAllows) {
  auto resolver =
      with(std::vector{IPAddress("127.0.0.1")}, Egress::parse({.allow = {"127.0.0.0/8"}, .deny = {}}).value());
  EXPECT_EQ(addresses(resolve(resolver, "node.example")), "127.0.0.1:22");
}
TEST_F(ResolverTest, PassesOnThatANameIsUnknown) {
  auto resolver = with(Error(Code::kDisconnected, "The name node.example is not known in DNS."));
  const auto answer = resolve(resolver, "node.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kDisconnected);
}
TEST_F(ResolverTest, NeverAnswersFromInsideTheCall) {
  auto resolver = with(std::vector{IPAddress("192.0.2.7")});
  on_lane([&] {
    bool inside = true;
    lookup_ = resolver.resolve(reactors_[0], "192.0.2.7", 22, [&inside](const Answer&) { EXPECT_FALSE(inside); });
    lookup_ = resolver.resolve(reactors_[0], "127.0.0.1", 22, [&inside](const Answer&) { EXPECT_FALSE(inside); });
    lookup_.reset();
    inside = false;
  });
}
TEST_F(ResolverTest, GivesUpAtTheDeadline) {
  auto resolver = silent(1ms);
  const auto answer = resolve(resolver, "node.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kTimeout);
}
TEST_F(ResolverTest, AnswersOnceWhenDnsComesAfterTheDeadline) {
  auto resolver = silent(1ms);
  EXPECT_FALSE(resolve(resolver, "node.example"));  // a second answer would set the promise twice
  release();
  workers_.reset();
  on_lane([] {});
}
TEST_F(ResolverTest, SaysNothingOnceItsLookupIsGone) {
  auto resolver = silent(10s);
  on_lane([&] {
    lookup_ = resolver.resolve(reactors_[0], "node.example", 22, [](const Answer&) { ADD_FAILURE(); });
    lookup_ = Lookup();
  });
  release();
  workers_.reset();
  on_lane([] {});
}
TEST_F(ResolverTest, MayLoseItsLookupInTheCallback) {
  auto resolver = with(std::vector{IPAddress("192.0.2.7")});
  std::promise<void> answered;
  on_lane([&] {
    lookup_ = resolver.resolve(reactors_[0], "node.example", 22, [&](const Answer& answer) {
      lookup_.reset();
      EXPECT_TRUE(answer.ok());
      answered.set_value();
    });
  });
  answered.get_future().wait();
}
TEST_F(ResolverTest, RefusesMoreThanMayWait) {
  auto resolver = silent(10s);
  std::vector<Lookup> waiting;
  std::promise<Answer> refused;
  std::atomic<bool> told = false;
  on_lane([&] {
    for (int i = 0; i < 3; ++i) {  // one runs, one waits
      const auto host = "node" + std::to_string(i) + ".example";
      waiting.push_back(resolver.resolve(reactors_[0], host, 22, [&](Answer answer) {
        if (!told.exchange(true)) refused.set_value(std::move(answer));
      }));
    }
  });
  const auto answer = refused.get_future().get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kOverloaded);
  on_lane([&] { waiting.clear(); });
}
TEST_F(ResolverTest, AsksOnceForAllWhoWaitForAName) {
  auto resolver = silent(10s);
  std::vector<Lookup> waiting;
  std::vector<std::promise<Answer>> answers(5);
  on_lane([&] {
    for (std::size_t i = 0; i < answers.size(); ++i)
      waiting.push_back(resolver.resolve(reactors_[0], "node.example", static_cast<std::uint16_t>(22 + i),
                                         [&, i](Answer answer) { answers[i].set_value(std::move(answer)); }));
  });
  release();
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(addresses(answers[i].get_future().get()), "192.0.2.7:" + std::to_string(22 + i));
  EXPECT_EQ(*asked_, std::vector<std::string>{"node.example"});
  on_lane([&] { waiting.clear(); });
}
TEST_F(ResolverTest, AsksAgainWhenTheLastAnswerIsGiven) {
  auto resolver = silent(10s);
  release();
  EXPECT_TRUE(resolve(resolver, "node.example"));
  EXPECT_TRUE(resolve(resolver, "node.example"));
  EXPECT_EQ(asked_->size(), 2U);
}
TEST_F(ResolverTest, DoesNotAskForWhatNobodyWaitsForAnyMore) {
  auto resolver = silent(10s);
  std::promise<Answer> answered;
  Lookup busy;
  on_lane([&] {
    busy = resolver.resolve(reactors_[0], "first.example", 22,
                            [&](Answer answer) { answered.set_value(std::move(answer)); });
    lookup_ = resolver.resolve(reactors_[0], "second.example", 22, [](const Answer&) { ADD_FAILURE(); });
    lookup_ = Lookup();
  });
  release();
  EXPECT_TRUE(answered.get_future().get());
  EXPECT_TRUE(resolve(resolver, "third.example"));  // after the second one's turn
  EXPECT_EQ(*asked_, (std::vector<std::string>{"first.example", "third.example"}));
  on_lane([&] { busy.reset(); });
}
TEST_F(ResolverTest, PassesAnErrorOnToAllWhoWait) {
  auto resolver = with(Error(Code::kDisconnected, "The name node.example is not known in DNS."));
  std::vector<std::promise<Answer>> answers(2);
  std::vector<Lookup> waiting;
  on_lane([&] {
    for (auto& to : answers)
      waiting.push_back(resolver.resolve(reactors_[0], "node.example", 22,
                                         [&to](Answer answer) { to.set_value(std::move(answer)); }));
  });
  for (auto& from : answers) EXPECT_EQ(from.get_future().get().error().code(), Code::kDisconnected);
  on_lane([&] { waiting.clear(); });
}
TEST(SystemResolver, KnowsLocalhost) {
  const auto found = Resolver::ask_system("localhost");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->front().isLoopback());
}
TEST(SystemResolver, SaysThatItGotNoAddress) {
  const auto found = Resolver::ask_system("no-such-node.invalid");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::kDisconnected);
  EXPECT_NE(std::string(found.error().what()).find("no-such-node.invalid"), std::string::npos);
}

}  // namespace
}  // namespace pillard::ssh
