// Redis killed, frozen, restarted, loading, full, or not for us.
#include <gmock/gmock.h>

#include "unit/session/redis_server.h"

namespace pillard::session {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RedisTroubleTest : public WithRedis {
 protected:
  void SetUp() override {
    WithRedis::SetUp();
    if (IsSkipped()) return;
    side = std::make_unique<RedisSide>(server.url());
    ASSERT_TRUE(side->wait_up());
  }
  std::string foreign() const {
    const auto token = new_token();
    server.ask({"SETEX", key_of(token), "10200", old_record()});
    return token;
  }
  void lose() {
    server.kill();
    ASSERT_TRUE(side->wait_up(false));
  }
  Code code_of(const Result<SessionPtr>& result) {
    EXPECT_FALSE(result.ok());
    return result ? Code::kInternal : result.error().code();
  }
  std::unique_ptr<RedisSide> side;
};

TEST_F(RedisTroubleTest, KeepsVerifiedSessionsWhileRedisIsAway) {
  const auto found = foreign();
  ASSERT_TRUE(side->find(found).value());
  const auto made = side->create().value()->id;
  lose();
  EXPECT_EQ(side->find(found).value()->credential.host, "node.example");
  EXPECT_EQ(side->find(made).value()->credential.password.reveal(), "hunter2");
}
TEST_F(RedisTroubleTest, RefusesUnknownTokensAndLoginsWhileRedisIsAway) {
  const auto unknown = foreign();
  lose();
  EXPECT_EQ(code_of(side->find(unknown)), Code::kDisconnected);
  const auto refused = side->create();
  EXPECT_EQ(code_of(refused), Code::kDisconnected);
  EXPECT_THAT(refused.error().what(), AllOf(HasSubstr("Try again"), Not(HasSubstr("auth"))));
  EXPECT_FALSE(side->find("nonsense").value()) << "no store is needed to know this";
}
TEST_F(RedisTroubleTest, ForgetsVerifiedSessionsWhenTheirTimeIsOver) {
  RedisSide brief(server.url(), [](auto& options) { options.ttl = 1s; });
  ASSERT_TRUE(brief.wait_up());
  const auto token = brief.create().value()->id;
  server.kill();
  ASSERT_TRUE(brief.wait_up(false));
  ASSERT_TRUE(brief.find(token));
  EXPECT_TRUE(eventually([&] { return !brief.find(token); }, 3s));
}
TEST_F(RedisTroubleTest, RenewsNothingByATouchWhileRedisIsAway) {
  RedisSide brief(server.url(), [](auto& options) { options.ttl = 1s; });
  ASSERT_TRUE(brief.wait_up());
  const auto token = brief.create().value()->id;
  server.kill();
  ASSERT_TRUE(brief.wait_up(false));
  const auto over = [&] {
    brief.store->touch(token);
    return !brief.find(token);
  };
  EXPECT_TRUE(eventually(over, 3s));
}
TEST_F(RedisTroubleTest, LetsGoOfPasswordsWhoseTimeIsOverWhileRedisIsAway) {
  RedisSide brief(server.url(), [](auto& options) { options.ttl = 1s; });
  ASSERT_TRUE(brief.wait_up());
  const auto session = brief.create().value();
  server.kill();
  ASSERT_TRUE(brief.wait_up(false));
  EXPECT_TRUE(eventually([&] { return session.use_count() == 1; }, 3s));
}
TEST_F(RedisTroubleTest, DoesNotBringBackWhatSomebodyElseEndedBefore) {
  const auto token = foreign();
  ASSERT_TRUE(side->find(token).value());  // and nobody watches it
  server.ask({"DEL", key_of(token)});
  const auto rounds = side->figure("pillard_redis_request_seconds_count");
  ASSERT_TRUE(eventually([&] { return side->figure("pillard_redis_request_seconds_count") > rounds + 4; }));
  lose();
  EXPECT_EQ(code_of(side->find(token)), Code::kDisconnected);
}
TEST_F(RedisTroubleTest, AsksRedisAndNotItsMemoryWhileRedisIsThere) {
  const auto token = foreign();
  ASSERT_TRUE(side->find(token).value());
  server.ask({"DEL", key_of(token)});
  EXPECT_FALSE(side->find(token).value());
  lose();
  EXPECT_EQ(code_of(side->find(token)), Code::kDisconnected) << "what was found to be gone is not remembered";
}
TEST_F(RedisTroubleTest, EndsNothingBecauseRedisIsAway) {
  side->watch(foreign());
  lose();
  const auto failures = side->figure("pillard_redis_failures_total");
  EXPECT_FALSE(eventually([&] { return side->ended > 0; }, 300ms));
  EXPECT_GE(failures, 1);
  EXPECT_EQ(side->figure("pillard_redis_up"), 0);
}
TEST_F(RedisTroubleTest, HealsWhenRedisIsRestartedWithItsData) {
  const auto token = foreign();
  side->watch(token);
  server.ask({"SAVE"});
  lose();
  server.start();
  ASSERT_TRUE(side->wait_up());
  EXPECT_TRUE(side->find(token).value());
  EXPECT_TRUE(side->create());
  EXPECT_FALSE(eventually([&] { return side->ended > 0; }, 200ms));
  EXPECT_EQ(side->figure("pillard_redis_up"), 1);
  EXPECT_GE(side->figure("pillard_redis_reconnects_total"), 1);
  EXPECT_THAT(side->lines->text(), AllOf(HasSubstr("Redis is away"), HasSubstr("Redis is back")));
}
TEST_F(RedisTroubleTest, EndsTheSessionsThatRedisLostInARestart) {
  const auto token = side->create().value()->id;
  side->watch(token);
  lose();
  ASSERT_TRUE(side->find(token).value());
  server.start();
  ASSERT_TRUE(eventually([&] { return side->ended == 1; }));
  EXPECT_FALSE(side->find(token).value());
}
TEST_F(RedisTroubleTest, StartsWithoutRedisAndHeals) {
  server.kill();
  RedisSide early(server.url());
  EXPECT_EQ(code_of(early.create()), Code::kDisconnected);
  server.start();
  ASSERT_TRUE(early.wait_up());
  EXPECT_TRUE(early.create());
}

TEST_F(RedisTroubleTest, AnswersEverybodyInTimeWhenRedisFreezes) {
  const auto known = foreign();
  ASSERT_TRUE(side->find(known).value());
  const auto unknown = foreign();
  server.freeze();
  const auto begun = std::chrono::steady_clock::now();
  std::atomic<int> refused{0};
  for (int i = 0; i < 1000; ++i)
    side->store->find(side->home(), unknown, [&](const auto& found) { refused += !found; });
  EXPECT_TRUE(side->find(known).value());
  EXPECT_TRUE(eventually([&] { return refused == 1000; }, 5s));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2500ms);  // the timeout is 1 s
  const auto later = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(side->find(unknown)), Code::kDisconnected);
  EXPECT_LT(std::chrono::steady_clock::now() - later, 500ms) << "known to be away: answered at once";
  server.thaw();
  ASSERT_TRUE(side->wait_up());
  EXPECT_TRUE(side->find(unknown).value());
}
TEST_F(RedisTroubleTest, NoticesAFrozenRedisWithoutBeingAsked) {
  server.freeze();
  EXPECT_TRUE(side->wait_up(false));
  EXPECT_TRUE(eventually([&] { return side->lines->has("it does not answer"); }));
  server.thaw();
  EXPECT_TRUE(side->wait_up());
}
TEST_F(RedisTroubleTest, DeletesTheRecordOfALoginThatWasTakenForFailed) {
  server.freeze();
  EXPECT_EQ(code_of(side->create()), Code::kDisconnected);
  server.thaw();  // and now Redis reads what it was sent
  ASSERT_TRUE(side->wait_up());
  EXPECT_TRUE(eventually([&] { return server.ask({"DBSIZE"}).number == 0; }));
}
TEST_F(RedisTroubleTest, RefusesWhatIsBeyondItsQueue) {
  std::atomic<int> busy{0};
  RedisSide narrow(server.url(), [](auto& options) { options.link.max_waiting = 10; });
  ASSERT_TRUE(narrow.wait_up());
  server.freeze();
  for (int i = 0; i < 1000; ++i)
    narrow.store->create(narrow.home(), {.host = "h", .port = 1, .username = "u", .password = Secret("p")},
                         [&](const auto& made) { busy += !made && made.error().code() == Code::kOverloaded; });
  EXPECT_TRUE(eventually([&] { return busy > 0; }));
  EXPECT_EQ(narrow.figure("pillard_redis_queue_peak"), 10);
  server.thaw();
}
TEST_F(RedisTroubleTest, EndsWithRequestsInFlight) {
  const auto token = foreign();
  side->watch(token);
  server.freeze();
  for (int i = 0; i < 1000; ++i) {
    side->store->find(side->home(), token, [held = std::make_unique<int>(i)](const auto&) {});
    side->store->touch(token);
  }
  const auto begun = std::chrono::steady_clock::now();
  side.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
}
TEST_F(RedisTroubleTest, EndsBehindItsLoop) {
  const auto token = foreign();
  server.freeze();
  side->reactors.stop();
  bool answered = false;
  side->store->find(side->home(), token, [&, held = std::make_unique<int>(1)](const auto&) { answered = true; });
  side->store->stop();
  EXPECT_FALSE(answered);
  side->reactors.drain();
  EXPECT_TRUE(answered) << "what is left is carried out by whoever takes the loop down";
}
TEST_F(RedisTroubleTest, DropsAnswersThatNobodyCarriesOut) {
  const auto token = foreign();
  server.freeze();
  side->reactors.stop();
  side->store->find(side->home(), token, [held = std::make_unique<int>(1)](const auto&) {});
  side->store.reset();
  side.reset();
}

TEST_F(RedisTroubleTest, EndsASessionHereAtOnceWhileRedisIsAway) {
  const auto token = foreign();
  server.ask({"SAVE"});
  ASSERT_TRUE(side->find(token).value());
  side->watch(token);
  lose();
  const auto removed = side->remove(token);
  EXPECT_EQ(code_of(removed), Code::kDisconnected);
  EXPECT_THAT(removed.error().what(), HasSubstr("logged out here"));
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }));
  EXPECT_FALSE(side->find(token).value());
  side->watch(token);
  EXPECT_TRUE(eventually([&] { return side->ended == 2; })) << "who comes too late is told, too";
  server.start();
  ASSERT_TRUE(side->wait_up());
  EXPECT_FALSE(side->find(token).value()) << "although the record may still be there";
  EXPECT_TRUE(eventually([&] { return server.ask({"EXISTS", key_of(token)}).number == 0; }));
}
TEST_F(RedisTroubleTest, EndsASessionHereBeforeAFrozenRedisIsGivenUp) {
  const auto token = foreign();
  ASSERT_TRUE(side->find(token).value());
  side->watch(token);
  server.freeze();
  std::atomic<bool> answered{false};
  side->store->remove(side->home(), token, [&](const auto& removed) { answered = !removed; });
  EXPECT_FALSE(side->find(token).value());
  side->settle();
  EXPECT_EQ(side->ended, 1);
  EXPECT_FALSE(answered) << "nobody knows yet that Redis is away";
  server.thaw();
  EXPECT_TRUE(eventually([&] { return server.ask({"EXISTS", key_of(token)}).number == 0; }));
  side->store->stop();
}
TEST_F(RedisTroubleTest, EndsASessionHereWhenTooManyWaitForRedis) {
  RedisSide narrow(server.url(), [](auto& options) { options.link.max_waiting = 10; });
  ASSERT_TRUE(narrow.wait_up());
  const auto token = foreign();
  narrow.watch(token);
  server.freeze();
  for (int i = 0; i < 1000; ++i) narrow.store->find(narrow.home(), token, [](const auto&) {});
  EXPECT_EQ(code_of(narrow.remove(token)), Code::kDisconnected);
  narrow.settle();
  EXPECT_EQ(narrow.ended, 1);
  server.thaw();
  EXPECT_TRUE(eventually([&] { return server.ask({"EXISTS", key_of(token)}).number == 0; }));
}
TEST_F(RedisTroubleTest, SaysAtItsEndWhatItStillOwes) {
  const auto token = foreign();
  lose();
  EXPECT_FALSE(side->remove(token));
  side->store->stop();
  EXPECT_THAT(side->lines->text(), HasSubstr("logouts that Redis was not told of"));
}
TEST_F(RedisTroubleTest, RemembersNoMoreLogoutsThanItsBound) {
  RedisSide narrow(server.url(), [](auto& options) { options.max_owed = 2; });
  ASSERT_TRUE(narrow.wait_up());
  const auto one = foreign();
  const auto two = foreign();
  const auto known = foreign();
  EXPECT_TRUE(narrow.find(known));
  server.ask({"SAVE"});
  server.kill();
  ASSERT_TRUE(narrow.wait_up(false));
  EXPECT_FALSE(narrow.remove(one));
  EXPECT_FALSE(narrow.remove(two));
  EXPECT_THAT(narrow.lines->text(), HasSubstr("too many logouts wait for Redis"));
  EXPECT_FALSE(narrow.remove(known));
  server.start();
  ASSERT_TRUE(narrow.wait_up());
  EXPECT_TRUE(eventually([&] { return server.ask({"EXISTS", key_of(one)}).number == 0; }));
  EXPECT_EQ(server.ask({"EXISTS", key_of(two)}).number, 1) << "strangers get half of the room";
  EXPECT_TRUE(eventually([&] { return server.ask({"EXISTS", key_of(known)}).number == 0; }));
}

TEST_F(RedisTroubleTest, SaysNothingOfAConnectionThatRedisClosed) {
  const auto token = foreign();
  for (int i = 0; i < 20; ++i) {
    server.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(side->find(token));
  }
  EXPECT_TRUE(side->store->up());
  EXPECT_THAT(side->lines->text(), Not(HasSubstr("Redis is away")));
}
TEST_F(RedisTroubleTest, WaitsWhileRedisLoadsItsData) {
  const auto token = foreign();
  side->watch(token);
  for (int i = 0; i < 500; ++i) server.ask({"SET", "other:" + std::to_string(i), std::string(100, 'x')});
  server.ask({"SAVE"});
  lose();
  server.start({"--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"}, false);
  ASSERT_TRUE(eventually([&] { return side->lines->has("it is not ready"); }));
  EXPECT_FALSE(side->store->up());
  ASSERT_TRUE(side->wait_up());
  EXPECT_TRUE(side->find(token).value());
  EXPECT_EQ(side->ended, 0);
}
TEST_F(RedisTroubleTest, RefusesLoginsWhileRedisHasNoRoomAndStillFinds) {
  const auto token = foreign();
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(code_of(side->create()), Code::kDisconnected);
  EXPECT_TRUE(side->find(token).value());
  EXPECT_THAT(side->lines->text(), AllOf(HasSubstr("Redis refuses a command"), HasSubstr("OOM"), HasSubstr("SETEX"),
                                         Not(HasSubstr("hunter2"))));
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(side->create());
}
TEST_F(RedisTroubleTest, DeletesLaterWhatAReplicaDoesNotLetItDelete) {
  const auto token = foreign();
  side->watch(token);
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_EQ(code_of(side->create()), Code::kDisconnected);
  EXPECT_EQ(code_of(side->remove(token)), Code::kDisconnected);
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }));
  server.ask({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(eventually([&] { return server.ask({"EXISTS", key_of(token)}).number == 0; }));
  EXPECT_TRUE(side->create());
}

TEST_F(RedisTroubleTest, LogsInWithAPassword) {
  server.ask({"CONFIG", "SET", "requirepass", "open sesame"});
  auto url = server.url();
  url.password = "open sesame";
  RedisSide other(url);
  ASSERT_TRUE(other.wait_up());
  EXPECT_TRUE(other.create());
}
TEST_F(RedisTroubleTest, LogsInAsAUserWithTheRightsThatAreDocumented) {
  server.ask({"ACL", "SETUSER", "pillard", "on", ">open-sesame", "~ssh_session:*", "+get", "+set", "+setex", "+del",
              "+exists", "+expire", "+select"});
  auto url = server.url();
  url.user = "pillard";
  url.password = "open-sesame";
  url.database = 1;
  RedisSide other(url);
  ASSERT_TRUE(other.wait_up());
  const auto token = other.create().value()->id;
  other.watch(token);
  other.store->touch(token);
  EXPECT_TRUE(other.find(token).value());
  EXPECT_TRUE(other.remove(token).value());
  EXPECT_TRUE(eventually([&] { return other.ended == 1; }));
  EXPECT_THAT(other.lines->text(), Not(HasSubstr("refuses")));
}
TEST_F(RedisTroubleTest, EndsNothingWhenItMayNotLook) {
  server.ask({"ACL", "SETUSER", "blind", "on", ">open-sesame", "~ssh_session:*", "+get", "+setex"});
  auto url = server.url();
  url.user = "blind";
  url.password = "open-sesame";
  RedisSide other(url);
  ASSERT_TRUE(other.wait_up());
  other.watch(other.create().value()->id);
  ASSERT_TRUE(eventually([&] { return other.lines->has("code=NOPERM command=EXISTS"); }));
  EXPECT_FALSE(eventually([&] { return other.ended > 0; }, 200ms));
}
TEST_F(RedisTroubleTest, KeepsToItsDatabase) {
  auto url = server.url();
  url.database = 3;
  RedisSide other(url);
  ASSERT_TRUE(other.wait_up());
  const auto token = other.create().value()->id;
  EXPECT_EQ(server.ask({"EXISTS", key_of(token)}).number, 0);
  EXPECT_THAT(server.text({"INFO", "keyspace"}), HasSubstr("db3:keys=1"));
  EXPECT_FALSE(side->find(token).value());
}
TEST_F(RedisTroubleTest, SaysThatTheDatabaseIsRefused) {
  auto url = server.url();
  url.database = 999;
  RedisSide other(url);
  EXPECT_EQ(code_of(other.create()), Code::kDisconnected);
  EXPECT_THAT(other.lines->text(), HasSubstr("it refuses the database number of redis.url"));
}
TEST_F(RedisTroubleTest, SaysThatThePasswordIsRefusedWithoutRepeatingIt) {
  server.ask({"CONFIG", "SET", "requirepass", "open-sesame"});
  for (const auto* password : {"", "hunter2"}) {
    auto url = server.url();
    url.password = password;
    RedisSide other(url);
    EXPECT_EQ(code_of(other.create()), Code::kDisconnected);
    EXPECT_THAT(other.lines->text(),
                AllOf(HasSubstr("it refuses the user or password of redis.url"), Not(HasSubstr("hunter2"))));
  }
}
TEST_F(RedisTroubleTest, DoesNotHammerRedisWithAWrongPassword) {
  server.ask({"CONFIG", "SET", "requirepass", "open-sesame"});
  auto url = server.url();
  url.password = "hunter2";
  RedisSide other(url, [](auto& options) { options.link.retry_refused = 1h; });
  ASSERT_TRUE(eventually([&] { return other.lines->has("Redis is away"); }));
  // Unless it waits it would try every 10 ms.
  EXPECT_FALSE(eventually([&] { return other.figure("pillard_redis_up") == 1; }, 300ms));
  RedisConnection admin({.host = "127.0.0.1", .port = server.url().port, .password = "open-sesame"}, {});
  ASSERT_FALSE(admin.open());
  RedisReplies replies;
  const std::vector<RedisCommand> commands{{"INFO", "commandstats"}};
  ASSERT_FALSE(admin.exchange(commands, replies));
  EXPECT_THAT(replies[0].text, HasSubstr("failed_calls=1"));
}
TEST_F(RedisTroubleTest, HealsWhenThePasswordIsMended) {
  server.ask({"CONFIG", "SET", "requirepass", "open-sesame"});
  auto url = server.url();
  url.password = "hunter2";
  RedisSide other(url);
  ASSERT_TRUE(eventually([&] { return other.lines->has("Redis is away"); }));
  RedisConnection admin({.host = "127.0.0.1", .port = server.url().port, .password = "open-sesame"}, {});
  ASSERT_FALSE(admin.open());
  RedisReplies replies;
  const std::vector<RedisCommand> commands{{"CONFIG", "SET", "requirepass", "hunter2"}};
  ASSERT_FALSE(admin.exchange(commands, replies));
  EXPECT_TRUE(other.wait_up());
}
TEST_F(RedisTroubleTest, TakesAPasswordThatRedisDoesNotWant) {
  auto url = server.url();
  url.password = "hunter2";
  RedisSide other(url);
  EXPECT_TRUE(other.wait_up());
}

}  // namespace
}  // namespace pillard::session
