// Redis as a place for sessions, while all is well with it.
#include "session/redis_store.h"

#include <gmock/gmock.h>

#include "unit/session/redis_server.h"

namespace pillard::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RedisStoreTest : public WithRedis {
 protected:
  void SetUp() override {
    WithRedis::SetUp();
    if (IsSkipped()) return;
    side = std::make_unique<RedisSide>(server.url());
    ASSERT_TRUE(side->wait_up());
  }
  /// A session that another server made.
  std::string foreign(const std::string& record = old_record(), const std::string& ttl = "10200") {
    const auto token = new_token();
    server.ask({"SETEX", key_of(token), ttl, record});
    return token;
  }
  std::unique_ptr<RedisSide> side;
};

TEST_F(RedisStoreTest, KeepsARecordAsTheOldServerWritesIt) {
  const auto session = side->create().value();
  EXPECT_TRUE(valid_token(session->id));
  EXPECT_EQ(server.text({"GET", key_of(session->id)}),
            R"({"host":"node.example","username":"ethnode","password":"hunter2","port":2222,)"
            R"("lastAccessed":1700000000000})");
  const auto ttl = server.ask({"TTL", key_of(session->id)}).number;
  EXPECT_LE(ttl, 10200);
  EXPECT_GT(ttl, 10190);
}
TEST_F(RedisStoreTest, FindsWhatItCreated) {
  const auto made = side->create().value();
  const auto found = side->find(made->id).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, made->id);
  EXPECT_EQ(found->credential.port, 2222);
  EXPECT_EQ(found->credential.password.reveal(), "hunter2");
}
TEST_F(RedisStoreTest, FindsWhatAnotherServerWrote) {
  const auto found = side->find(foreign()).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->credential.host, "node.example");
  EXPECT_EQ(found->credential.username, "ethnode");
  EXPECT_EQ(found->credential.port, 22);
  EXPECT_EQ(found->last_accessed_ms, 1'600'000'000'000);
}
TEST_F(RedisStoreTest, FindsNothingUnderAnUnknownToken) {
  EXPECT_FALSE(side->find(new_token()).value());
  EXPECT_FALSE(side->find("").value());
  EXPECT_FALSE(side->find("-").value());
}
TEST_F(RedisStoreTest, TakesABrokenRecordForNoneAndNamesItWithoutItsContent) {
  for (const auto* record : {"", "hunter2", "{}", R"({"host":"hunter2","username":"u","port":"x"})", "[1]", "null"}) {
    const auto token = foreign(record);
    EXPECT_FALSE(side->find(token).value()) << record;
  }
  EXPECT_THAT(side->lines->text(), HasSubstr("a record in Redis cannot be read"));
  EXPECT_THAT(side->lines->text(), HasSubstr("session="));
  EXPECT_THAT(side->lines->text(), Not(HasSubstr("hunter2")));
}
TEST_F(RedisStoreTest, TakesAKeyThatHoldsNoTextForARefusal) {
  const auto token = new_token();
  server.ask({"RPUSH", key_of(token), "x"});
  const auto found = side->find(token);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::kDisconnected);
  EXPECT_TRUE(side->store->up());
}
TEST_F(RedisStoreTest, DoesNotRenewByFinding) {
  const auto token = foreign(old_record(), "500");
  ASSERT_TRUE(side->find(token).value());
  EXPECT_LE(server.ask({"TTL", key_of(token)}).number, 500);
}
TEST_F(RedisStoreTest, RenewsByATouchAndKeepsWhatOthersPutThere) {
  const auto token =
      foreign(R"({"host":"h","extra":{"a":[1, 2]},"username":"u","lastAccessed":5,"password":"p"})", "500");
  side->unix_ms = 1'700'000'000'123;
  side->store->touch(token);
  ASSERT_TRUE(eventually([&] { return server.ask({"TTL", key_of(token)}).number > 10'190; }));
  EXPECT_EQ(server.text({"GET", key_of(token)}),
            R"({"host":"h","extra":{"a":[1, 2]},"username":"u","lastAccessed":1700000000123,"password":"p"})");
}
TEST_F(RedisStoreTest, DoesNotReviveByATouch) {
  const auto token = new_token();
  side->store->touch(token);
  side->store->touch("nonsense");
  EXPECT_FALSE(side->find(token).value());
  EXPECT_FALSE(side->find(token).value());  // behind the second command of the touch
  EXPECT_EQ(server.ask({"EXISTS", key_of(token)}).number, 0);
}
TEST_F(RedisStoreTest, RemovesOnceAndSaysWhat) {
  const auto token = foreign();
  const auto removed = side->remove(token).value();
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->credential.host, "node.example");
  EXPECT_EQ(server.ask({"EXISTS", key_of(token)}).number, 0);
  EXPECT_FALSE(side->find(token).value());
  EXPECT_FALSE(side->remove(token).value());
  EXPECT_FALSE(side->remove("nonsense").value());
}
TEST_F(RedisStoreTest, RemovesWhatItCannotRead) {
  const auto token = foreign("{}");
  EXPECT_TRUE(side->remove(token).value());
  EXPECT_EQ(server.ask({"EXISTS", key_of(token)}).number, 0);
}
TEST_F(RedisStoreTest, EndsASessionThatNobodyCanReadAnyMore) {
  const auto token = foreign();
  ASSERT_TRUE(side->find(token).value());
  side->watch(token);
  server.ask({"SET", key_of(token), "{}"});
  EXPECT_FALSE(side->find(token).value());
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }));
}
TEST_F(RedisStoreTest, OutlivesALoginThatCannotBeMade) {
  RedisSide unlucky(server.url(), [](auto& options) {
    options.unix_ms = []() -> std::int64_t { throw std::runtime_error("no random bytes"); };
  });
  ASSERT_TRUE(unlucky.wait_up());
  const auto made = unlucky.create();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kInternal);
  EXPECT_THAT(made.error().what(), Not(HasSubstr("random")));
  EXPECT_THAT(unlucky.lines->text(), HasSubstr("no random bytes"));
}
TEST_F(RedisStoreTest, DeletesAtItsEndWhatItStillOwes) {
  RedisSide patient(server.url(), [](auto& options) { options.retry_owed = 1h; });
  ASSERT_TRUE(patient.wait_up());
  const auto token = foreign();
  const auto other = foreign();
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_FALSE(patient.remove(token));
  ASSERT_TRUE(eventually([&] { return patient.figure("pillard_redis_failures_total") >= 2; })) << "the first payment";
  server.ask({"REPLICAOF", "NO", "ONE"});
  ASSERT_TRUE(patient.find(other).value());
  patient.store->stop();
  EXPECT_EQ(server.ask({"EXISTS", key_of(token)}).number, 0);
  EXPECT_THAT(patient.lines->text(), Not(HasSubstr("Redis was not told of")));
}
TEST_F(RedisStoreTest, CarriesOutTheLogoutsThatWaitAtItsEnd) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 300; ++i) tokens.push_back(side->create().value()->id);
  std::atomic<int> removed{0};
  for (const auto& token : tokens)
    side->store->remove(side->home(), token, [&](const auto& session) { removed += session && *session; });
  side->store->stop();
  side->settle();
  EXPECT_EQ(removed, 300);
  EXPECT_EQ(server.ask({"DBSIZE"}).number, 0);
}
TEST_F(RedisStoreTest, ServesOthersWhileTheBeatTakesLongerThanItsTime) {
  RedisLink link({.server = server.url(), .beat = 0ms}, side->log, side->metrics, [] {
    std::vector<RedisJob> jobs(2);
    for (auto& job : jobs) {
      job.commands.assign(256, {"PING"});
      job.done = [](const auto&) {};
    }
    return jobs;
  });
  link.start();
  std::promise<bool> answered;
  link.ask(
      {.commands = {{"PING"}}, .done = [&](const Result<RedisReplies>& replies) { answered.set_value(replies.ok()); }});
  auto future = answered.get_future();
  ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
  EXPECT_TRUE(future.get());
}
TEST_F(RedisStoreTest, SealsRecordsWhenItHasAKey) {
  RedisSide sealing(server.url(),
                    [](auto& options) { options.sealer = std::move(Sealer::from_text(std::string(64, 'a'))).value(); });
  ASSERT_TRUE(sealing.wait_up());
  const auto token = sealing.create().value()->id;
  EXPECT_THAT(server.text({"GET", key_of(token)}), Not(HasSubstr("hunter2")));
  EXPECT_EQ(sealing.find(token).value()->credential.password.reveal(), "hunter2");
  EXPECT_TRUE(sealing.find(foreign()).value()) << "records of the old server are read all the same";
  EXPECT_FALSE(side->find(token).value()) << "who has no key reads nothing";
}
TEST_F(RedisStoreTest, NeverAnswersFromInsideTheCall) {
  bool inside = false;
  side->settle([&] {
    inside = true;
    side->store->find(side->home(), "nonsense", [&](const auto&) { EXPECT_FALSE(inside); });
    side->store->stop();
    side->store->find(side->home(), new_token(), [&](const auto&) { EXPECT_FALSE(inside); });
    inside = false;
  });
  side->settle();
}

TEST_F(RedisStoreTest, TellsOfARemovalOfItsOwnOnce) {
  const auto token = foreign();
  side->watch(token);
  side->watch(token);
  side->remove(token).value();
  ASSERT_TRUE(eventually([&] { return side->ended == 2; }));
  side->remove(token).value();
  side->settle();
  EXPECT_EQ(side->ended, 2);
}
TEST_F(RedisStoreTest, TellsOfARemovalByAnotherServer) {
  const auto token = foreign();
  side->watch(token);
  RedisSide other(server.url());
  ASSERT_TRUE(other.wait_up());
  ASSERT_TRUE(other.remove(token).value());
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }, 1s));
}
TEST_F(RedisStoreTest, TellsOfADeletedRecord) {
  const auto token = foreign();
  side->watch(token);
  server.ask({"DEL", key_of(token)});
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }, 1s));
}
TEST_F(RedisStoreTest, TellsOfExpiry) {
  const auto token = foreign();
  side->watch(token);
  server.ask({"PEXPIRE", key_of(token), "50"});
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }, 1s));
}
TEST_F(RedisStoreTest, TellsOfAnEndThatWasBeforeTheWatch) {
  side->watch(new_token());
  EXPECT_TRUE(eventually([&] { return side->ended == 1; }, 1s));
}
TEST_F(RedisStoreTest, TellsOfTheOneAmongManyThatEnded) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 150; ++i) tokens.push_back(foreign());
  for (const auto& token : tokens) side->watch(token);
  ASSERT_TRUE(eventually([&] { return side->figure("pillard_redis_watched_sessions") == 150; }));
  server.ask({"DEL", key_of(tokens[77])});
  ASSERT_TRUE(eventually([&] { return side->ended == 1; }, 1s));
  ASSERT_TRUE(eventually([&] { return side->figure("pillard_redis_watched_sessions") == 149; }));
  EXPECT_EQ(side->ended, 1);
}
TEST_F(RedisStoreTest, AsksNoMoreForWhatNobodyWatches) {
  side->watch(foreign());
  ASSERT_TRUE(eventually([&] { return side->figure("pillard_redis_watched_sessions") == 1; }));
  side->settle([&] { side->watches.clear(); });
  EXPECT_TRUE(eventually([&] { return side->figure("pillard_redis_watched_sessions") == 0; }));
}
TEST_F(RedisStoreTest, NeverScans) {
  side->watch(foreign());
  side->remove(side->create().value()->id).value();
  for (const auto* command : {"keys", "scan", "psubscribe"})
    EXPECT_THAT(server.text({"INFO", "commandstats"}), Not(HasSubstr(std::string("cmdstat_") + command + ":")));
}

TEST_F(RedisStoreTest, SendsManyAtOnce) {
  const auto token = side->create().value()->id;
  const auto rounds = side->figure("pillard_redis_request_seconds_count");
  std::atomic<int> found{0};
  for (int i = 0; i < 10'000; ++i)
    side->store->find(side->home(), token, [&](const Result<SessionPtr>& session) { found += session && *session; });
  EXPECT_TRUE(eventually([&] { return found == 10'000; }, 60s));
  EXPECT_LT(side->figure("pillard_redis_request_seconds_count") - rounds, 2000);
  EXPECT_GT(side->figure("pillard_redis_queue_peak"), 100);
}
TEST_F(RedisStoreTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        side->store->create(side->home(), {.host = "h", .port = 1, .username = "u", .password = Secret("p")},
                            [&](Result<SessionPtr> made) {
                              side->store->touch((*made)->id);
                              side->store->remove(side->home(), (*made)->id, [&](const auto& removed) {
                                EXPECT_TRUE(*removed);
                                ++done;
                              });
                            });
    });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(eventually([&] { return done == 200; }, 60s));
}
TEST_F(RedisStoreTest, CarriesARecordThatIsLargerThanARound) {
  const auto password = std::string(1024, 'x');
  RedisSide narrow(server.url(), [](auto& options) { options.link.round_bytes = 64; });
  ASSERT_TRUE(narrow.wait_up());
  const auto token = narrow.create(password).value()->id;
  EXPECT_EQ(narrow.find(token).value()->credential.password.reveal(), password);
}

}  // namespace
}  // namespace pillard::session
