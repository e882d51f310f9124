#include "observe/watchdog.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace pillard::observe {
namespace {

constexpr unsigned kLastWords = 5;  // seconds, for the last line of the log and what ends the process

std::chrono::milliseconds in_ms(std::chrono::nanoseconds duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

}  // namespace

WatchdogOptions watchdog_options(std::chrono::milliseconds slow, std::chrono::milliseconds unready,
                                 std::chrono::milliseconds fatal) {
  const WatchdogOptions usual;
  return {.period = std::clamp(unready / 4, std::chrono::milliseconds(10), usual.period),
          .slow = slow,
          .stuck_after = std::min(usual.stuck_after, unready),
          .unready_after = unready,
          .fatal_after = fatal};
}

Watchdog::Watchdog(WatchdogOptions options, Log& log, Metrics& metrics, std::vector<WatchedLane> lanes,
                   Function<void(const std::string&, const std::string&)> fatal)
    : options_(options), log_(log), fatal_(std::move(fatal)), throttle_(std::chrono::seconds(10)) {
  for (auto& lane : lanes) {
    auto& stuck =
        metrics.counter("pillard_reactor_stuck_turns_total",
                        "Turns of an event loop that the watchdog gave up waiting for.", {{"reactor", lane.name}});
    lanes_.push_back({.lane = std::move(lane), .stuck_turns = &stuck});
  }
}

Watchdog::~Watchdog() { stop(); }

void Watchdog::start() {
  if (thread_.joinable()) return;
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
}

void Watchdog::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::run() {
  pthread_setname_np(pthread_self(), "watchdog");
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, options_.period, [this] { return stopping_; })) {
    lock.unlock();
    look(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
    lock.lock();
  }
}

void Watchdog::held(std::string_view who, Nanoseconds duration) {
  if (duration < options_.slow) return;
  if (const auto suppressed = throttle_.pass(who))
    log_.warning("observe", "a callback of a plugin took too long; everything else on its event loop waited",
                 {{"plugin", who}, {"ms", in_ms(duration)}, {"suppressed", *suppressed}});
}

Check Watchdog::status() const {
  const std::lock_guard lock(mutex_);
  return stuck_.empty() ? Check{} : Check{false, stuck_ + " does not come back"};
}

void Watchdog::look(std::int64_t now_ns) {
  const Nanoseconds since = last_look_ == 0 ? Nanoseconds(options_.period) : Nanoseconds(now_ns - last_look_);
  const Nanoseconds step = std::clamp<Nanoseconds>(since, Nanoseconds(0), 2 * options_.period);
  last_look_ = now_ns;
  std::string stuck;
  for (auto& watched : lanes_) {
    look_at(watched, now_ns, step);
    if (stuck.empty() && watched.age >= options_.unready_after) stuck = watched.lane.name;
  }
  {
    const std::lock_guard lock(mutex_);
    stuck_ = std::move(stuck);
  }
  for (auto& watched : lanes_) {
    if (options_.fatal_after.count() == 0 || watched.age < options_.fatal_after || std::exchange(fatal_called_, true))
      continue;
    const auto who = watched.lane.who();
    // The loop may hang in the middle of a line, with the log's lock: then SIGALRM ends the process all the same.
    const auto alarm = ::alarm(kLastWords);
    log_.error("observe", "an event loop is lost; this process ends, for its supervisor to start anew",
               {{"lane", watched.lane.name}, {"plugin", who}, {"ms", in_ms(watched.age)}});
    fatal_(watched.lane.name, who);
    ::alarm(alarm);
  }
}

void Watchdog::look_at(Watched& watched, std::int64_t now_ns, Nanoseconds step) {
  const auto turn = watched.lane.busy_since();
  if (turn == 0 || turn != watched.turn) {
    if (std::exchange(watched.told, false))
      log_.warning("observe", "the event loop is back", {{"lane", watched.lane.name}, {"ms", in_ms(watched.age)}});
    watched.turn = turn;
    watched.age =
        turn == 0 ? Nanoseconds(0) : std::clamp<Nanoseconds>(Nanoseconds(now_ns - turn), Nanoseconds(0), step);
  } else {
    watched.age += step;
  }
  if (watched.age < options_.stuck_after || watched.told) return;
  watched.told = true;
  watched.stuck_turns->add();
  log_.error("observe", "an event loop does not come back",
             {{"lane", watched.lane.name}, {"plugin", watched.lane.who()}, {"ms", in_ms(watched.age)}});
}

}  // namespace pillard::observe
