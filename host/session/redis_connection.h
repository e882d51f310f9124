#pragma once
// One connection to Redis: blocking, for the one thread that owns it.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config_redis.h"

namespace Poco::Redis {
class Client;
}

namespace pillard::session {

/// A command and its arguments: {"SETEX", "key", "10", "value"}.
using RedisCommand = std::vector<std::string>;

struct RedisReply {
  enum class Kind { kNothing, kNumber, kText, kError };
  Kind kind = Kind::kNothing;
  std::int64_t number = 0;
  std::string text{};  // of an error only its first word ("LOADING"): the rest may repeat what was sent
};
using RedisReplies = std::vector<RedisReply>;

/// Why there is no connection, or why it is of no use.
enum class RedisTrouble {
  kUnreachable,  // no such host, refused, or no answer in time
  kLost,         // it was closed while it was used
  kSilent,       // no reply in time
  kNotReady,     // Redis is reading its data, or has no place for one more client
  kPassword,     // user or password refused, or one is wanted and there is none
  kDatabase,     // there is no database of this number, or this user may not use it
};
/// For the log; without addresses and secrets.
std::string_view words(RedisTrouble trouble) noexcept;

class RedisConnection {
 public:
  struct Options {
    std::chrono::milliseconds connect_timeout{2000};  // of TCP; looking up a name may take longer
    std::chrono::milliseconds reply_timeout{2000};    // of silence; a whole exchange gets twice that
  };
  RedisConnection(config::RedisUrl server, Options options);
  ~RedisConnection();

  /// Connects, logs in and chooses the database.
  std::optional<RedisTrouble> open();
  bool is_open() const noexcept { return client_ != nullptr; }
  void close() noexcept;

  /// Sends all commands at once and reads one reply to each. After a trouble nothing is known of any of them, and the
  /// connection is closed. A reply that is an error is no trouble. What is sent in one exchange should fit into the
  /// socket's buffers (64 KiB do): there is no timeout for writing.
  std::optional<RedisTrouble> exchange(const std::vector<RedisCommand>& commands, RedisReplies& replies);

 private:
  std::optional<RedisTrouble> log_in();
  RedisReply read();

  const config::RedisUrl server_;
  const Options options_;
  std::unique_ptr<Poco::Redis::Client> client_;  // a fresh one for each connection: a used one keeps its state
};

}  // namespace pillard::session
