#pragma once
// A real redis-server of the test's own, on a free port of the loopback, that can be hurt; and a store that uses it.
#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Message.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "session/redis_store.h"

namespace pillard::session {

using namespace std::chrono_literals;

/// Whether `check` comes true in time.
template <class Check>
bool eventually(Check check, std::chrono::milliseconds limit = 10s) {
  for (const auto deadline = std::chrono::steady_clock::now() + limit; !check();) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class RedisServer {
 public:
  /// Where it is, or empty if this machine has none.
  static std::string executable();

  RedisServer();
  RedisServer(const RedisServer&) = delete;
  ~RedisServer();

  /// Starts it, with what it saved if there is anything, and waits until it listens; without `wait` only that.
  void start(std::vector<std::string> options = {}, bool until_ready = true);
  void kill();
  void freeze() const;
  void thaw() const;
  void forget() const { std::filesystem::remove(directory_ / "dump.rdb"); }

  config::RedisUrl url() const { return {.host = "127.0.0.1", .port = port_}; }
  /// One command of another client, whose connection lasts as long as the call.
  RedisReply ask(RedisCommand command) const;
  std::string text(RedisCommand command) const { return ask(std::move(command)).text; }

 private:
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

/// Finished lines of a log.
class LogLines final : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override {
    const std::lock_guard lock(mutex_);
    text_ += message.getText() + '\n';
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool has(const std::string& part) const { return text().find(part) != std::string::npos; }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// One daemon's view of the server: a loop and a store. Times are short.
class RedisSide {
 public:
  using Change = std::function<void(RedisStore::Options&)>;
  explicit RedisSide(const config::RedisUrl& server, const Change& change = nullptr);
  ~RedisSide();

  static RedisStore::Options options(const config::RedisUrl& server);

  /// Runs `task` on the lane, behind all that was posted before.
  void settle(Function<void()> task = [] {});
  bool wait_up(bool up = true) {
    return eventually([&] { return store->up() == up; });
  }
  reactor::Reactor& home() { return reactors[0]; }

  Result<SessionPtr> create(const std::string& password = "hunter2");
  Result<SessionPtr> find(const std::string& token);
  Result<SessionPtr> remove(const std::string& token);
  /// Counts ends of `token` in `ended` from here on.
  void watch(const std::string& token);
  double figure(const std::string& name) const;

  Poco::AutoPtr<LogLines> lines{new LogLines};
  observe::Log log{{.level = Level::kDebug, .channel = lines}};
  observe::Metrics metrics;
  reactor::Reactors reactors{1};
  std::unique_ptr<RedisStore> store;
  std::atomic<std::int64_t> unix_ms{1'700'000'000'000};
  std::atomic<int> ended{0};
  std::vector<EndWatch> watches;  // of the lane

 private:
  template <class Ask>
  Result<SessionPtr> wait(Ask&& call);
};

/// Skips where there is no Redis.
class WithRedis : public ::testing::Test {
 protected:
  void SetUp() override {
    if (RedisServer::executable().empty()) GTEST_SKIP() << "redis-server is not installed";
    server.start();
  }
  RedisServer server;
};

/// What the old server writes.
std::string old_record(std::string_view host = "node.example");
inline std::string key_of(const std::string& token) { return "ssh_session:" + token; }

}  // namespace pillard::session
