#pragma once
// Sessions of one daemon, gone with it: the store when no redis.url is configured.
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "session/watches.h"

namespace pillard::session {

class MemoryStore final : public Store {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::chrono::seconds ttl{10'200};   // after the last touch
    std::size_t max_sessions = 10'000;  // one more is refused: kOverloaded
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
    std::function<std::int64_t()> unix_ms = [] {
      using namespace std::chrono;
      return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    };
  };
  explicit MemoryStore(Options options) : options_(std::move(options)) {}
  MemoryStore() : MemoryStore(Options{}) {}

  void create(reactor::Reactor& home, Credential credential, Found done) override;
  void find(reactor::Reactor& home, std::string token, Found done) override;
  void touch(std::string_view token) override;
  void remove(reactor::Reactor& home, std::string token, Found done) override;
  [[nodiscard]] EndWatch watch(reactor::Reactor& home, std::string token, Function<void()> ended) override;

  /// [any] Ends what has expired by `now`. An expired session is never found, swept or not; this is what tells its
  /// EndWatches in time and wipes its password: call it every minute or so.
  void sweep(Clock::time_point now);
  /// [any] Sessions held, those included that have expired since the last sweep.
  std::size_t size() const;

 private:
  struct Entry {
    SessionPtr session;
    Clock::time_point expires;
  };
  using Entries = std::list<Entry>;  // soonest to expire first: every touch moves to the back

  Entries::iterator live(const std::string& token, Clock::time_point now);
  void expire(Clock::time_point now);
  void end(Entries::iterator entry);

  const Options options_;
  mutable std::mutex mutex_;  // guards all below
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_token_;
  Watches watches_;
};

}  // namespace pillard::session
