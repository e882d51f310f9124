#include "session/redis_store.h"

#include <utility>

#include "session/record.h"

namespace pillard::session {

namespace {

constexpr std::string_view kPrefix = "ssh_session:";

std::string key_of(std::string_view token) { return std::string(kPrefix).append(token); }

bool is_error(const RedisReply& reply) { return reply.kind == RedisReply::Kind::kError; }
bool is_number(const RedisReply& reply, std::int64_t number) {
  return reply.kind == RedisReply::Kind::kNumber && reply.number == number;
}

/// Redis is there and does not do it: its disk or memory is full, or the user may not. The log has its reason.
Error refused() {
  return {Code::kDisconnected, "The session store does not take this just now. Try again in a moment."};
}

Error ended_here_only() {
  return {Code::kDisconnected,
          "You are logged out here, but the session store cannot be reached just now: the session is deleted there as "
          "soon as it can be."};
}

template <class Done>
void answer(reactor::Reactor& home, Done done, Result<SessionPtr> value) {
  home.post([done = std::move(done), value = std::move(value)]() mutable { done(std::move(value)); });
}

std::vector<std::vector<std::string>> in_parts(std::vector<std::string> tokens, std::size_t size) {
  std::vector<std::vector<std::string>> parts;
  for (auto& token : tokens) {
    if (parts.empty() || parts.back().size() == size) parts.emplace_back();
    parts.back().push_back(std::move(token));
  }
  return parts;
}

RedisCommand about_all(std::string_view verb, const std::vector<std::string>& tokens) {
  RedisCommand command{std::string(verb)};
  for (const auto& token : tokens) command.push_back(key_of(token));
  return command;
}

}  // namespace

RedisStore::RedisStore(Options options, observe::Log& log, observe::Metrics& metrics)
    : options_(std::move(options)),
      log_(log),
      watched_(metrics.gauge("pillard_redis_watched_sessions", "Sessions whose end in Redis is looked out for.")),
      known_({.ttl = options_.ttl, .max = options_.max_known}),
      link_(
          options_.link, log, metrics, [this] { return beat(); }, [this] { known_.sweep(Clock::now()); }) {}

RedisStore::~RedisStore() { stop(); }

void RedisStore::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    next_payment_ = {};
  }
  link_.stop();
  const std::lock_guard lock(mutex_);
  if (!owed_.empty())
    log_.warning("session", "logouts that Redis was not told of: their records stay there until they expire",
                 {{"sessions", owed_.size()}});
}

void RedisStore::create(reactor::Reactor& home, Credential credential, Found done) {
  SessionPtr session;
  RedisJob job;
  try {
    session = std::make_shared<const Session>(
        Session{.id = new_token(), .credential = std::move(credential), .last_accessed_ms = options_.unix_ms()});
    auto& command = job.commands.emplace_back();  // not a braced list: that would copy the record, and wipe no copy
    command.reserve(4);
    command.emplace_back("SETEX");
    command.push_back(key_of(session->id));
    command.push_back(std::to_string(options_.ttl.count()));
    command.push_back(encode_record(*session, options_.sealer ? &*options_.sealer : nullptr));
  } catch (const Error& error) {
    return answer(home, std::move(done), error);
  } catch (const std::exception& error) {  // no random bytes, or the cipher fails: nobody else is to suffer from it
    if (const auto held_back = throttle_.pass("create"))
      log_.error("session", "a session cannot be made", {{"why", error.what()}, {"suppressed", *held_back}});
    return answer(home, std::move(done), Error(Code::kInternal, "The session could not be made."));
  }
  job.done = [this, &home, session = std::move(session), sent = link_.up(),
              done = std::move(done)](Result<RedisReplies> replies) mutable {
    if (!replies) {
      // It may have arrived all the same, and nobody will ever know its token.
      if (sent && replies.error().code() == Code::kDisconnected) owe(session->id, true);
      return answer(home, std::move(done), replies.error());
    }
    if (is_error(replies->front())) return answer(home, std::move(done), refused());
    known_.keep(session, Clock::now());
    answer(home, std::move(done), std::move(session));
  };
  link_.ask(std::move(job));
}

void RedisStore::find(reactor::Reactor& home, std::string token, Found done) {
  if (!valid_token(token) || owes(token)) return answer(home, std::move(done), SessionPtr());
  RedisJob job{.commands = {{"GET", key_of(token)}}, .done = {}};
  job.done = [this, &home, token = std::move(token), done = std::move(done)](Result<RedisReplies> replies) mutable {
    if (owes(token)) return answer(home, std::move(done), SessionPtr());  // removed in between
    if (!replies) {
      const bool away = replies.error().code() == Code::kDisconnected;
      auto session = away ? known_.find(token, Clock::now()) : nullptr;
      return answer(home, std::move(done), session ? Result<SessionPtr>(session) : replies.error());
    }
    auto& reply = replies->front();
    if (is_error(reply)) return answer(home, std::move(done), refused());
    auto session = read(token, reply);
    if (session) {
      known_.keep(session, Clock::now());
    } else {
      end(token);  // also one that nobody can read any more
    }
    answer(home, std::move(done), std::move(session));
  };
  link_.ask(std::move(job));
}

/// GET, then SET of the same with another time: the fields that others put there stay. XX, for it may be gone by then.
void RedisStore::touch(std::string_view token) {
  if (!valid_token(token)) return;
  RedisJob job{.commands = {{"GET", key_of(token)}}, .done = {}};
  job.done = [this, token = std::string(token)](Result<RedisReplies> replies) {
    if (!replies || is_error(replies->front())) return;
    auto& reply = replies->front();
    if (reply.kind == RedisReply::Kind::kNothing) return end(token);
    known_.touch(token, Clock::now());
    auto renewed = with_last_accessed(reply.text, options_.unix_ms());
    wipe(reply.text);
    const auto ttl = std::to_string(options_.ttl.count());
    RedisJob second{.commands = {{"EXPIRE", key_of(token), ttl}}, .done = [](const auto&) {}};
    if (renewed) {
      auto& command = second.commands.front();
      command.front() = "SET";
      command.back() = std::move(*renewed);
      for (const auto* word : {"XX", "EX"}) command.emplace_back(word);
      command.push_back(ttl);
    }
    link_.ask(std::move(second));
  };
  link_.ask(std::move(job));
}

/// Here it takes effect before Redis is asked, for the answer may take seconds.
void RedisStore::remove(reactor::Reactor& home, std::string token, Found done) {
  if (!valid_token(token)) return answer(home, std::move(done), SessionPtr());
  const bool ours = known_.find(token, Clock::now()) || watches_.has(token);
  hide(token, ours);
  end(token);
  RedisJob job{.commands = {{"GET", key_of(token)}, {"DEL", key_of(token)}}, .done = {}};
  job.done = [this, ours, &home, token = std::move(token),
              done = std::move(done)](Result<RedisReplies> replies) mutable {
    if (!replies || is_error(replies->back())) {
      owe(token, ours);
      return answer(home, std::move(done), ended_here_only());
    }
    SessionPtr removed;
    if (is_number(replies->back(), 1)) {
      removed = read(token, replies->front());
      // There was one, even if nobody can read whose it was.
      if (!removed) removed = std::make_shared<const Session>(Session{.id = token, .credential = {}});
    }
    wipe(replies->front().text);
    end(token);  // what was found while the debt had no room
    settle({token});
    answer(home, std::move(done), std::move(removed));
  };
  link_.ask(std::move(job));
}

/// One that is gone already is found so by the next beat.
EndWatch RedisStore::watch(reactor::Reactor& home, std::string token, Function<void()> ended) {
  auto watch = watches_.add(home, token, std::move(ended));
  if (owes(token)) watches_.end(token);
  return watch;
}

SessionPtr RedisStore::read(const std::string& token, RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::kText) return nullptr;
  auto session = decode_record(token, reply.text, options_.sealer ? &*options_.sealer : nullptr);
  wipe(reply.text);
  if (session) return std::make_shared<const Session>(std::move(session).value());
  if (const auto held_back = throttle_.pass("record"))
    log_.warning("session", "a record in Redis cannot be read: it counts as none",
                 {{"session", log_id(token)}, {"why", session.error().what()}, {"suppressed", *held_back}});
  return nullptr;
}

void RedisStore::end(const std::string& token) {
  known_.forget(token);
  watches_.end(token);
}

/// False if there is no room. Anybody can make up a token: those of which nothing is known here get half of it.
bool RedisStore::hide(const std::string& token, bool ours) {
  const std::lock_guard lock(mutex_);
  if (owed_.size() >= (ours ? options_.max_owed : options_.max_owed / 2) && !owed_.contains(token)) return false;
  owed_.try_emplace(token, Debt{.expires = Clock::now() + options_.ttl, .due = false});
  return true;
}

void RedisStore::owe(const std::string& token, bool ours) {
  if (hide(token, ours)) {
    const std::lock_guard lock(mutex_);
    if (const auto debt = owed_.find(token); debt != owed_.end()) debt->second.due = true;
  } else if (throttle_.pass("owed")) {
    log_.warning("session", "too many logouts wait for Redis: this one's record stays there until it expires",
                 {{"session", log_id(token)}});
  }
}

void RedisStore::settle(const std::vector<std::string>& tokens) {
  const std::lock_guard lock(mutex_);
  for (const auto& token : tokens) owed_.erase(token);
}

bool RedisStore::owes(const std::string& token) const {
  const std::lock_guard lock(mutex_);
  return owed_.contains(token);
}

std::vector<RedisJob> RedisStore::beat() {
  std::vector<RedisJob> jobs;
  known_.sweep(Clock::now());
  if (pay(jobs)) return jobs;
  if (auto known = known_.next(kTokensOfOneCheck); !known.empty()) jobs.push_back(check(std::move(known)));
  auto tokens = watches_.tokens();
  watched_.set(static_cast<std::int64_t>(tokens.size()));
  for (auto& part : in_parts(std::move(tokens), kTokensOfOneCheck)) jobs.push_back(check(std::move(part)));
  return jobs;
}

/// Mostly all are there, and one number says so.
RedisJob RedisStore::check(std::vector<std::string> tokens) {
  RedisJob job{.commands = {about_all("EXISTS", tokens)}, .done = {}};
  job.done = [this, tokens = std::move(tokens)](const Result<RedisReplies>& replies) {
    // Without a plain number nothing is known, and nothing ends.
    if (!replies || replies->front().kind != RedisReply::Kind::kNumber) return;
    if (!is_number(replies->front(), static_cast<std::int64_t>(tokens.size()))) check_each(tokens);
  };
  return job;
}

void RedisStore::check_each(const std::vector<std::string>& tokens) {
  RedisJob job;
  for (const auto& token : tokens) job.commands.push_back({"EXISTS", key_of(token)});
  job.done = [this, tokens](const Result<RedisReplies>& replies) {
    if (!replies) return;
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (is_number((*replies)[i], 0)) end(tokens[i]);
  };
  link_.ask(std::move(job));
}

/// Deletes what could not be deleted while Redis was away. Whether that is all that is still to be done.
bool RedisStore::pay(std::vector<RedisJob>& jobs) {
  const auto now = Clock::now();
  std::vector<std::string> tokens;
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    if (owed_.empty() || now < next_payment_) return stopping_;
    next_payment_ = now + options_.retry_owed;
    std::erase_if(owed_, [&](const auto& owed) { return owed.second.expires <= now; });
    for (const auto& [token, debt] : owed_)
      if (debt.due) tokens.push_back(token);
    last = stopping_;
  }
  for (auto& part : in_parts(std::move(tokens), kTokensOfOneCheck)) {
    RedisJob job{.commands = {about_all("DEL", part)}, .done = {}};
    job.done = [this, part = std::move(part)](const Result<RedisReplies>& replies) {
      if (replies && !is_error(replies->front())) settle(part);
    };
    jobs.push_back(std::move(job));
  }
  return last;
}

}  // namespace pillard::session
