#include "session/known_sessions.h"

#include <algorithm>
#include <utility>

namespace pillard::session {

void KnownSessions::keep(SessionPtr session, Clock::time_point now) {
  SessionPtr gone;  // wiped after the lock is gone
  const std::lock_guard lock(mutex_);
  const auto expires = now + options_.ttl;
  const auto [place, fresh] = by_token_.try_emplace(session->id);
  if (!fresh) {
    gone = std::exchange(place->second->session, std::move(session));
    place->second->expires = expires;
    entries_.splice(entries_.end(), entries_, place->second);
    return;
  }
  entries_.push_back({std::move(session), expires});
  place->second = std::prev(entries_.end());
  if (entries_.size() <= options_.max) return;
  gone = std::move(entries_.front().session);
  by_token_.erase(gone->id);
  entries_.pop_front();
}

SessionPtr KnownSessions::find(const std::string& token, Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  return found != by_token_.end() && found->second->expires > now ? found->second->session : nullptr;
}

void KnownSessions::touch(const std::string& token, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  if (found == by_token_.end() || found->second->expires <= now) return;
  found->second->expires = now + options_.ttl;
  entries_.splice(entries_.end(), entries_, found->second);
}

void KnownSessions::forget(const std::string& token) {
  SessionPtr gone;
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  if (found == by_token_.end()) return;
  gone = std::move(found->second->session);
  entries_.erase(found->second);
  by_token_.erase(found);
}

void KnownSessions::sweep(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  while (!entries_.empty() && entries_.front().expires <= now) {
    by_token_.erase(entries_.front().session->id);
    entries_.pop_front();
  }
}

std::vector<std::string> KnownSessions::next(std::size_t count) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> tokens;
  count = std::min(count, by_token_.size());
  for (auto place = by_token_.upper_bound(last_); tokens.size() < count; ++place) {
    if (place == by_token_.end()) place = by_token_.begin();
    tokens.push_back(place->first);
  }
  if (!tokens.empty()) last_ = tokens.back();
  return tokens;
}

std::size_t KnownSessions::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pillard::session
