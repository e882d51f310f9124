#include "session/redis_connection.h"

#include <Poco/Exception.h>
#include <Poco/Redis/Client.h>
#include <Poco/Redis/Type.h>

#include "session/secret.h"

namespace pillard::session {

namespace {

using Clock = std::chrono::steady_clock;
namespace redis = Poco::Redis;

Poco::Timespan timespan(std::chrono::milliseconds duration) {
  return {static_cast<Poco::Timespan::TimeDiff>(std::chrono::microseconds(duration).count())};
}

redis::Array array_of(const RedisCommand& command) {
  redis::Array array;
  for (const auto& argument : command) array.add(argument);
  return array;
}

/// Without the copies that a list in braces makes, which nobody could wipe.
RedisCommand auth(const config::RedisUrl& server, bool with_user) {
  RedisCommand command;
  command.reserve(3);
  command.emplace_back("AUTH");
  if (with_user) command.push_back(server.user);
  command.push_back(server.password);
  return command;
}

/// "ERR", "WRONGPASS", "LOADING": letters and nothing else.
std::string first_word(const std::string& message) {
  const auto word = message.substr(0, message.find(' '));
  const bool plain =
      word.size() <= 24 && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return plain ? word : "ERR";
}

template <class T>
const T* value_of(const redis::RedisType& reply) {
  const auto* typed = dynamic_cast<const redis::Type<T>*>(&reply);
  return typed ? &typed->value() : nullptr;
}

bool is_error(const RedisReply& reply) { return reply.kind == RedisReply::Kind::kError; }
bool is_error(const RedisReply& reply, std::string_view code) { return is_error(reply) && reply.text == code; }

}  // namespace

std::string_view words(RedisTrouble trouble) noexcept {
  switch (trouble) {
    case RedisTrouble::kUnreachable: return "it cannot be reached";
    case RedisTrouble::kLost: return "it closed the connection";
    case RedisTrouble::kSilent: return "it does not answer";
    case RedisTrouble::kNotReady: return "it is not ready: it loads its data, or takes no more clients";
    case RedisTrouble::kPassword: return "it refuses the user or password of redis.url";
    case RedisTrouble::kDatabase: return "it refuses the database number of redis.url";
  }
  return "unknown";
}

RedisConnection::RedisConnection(config::RedisUrl server, Options options)
    : server_(std::move(server)), options_(options) {}

RedisConnection::~RedisConnection() { close(); }

void RedisConnection::close() noexcept { client_.reset(); }

std::optional<RedisTrouble> RedisConnection::open() {
  close();
  try {
    client_ = std::make_unique<redis::Client>();
    client_->connect(server_.host, server_.port, timespan(options_.connect_timeout));
    client_->setReceiveTimeout(timespan(options_.reply_timeout));  // of this connection only
  } catch (const std::exception&) {
    close();
    return RedisTrouble::kUnreachable;
  }
  auto trouble = log_in();
  if (trouble) close();
  return trouble;
}

std::optional<RedisTrouble> RedisConnection::log_in() {
  RedisReplies replies;
  const auto ask = [&](RedisCommand command) {
    replies.clear();
    std::vector<RedisCommand> one;
    one.push_back(std::move(command));
    const auto trouble = exchange(one, replies);
    for (auto& argument : one.front()) wipe(argument);
    return trouble;
  };
  if (!server_.password.empty()) {
    auto trouble = ask(auth(server_, !server_.user.empty()));
    // Before version 6 there were no users: who names one all the same means the password alone.
    if (!trouble && !server_.user.empty() && is_error(replies[0], "ERR")) trouble = ask(auth(server_, false));
    if (trouble) return trouble;
    // "ERR": also what a Redis says that wants no password. Whether this one does is seen by the PING.
    if (is_error(replies[0]) && !is_error(replies[0], "ERR")) return RedisTrouble::kPassword;
  }
  if (auto trouble = ask({"PING"})) return trouble;
  if (is_error(replies[0], "NOAUTH")) return RedisTrouble::kPassword;
  if (is_error(replies[0]) && !is_error(replies[0], "NOPERM")) return RedisTrouble::kNotReady;
  if (server_.database == 0) return std::nullopt;
  if (auto trouble = ask({"SELECT", std::to_string(server_.database)})) return trouble;
  if (is_error(replies[0])) return RedisTrouble::kDatabase;
  return std::nullopt;
}

RedisReply RedisConnection::read() {
  const auto reply = client_->readReply();
  if (const auto* number = value_of<Poco::Int64>(*reply)) return {.kind = RedisReply::Kind::kNumber, .number = *number};
  if (const auto* text = value_of<std::string>(*reply)) return {.kind = RedisReply::Kind::kText, .text = *text};
  if (const auto* error = value_of<redis::Error>(*reply))
    return {.kind = RedisReply::Kind::kError, .text = first_word(error->getMessage())};
  if (const auto* bulk = value_of<redis::BulkString>(*reply); bulk && !bulk->isNull())
    return {.kind = RedisReply::Kind::kText, .text = bulk->value()};
  return {};
}

std::optional<RedisTrouble> RedisConnection::exchange(const std::vector<RedisCommand>& commands,
                                                      RedisReplies& replies) {
  const auto begun = Clock::now();
  const auto deadline = begun + 2 * options_.reply_timeout;
  const auto fail = [&](RedisTrouble trouble) {
    close();
    replies.clear();
    return trouble;
  };
  try {
    if (!client_) return fail(RedisTrouble::kLost);
    for (const auto& command : commands) client_->execute<void>(array_of(command));
    // A reply that is cut off in its middle looks like a whole one to Poco. Only what came before another reply is
    // known to be whole, so one more is asked for.
    client_->execute<void>(array_of({"PING"}));
    client_->flush();
    for (std::size_t i = 0; i < commands.size(); ++i) {
      replies.push_back(read());
      if (Clock::now() > deadline) return fail(RedisTrouble::kSilent);
    }
    read();
    return std::nullopt;
  } catch (const std::exception&) {
    // Poco tells a timeout and a closed connection by the same exception; time tells them apart.
    return fail(Clock::now() - begun >= options_.reply_timeout * 9 / 10 ? RedisTrouble::kSilent : RedisTrouble::kLost);
  }
}

}  // namespace pillard::session
