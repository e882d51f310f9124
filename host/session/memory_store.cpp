#include "session/memory_store.h"

#include <utility>

namespace pillard::session {

namespace {

template <class Done, class Value>
void answer(reactor::Reactor& home, Done done, Value value) {
  home.post([done = std::move(done), value = std::move(value)]() mutable { done(std::move(value)); });
}

}  // namespace

void MemoryStore::create(reactor::Reactor& home, Credential credential, Found done) {
  auto session = std::make_shared<const Session>(
      Session{.id = new_token(), .credential = std::move(credential), .last_accessed_ms = options_.unix_ms()});
  const auto now = options_.now();
  const auto kept = [&] {
    const std::lock_guard lock(mutex_);
    expire(now);
    if (entries_.size() >= options_.max_sessions) return false;
    entries_.push_back({session, now + options_.ttl});
    by_token_.emplace(session->id, std::prev(entries_.end()));
    return true;
  }();
  if (kept) {
    answer(home, std::move(done), Result<SessionPtr>(std::move(session)));
  } else {
    answer(home, std::move(done),
           Result<SessionPtr>(Error(Code::kOverloaded, "Too many users are logged in. Try again later.")));
  }
}

void MemoryStore::find(reactor::Reactor& home, std::string token, Found done) {
  SessionPtr found;
  const std::lock_guard lock(mutex_);
  const auto entry = live(token, options_.now());
  if (entry != entries_.end()) found = entry->session;
  answer(home, std::move(done), Result<SessionPtr>(std::move(found)));
}

void MemoryStore::touch(std::string_view token) {
  SessionPtr older;  // freed, and its password wiped, after the lock is gone
  const std::lock_guard lock(mutex_);
  const auto now = options_.now();
  const auto entry = live(std::string(token), now);
  if (entry == entries_.end()) return;
  auto renewed = *entry->session;
  renewed.last_accessed_ms = options_.unix_ms();
  older = std::exchange(entry->session, std::make_shared<const Session>(std::move(renewed)));
  entry->expires = now + options_.ttl;
  entries_.splice(entries_.end(), entries_, entry);
}

void MemoryStore::remove(reactor::Reactor& home, std::string token, Found done) {
  SessionPtr removed;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = live(token, options_.now());
    if (entry != entries_.end()) {
      removed = entry->session;
      end(entry);
    }
  }
  answer(home, std::move(done), Result<SessionPtr>(std::move(removed)));
}

EndWatch MemoryStore::watch(reactor::Reactor& home, std::string token, Function<void()> ended) {
  auto watch = watches_.add(home, token, std::move(ended));
  const std::lock_guard lock(mutex_);
  if (live(token, options_.now()) == entries_.end()) watches_.end(token);
  return watch;
}

void MemoryStore::sweep(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  expire(now);
}

std::size_t MemoryStore::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

MemoryStore::Entries::iterator MemoryStore::live(const std::string& token, Clock::time_point now) {
  const auto found = by_token_.find(token);
  if (found == by_token_.end()) return entries_.end();
  if (found->second->expires > now) return found->second;
  end(found->second);
  return entries_.end();
}

void MemoryStore::expire(Clock::time_point now) {
  while (!entries_.empty() && entries_.front().expires <= now) end(entries_.begin());
}

void MemoryStore::end(Entries::iterator entry) {
  watches_.end(entry->session->id);
  by_token_.erase(entry->session->id);
  entries_.erase(entry);
}

}  // namespace pillard::session
