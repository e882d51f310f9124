#pragma once
// Sessions that several daemons and the old server share: records in Redis, in the old server's form.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "session/known_sessions.h"
#include "session/record.h"
#include "session/redis_link.h"
#include "session/watches.h"

namespace pillard::session {

/// While Redis is there it is asked each time. While it is away:
/// - find() answers from memory for sessions that this process has found or made before, for their time to live since
///   Redis last found or touched them: a touch renews nothing then. For others, and create(): kDisconnected;
/// - remove() answers kDisconnected, and deletes the record when Redis is back;
/// - no watch is told of an end that is only guessed.
/// remove() ends the session here at once, whatever Redis says and when: from its call on nobody finds it here.
/// An end by somebody else (a logout elsewhere, expiry, DEL) is told within a second. What is remembered without being
/// watched is checked in turn, kTokensOfOneCheck a beat: of 10,000 each one within about a minute. An end of the last
/// minute before Redis was lost may thus be missed until it is back.
class RedisStore final : public Store {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    RedisLink::Options link;
    std::chrono::seconds ttl{10'200};             // of records: after the last touch
    std::optional<Sealer> sealer{};               // for records; without one they are as the old server writes them
    std::size_t max_known = 10'000;               // sessions that can be answered while Redis is away
    std::size_t max_owed = 10'000;                // records that are still to be deleted; more than that just expire
    std::chrono::milliseconds retry_owed{2'000};  // between attempts to delete them, if Redis refuses
    std::function<std::int64_t()> unix_ms = [] {
      using namespace std::chrono;
      return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    };
  };
  RedisStore(Options options, observe::Log& log, observe::Metrics& metrics);
  ~RedisStore() override;

  bool can_keep(const Credential& credential) const override { return options_.sealer || !needs_sealing(credential); }
  void create(reactor::Reactor& home, Credential credential, Found done) override;
  void find(reactor::Reactor& home, std::string token, Found done) override;
  void touch(std::string_view token) override;
  void remove(reactor::Reactor& home, std::string token, Found done) override;
  [[nodiscard]] EndWatch watch(reactor::Reactor& home, std::string token, Function<void()> ended) override;
  /// Deletes what is owed, if Redis is there and quick.
  void stop() override;

  /// [main] Begins to talk to Redis. What is asked before waits for the first attempt's outcome.
  void start() { link_.start(); }
  /// [any] Whether Redis is there.
  bool up() const noexcept { return link_.up(); }

 private:
  SessionPtr read(const std::string& token, RedisReply& reply);
  void end(const std::string& token);
  bool hide(const std::string& token, bool ours);
  void owe(const std::string& token, bool ours);
  bool owes(const std::string& token) const;
  void settle(const std::vector<std::string>& tokens);

  static constexpr std::size_t kTokensOfOneCheck = 64;

  std::vector<RedisJob> beat();
  RedisJob check(std::vector<std::string> tokens);
  void check_each(const std::vector<std::string>& tokens);
  bool pay(std::vector<RedisJob>& jobs);

  const Options options_;
  observe::Log& log_;
  observe::Gauge& watched_;
  observe::Throttle throttle_{std::chrono::seconds(60)};
  KnownSessions known_;
  Watches watches_;

  mutable std::mutex mutex_;
  struct Debt {
    Clock::time_point expires;
    bool due;  // false: the remove() that found it is still waiting for its own answer
  };
  std::unordered_map<std::string, Debt> owed_;  // guarded by mutex_: to be deleted, and found by nobody
  Clock::time_point next_payment_{};            // guarded by mutex_
  bool stopping_ = false;                       // guarded by mutex_

  RedisLink link_;  // the last one: its thread uses all of the above
};

}  // namespace pillard::session
