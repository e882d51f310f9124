#include "session/redis_link.h"

#include <pthread.h>

#include "session/secret.h"

namespace pillard::session {

namespace {

Error away() { return {Code::kDisconnected, "The session store cannot be reached just now. Try again in a moment."}; }
Error busy() { return {Code::kOverloaded, "The session store has too much to do just now. Try again in a moment."}; }

void finish(RedisJob& job, Result<RedisReplies> result) {
  for (auto& command : job.commands)
    for (auto& argument : command) wipe(argument);
  job.done(std::move(result));
}

std::size_t bytes_of(const RedisJob& job) {
  std::size_t bytes = 0;
  for (const auto& command : job.commands)
    for (const auto& argument : command) bytes += argument.size() + 16;
  return bytes;
}

bool says(const RedisReplies& replies, std::string_view code) {
  return std::any_of(replies.begin(), replies.end(), [&](const RedisReply& reply) {
    return reply.kind == RedisReply::Kind::kError && reply.text == code;
  });
}

bool is_refusal(RedisTrouble trouble) {
  return trouble == RedisTrouble::kPassword || trouble == RedisTrouble::kDatabase;
}

}  // namespace

RedisLink::RedisLink(Options options, observe::Log& log, observe::Metrics& metrics,
                     Function<std::vector<RedisJob>()> beat, Function<void()> away)
    : options_(std::move(options)),
      log_(log),
      failures_(metrics.counter("pillard_redis_failures_total",
                                "Rounds that Redis did not answer, and commands that it refused.")),
      reconnects_(metrics.counter("pillard_redis_reconnects_total", "Times that Redis came back.")),
      up_(metrics.gauge("pillard_redis_up", "1 while Redis answers, else 0.")),
      peak_(metrics.gauge("pillard_redis_queue_peak", "The most requests that ever waited for Redis at once.")),
      latency_(metrics.histogram("pillard_redis_request_seconds", "From sending a round to Redis to its last reply.")),
      beat_(std::move(beat)),
      away_(std::move(away)),
      connection_(options_.server, options_.connection) {}

void RedisLink::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "redis");
    run();
  });
}

void RedisLink::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::deque<RedisJob> left;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kStopped;
    left.swap(waiting_);
  }
  for (auto* jobs : {&urgent_, &left})
    for (auto& job : *jobs) finish(job, away());
  urgent_.clear();
}

void RedisLink::ask(RedisJob job) {
  const auto refusal = [&]() -> std::optional<Error> {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kAway || state_ == State::kStopped) return away();
    if (waiting_.size() >= options_.max_waiting) return busy();
    waiting_.push_back(std::move(job));
    const auto count = static_cast<std::int64_t>(waiting_.size());
    if (count > most_waiting_) peak_.set(most_waiting_ = count);
    return std::nullopt;
  }();
  if (refusal) return finish(job, *refusal);
  changed_.notify_one();
}

void RedisLink::run() {
  const auto stopping = [this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  };
  while (!stopping()) {
    if (connection_.is_open() || come_back()) serve(next_round());
  }
  last_rounds();
}

/// What users were told will be done, is done, unless Redis is away or too slow.
void RedisLink::last_rounds() {
  if (!connection_.is_open()) return;
  const auto deadline = Clock::now() + options_.connection.reply_timeout;
  for (auto& job : beat_()) urgent_.push_back(std::move(job));
  while (connection_.is_open() && Clock::now() < deadline) {
    Round round;
    add_to(round, urgent_);
    {
      const std::lock_guard lock(mutex_);
      add_to(round, waiting_);
    }
    if (round.empty()) return;
    serve(std::move(round));
  }
}

/// One attempt, when it is due.
bool RedisLink::come_back() {
  {
    std::unique_lock lock(mutex_);
    if (changed_.wait_until(lock, next_attempt_, [this] { return stopping_; })) return false;
  }
  if (const auto trouble = connection_.open()) {
    Round none;
    lost(*trouble, none);
    away_();
    return false;
  }
  arrived();
  return true;
}

/// Waits for something to do. An empty round is a sign of life.
RedisLink::Round RedisLink::next_round() {
  Round round;
  if (urgent_.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, next_beat_, [this] { return stopping_ || !waiting_.empty(); });
  }
  if (urgent_.empty() && Clock::now() >= next_beat_) {
    next_beat_ = Clock::now() + options_.beat;
    for (auto& job : beat_()) urgent_.push_back(std::move(job));
  }
  // In turns: a beat that takes more rounds than there is time between two of them must not starve all others.
  const bool urgent_first = std::exchange(urgent_first_, urgent_.empty() || !urgent_first_);
  if (urgent_first) add_to(round, urgent_);
  {
    const std::lock_guard lock(mutex_);
    add_to(round, waiting_);
  }
  if (!urgent_first) add_to(round, urgent_);
  return round;
}

void RedisLink::add_to(Round& round, std::deque<RedisJob>& jobs) {
  std::size_t commands = 0;
  std::size_t bytes = 0;
  for (const auto& job : round) {
    commands += job.commands.size();
    bytes += bytes_of(job);
  }
  for (; !jobs.empty(); jobs.pop_front()) {
    commands += jobs.front().commands.size();
    bytes += bytes_of(jobs.front());
    if (!round.empty() && (commands > options_.round_commands || bytes > options_.round_bytes)) return;
    round.push_back(std::move(jobs.front()));
  }
}

void RedisLink::serve(Round round) {
  RedisReplies replies;
  auto trouble = exchange(round, replies);
  // A connection that Redis closed while it was idle says nothing about Redis.
  if (trouble == RedisTrouble::kLost) {
    trouble = connection_.open();
    if (!trouble) trouble = exchange(round, replies);
  }
  if (!trouble && says(replies, "LOADING")) trouble = RedisTrouble::kNotReady;
  if (!trouble && says(replies, "NOAUTH")) trouble = RedisTrouble::kPassword;
  if (trouble) return lost(*trouble, round);
  // After a failover the old primary is a replica: the name leads to the new one by now.
  if (says(replies, "READONLY") && Clock::now() - renewed_ > options_.retry_most) {
    renewed_ = Clock::now();
    connection_.close();
  }
  answer(round, replies);
}

std::optional<RedisTrouble> RedisLink::exchange(const Round& round, RedisReplies& replies) {
  std::vector<RedisCommand> commands;
  for (const auto& job : round) commands.insert(commands.end(), job.commands.begin(), job.commands.end());
  const auto begun = Clock::now();
  replies.clear();
  const auto trouble = connection_.exchange(commands, replies);
  latency_.observe(Clock::now() - begun);
  for (auto& command : commands)
    for (auto& argument : command) wipe(argument);
  if (trouble) failures_.add();
  return trouble;
}

void RedisLink::answer(Round& round, RedisReplies& replies) {
  auto next = replies.begin();
  for (auto& job : round) {
    const auto end = next + static_cast<std::ptrdiff_t>(job.commands.size());
    for (auto reply = next; reply != end; ++reply) {
      if (reply->kind != RedisReply::Kind::kError) continue;
      failures_.add();
      if (const auto held_back = throttle_.pass(reply->text))
        log_.warning("session", "Redis refuses a command",
                     {{"code", reply->text}, {"command", job.commands[reply - next][0]}, {"suppressed", *held_back}});
    }
    finish(job, RedisReplies(std::make_move_iterator(next), std::make_move_iterator(end)));
    next = end;
  }
}

void RedisLink::arrived() {
  const bool first = state_ == State::kStarting;
  if (state_ == State::kUp) return;  // a connection that was renewed
  if (!first) reconnects_.add();
  const auto away = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - away_since_);
  log_.info("session", first || !last_trouble_ ? observe::Text("Redis is there") : observe::Text("Redis is back"),
            {{"server", options_.server.text()}, {"away_ms", last_trouble_ ? away.count() : 0}});
  last_trouble_.reset();
  attempts_ = 0;
  next_beat_ = {};
  up_.set(1);
  const std::lock_guard lock(mutex_);
  state_ = State::kUp;
}

/// Whoever waits is told, and until Redis is back whoever asks.
void RedisLink::lost(RedisTrouble trouble, Round& round) {
  connection_.close();
  std::deque<RedisJob> left;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kAway;
    left.swap(waiting_);
  }
  up_.set(0);
  if (!last_trouble_) away_since_ = Clock::now();
  if (last_trouble_ != trouble || throttle_.pass("away"))
    log_.warning("session", "Redis is away", {{"server", options_.server.text()}, {"why", words(trouble)}});
  last_trouble_ = trouble;
  next_attempt_ = Clock::now() + pause(trouble);
  for (auto& job : urgent_) left.push_back(std::move(job));
  urgent_.clear();
  for (auto& job : round) finish(job, away());
  for (auto& job : left) finish(job, away());
}

RedisLink::Clock::duration RedisLink::pause(RedisTrouble trouble) {
  auto longest = options_.retry_refused;
  if (!is_refusal(trouble))
    longest = std::min(options_.retry_most, options_.retry_least * (1U << std::min(attempts_, 16U)));
  ++attempts_;
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(longest.count() / 2, longest.count())(jitter_));
}

}  // namespace pillard::session
