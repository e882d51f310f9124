#pragma once
// Sessions that this process has seen in Redis: what it can go by while Redis is away.
#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "session/session.h"

namespace pillard::session {

/// All functions are [any]. A session that is let go, by any of them, is wiped as soon as nobody else holds it.
class KnownSessions {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::chrono::seconds ttl{10'200};  // after keep() or touch()
    std::size_t max = 10'000;          // one more pushes out the one that was kept or touched longest ago
  };
  explicit KnownSessions(Options options) : options_(options) {}

  void keep(SessionPtr session, Clock::time_point now);
  /// nullptr if it is not known, or not any more. Renews nothing.
  SessionPtr find(const std::string& token, Clock::time_point now) const;
  void touch(const std::string& token, Clock::time_point now);
  void forget(const std::string& token);
  /// Lets go of those whose time is over. Cheap when there are none.
  void sweep(Clock::time_point now);
  /// The tokens behind those of the last call, in a circle: to look at all of them, a few at a time. None comes twice
  /// in one answer.
  std::vector<std::string> next(std::size_t count);
  std::size_t size() const;

 private:
  struct Entry {
    SessionPtr session;
    Clock::time_point expires;
  };
  using Entries = std::list<Entry>;  // soonest to expire first

  const Options options_;
  mutable std::mutex mutex_;  // guards all below
  Entries entries_;
  std::map<std::string, Entries::iterator> by_token_;
  std::string last_;  // of next()
};

}  // namespace pillard::session
