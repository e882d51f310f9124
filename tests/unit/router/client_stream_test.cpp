// What a client listens to and asks for.
#include <gmock/gmock.h>

#include "observe/limits_reached.h"
#include "unit/router/fixture.h"

namespace pillard::router {
namespace {

using testing::ElementsAre;

class StreamTest : public testing::Test {
 protected:
  StreamTest() {
    spine.reactors.start();
    guest.emplace(sockets, spine.reactors[0]);
    guest->open(spine.log_in(spine.credential(closed.number()))->id);
    EXPECT_EQ(guest->last(3), "authenticated()");
  }
  ~StreamTest() override {
    guest.reset();
    spine.stop();
    sockets.stop();
  }
  /// The answer to one question.
  std::string answer(const std::string& type, const std::string& params = {}) {
    test::Journal answers;
    test::on(guest->home, [&] {
      guest->client->message(type, params, [&](const Outcome& outcome) { answers.add(acknowledgement(outcome)); });
    });
    const auto lines = answers.wait(1);
    return lines.empty() ? "no answer" : lines.front();
  }
  static std::string error(const std::string& message, const std::string& code) {
    return R"({"error":{"message":")" + message + R"(","code":")" + code + R"("}})";
  }
  std::int64_t subscriptions() const { return spine.hub->metrics().subscriptions.value(); }

  test::ClosedPort closed;
  test::Spine spine{{.allow = {"127.0.0.0/8"}}};
  Sockets sockets{test::services_of(spine, spine.store)};
  std::optional<test::Guest> guest;
};

constexpr auto kDone = R"({"data":null})";

TEST_F(StreamTest, SubscribesOnceHoweverOftenItIsAsked) {
  EXPECT_EQ(answer("subscribe_status"), kDone);
  EXPECT_EQ(answer("subscribe_status", "null"), kDone);
  EXPECT_EQ(answer("subscribe_status", R"({"interval":9000})"), kDone);
  EXPECT_EQ(subscriptions(), 1);
}

TEST_F(StreamTest, UnsubscribesAndSubscribesAgain) {
  EXPECT_EQ(answer("subscribe_status"), kDone);
  EXPECT_EQ(answer("unsubscribe_status"), kDone);
  EXPECT_EQ(subscriptions(), 0);
  EXPECT_EQ(answer("subscribe_status"), kDone);
  EXPECT_EQ(subscriptions(), 1);
}

TEST_F(StreamTest, TakesTheEndOfWhatIsNotThereForDone) {
  EXPECT_EQ(answer("unsubscribe_status"), kDone);
  EXPECT_EQ(answer("unsubscribe_logs", R"({"service":"execution"})"), kDone);
}

TEST_F(StreamTest, SaysExactlyWhatIsWrongWithParams) {
  EXPECT_EQ(answer("subscribe_logs"), error("params.service: expected a value, got nothing", "bad_request"));
  EXPECT_EQ(answer("subscribe_logs", "{}"), error("params.service: expected a value, got nothing", "bad_request"));
  EXPECT_EQ(answer("subscribe_logs", R"({"service":5})"),
            error("params.service: expected a string, got 5", "bad_request"));
  EXPECT_EQ(answer("subscribe_logs", "[1]"), error("params: expected an object, got [1]", "bad_request"));
  EXPECT_EQ(answer("subscribe_status", R"({"interval":true})"),
            error("params.interval: expected an integer from 1000 to 60000, got true", "bad_request"));
  EXPECT_EQ(answer("unsubscribe_logs", "7"), error("params: expected an object, got 7", "bad_request"));
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"../x"})"), error("params.service: not a unit name", "bad_request"));
  EXPECT_EQ(subscriptions(), 0);
}

TEST_F(StreamTest, ClampsAnIntervalInsteadOfRefusingIt) {
  EXPECT_EQ(answer("subscribe_status", R"({"interval":1})"), kDone);
  EXPECT_EQ(answer("subscribe_status", R"({"interval":1e9})"), kDone);
}

TEST_F(StreamTest, AnswersForAPluginThatBreaksOverParams) {
  const auto internal = answer("subscribe_logs", R"({"service":"crash"})");
  EXPECT_THAT(internal, testing::HasSubstr(R"("code":"internal")"));
  EXPECT_THAT(internal, testing::Not(testing::HasSubstr("a check of a plugin"))) << "what it threw is for the log";
  EXPECT_TRUE(spine.logged.wait_for("a check of a plugin that breaks"));
}

TEST_F(StreamTest, SurvivesAPluginThatBreaksOverParamsThatWaited) {
  const auto session = spine.log_in(spine.credential());
  test::Guest other(sockets, spine.reactors[0]);
  test::on(other.home, [&] {
    other.ask_here("authenticate", '"' + session->id + '"');
    other.ask_here("subscribe_logs", R"({"service":"crash"})");
  });
  EXPECT_THAT(other.last(3), testing::HasSubstr(R"("code":"internal")"));
}

TEST_F(StreamTest, KnowsNoOtherMessageTypes) {
  const auto unknown = error("There is no message type of this name here.", "not_found");
  EXPECT_EQ(answer("nonsense"), unknown);
  EXPECT_EQ(answer(""), unknown);
  EXPECT_EQ(answer("log_data"), unknown) << "events are not for asking";
}

TEST_F(StreamTest, TellsAsAnEventWhatNobodyWaitsFor) {
  guest->say("subscribe_logs", R"({"service":5})");
  EXPECT_EQ(guest->last(4), R"(error({"message":"params.service: expected a string, got 5","code":"bad_request",)"
                            R"("type":"subscribe_logs","params":{"service":5}}))");
  guest->say("nonsense");
  EXPECT_EQ(guest->last(5), R"(error({"message":"There is no message type of this name here.","code":"not_found",)"
                            R"("type":"nonsense"}))");
}

TEST_F(StreamTest, DoesNotSendLargeParamsBack) {
  guest->say("subscribe_logs", "{\"service\":5,\"x\":\"" + std::string(2000, 'x') + "\"}");
  EXPECT_THAT(guest->last(4), testing::Not(testing::HasSubstr("xxx")));
}

TEST_F(StreamTest, RefusesWhoIsNotLoggedIn) {
  test::Guest stranger(sockets, spine.reactors[0]);
  stranger.say("subscribe_logs", R"({"service":"execution"})");
  EXPECT_EQ(stranger.last(1), R"(error({"message":"Not authenticated.","code":"unauthenticated",)"
                              R"("type":"subscribe_logs","params":{"service":"execution"}}))");
  stranger.ask("unsubscribe_status");
  stranger.ask("get_config");
  EXPECT_EQ(stranger.last(3), "get_config: " + error("Not authenticated.", "unauthenticated"));
}

TEST_F(StreamTest, PassesOnTheProblemsOfItsStreams) {
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"execution"})"), kDone);
  const auto told = guest->last(4);
  EXPECT_THAT(told, testing::StartsWith(R"(error({"message":")"));
  EXPECT_THAT(
      told, testing::HasSubstr(R"("code":"disconnected","type":"subscribe_logs","params":{"service":"execution"}}))"));
  EXPECT_EQ(subscriptions(), 1) << "it goes on";
}

TEST_F(StreamTest, ForgetsAStreamThatEndedAndTakesItAgain) {
  const auto session =
      spine.log_in({.host = "169.254.169.254", .port = 22, .username = "eth", .password = session::Secret("pw")});
  test::Guest other(sockets, spine.reactors[0]);
  other.open(session->id);
  ASSERT_EQ(other.last(3), "authenticated()");
  for (std::size_t round = 0; round < 2; ++round) {
    other.say("subscribe_status");
    const auto told = other.last(4 + round);
    EXPECT_THAT(told, testing::HasSubstr(R"("code":"access_denied")"));
    EXPECT_THAT(told, testing::HasSubstr(R"("params":{},"ended":true)"));
    test::on(other.home, [] {});
    EXPECT_EQ(subscriptions(), 0);
  }
}

TEST_F(StreamTest, HoldsNoMoreSubscriptionsThanAllowed) {
  test::on(guest->home, [&] {
    for (std::size_t i = 0; i < 256; ++i)
      guest->client->message("subscribe_logs", "{\"service\":\"s" + std::to_string(i) + "\"}", nullptr);
  });
  EXPECT_EQ(subscriptions(), 256);
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"one more"})"),
            error("This connection holds 256 subscriptions already; end some first.", "overloaded"));
  EXPECT_EQ(observe::LimitsReached(spine.metrics).subscriptions.value(), 1U);
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"s0"})"), kDone) << "what it has is no further one";
  EXPECT_EQ(answer("unsubscribe_logs", R"({"service":"s0"})"), kDone);
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"one more"})"), kDone);
}

TEST_F(StreamTest, HoldsNoMoreCallsThanAllowed) {
  test::Journal answers;
  test::on(guest->home, [&] {
    for (std::size_t i = 0; i <= Client::kMaxCalls; ++i)
      guest->client->message("get_config", "", [&](const Outcome& outcome) { answers.add(acknowledgement(outcome)); });
  });
  const auto all = answers.wait(Client::kMaxCalls + 1);
  ASSERT_EQ(all.size(), Client::kMaxCalls + 1);
  EXPECT_EQ(all.front(), error("This connection has 32 calls under way already.", "overloaded"));
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_THAT(all[i], testing::HasSubstr(R"("code":"disconnected")"));
  EXPECT_THAT(answer("get_config"), testing::HasSubstr(R"("code":"disconnected")")) << "those that ended do not count";
}

TEST_F(StreamTest, LeavesNothingBehindWhenTheClientGoes) {
  guest->say("subscribe_status");
  guest->say("subscribe_logs", R"({"service":"execution"})");
  guest->ask("get_config");
  guest->leave();
  test::on(guest->home, [] {});
  EXPECT_EQ(subscriptions(), 0);
}

/// A later version of what subscribe_logs takes.
struct MoreLogsQuery {
  std::string service;
  bool verbose = false;
  PILLARD_FIELDS(MoreLogsQuery, PILLARD_FIELD(service, {.required = true}), PILLARD_FIELD(verbose))
};

TEST_F(StreamTest, KnowsItsSubscriptionsByTheParamsOfALaterVersion) {
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"execution"})"), kDone);
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"consensus"})"), kDone);
  spine.enrol<MoreLogsQuery>(test::kLinger);
  spine.hub->refresh(spine.plugin);
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"execution"})"), kDone);
  EXPECT_EQ(subscriptions(), 2) << "the same as before";
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"execution","verbose":true})"), kDone);
  EXPECT_EQ(subscriptions(), 3);
  EXPECT_EQ(answer("unsubscribe_logs", R"({"service":"execution"})"), kDone);
  EXPECT_EQ(answer("unsubscribe_logs", R"({"service":"consensus"})"), kDone);
  EXPECT_EQ(subscriptions(), 1);
}

TEST_F(StreamTest, IsToldThatAStreamHasEndedWhichLooksOtherwiseNow) {
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"execution"})"), kDone);
  spine.enrol<test::LogsQuery>(test::kLinger, "log_line");
  spine.hub->refresh(spine.plugin);
  EXPECT_TRUE(guest->heard.wait_for(R"("ended":true)"));
  test::on(guest->home, [] {});  // it goes behind the word about it
  EXPECT_EQ(subscriptions(), 0);
  EXPECT_EQ(answer("subscribe_logs", R"({"service":"execution"})"), kDone);
}

TEST_F(StreamTest, RefusesWhatAStoppedPluginOffered) {
  spine.registry.withdraw(spine.plugin);
  EXPECT_EQ(
      answer("subscribe_status"),
      error("The test plugin does not offer subscribe_status any more: it was stopped or replaced.", "unsupported"));
  EXPECT_EQ(answer("get_config"),
            error("The test plugin does not offer get_config any more: it was stopped or replaced.", "unsupported"));
  EXPECT_EQ(answer("unsubscribe_status"), kDone) << "ending what is not there is no mistake";
  spine.registry.forget(spine.plugin);
  EXPECT_EQ(answer("subscribe_status"), error("There is no message type of this name here.", "not_found"));
}

}  // namespace
}  // namespace pillard::router
