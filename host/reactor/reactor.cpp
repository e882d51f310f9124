#include "reactor/reactor.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <system_error>

namespace pillard::reactor {

namespace {
constexpr std::uint32_t kWakeSlot = 0xffffffffU;
constexpr std::size_t kNotInHeap = static_cast<std::size_t>(-1);

std::uint64_t tag(std::uint32_t slot, std::uint32_t generation) {
  return (static_cast<std::uint64_t>(generation) << 32U) | slot;
}
[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }
}  // namespace

struct TimerNode {
  Reactor* reactor;
  Clock::time_point when;
  std::uint64_t age;
  std::size_t place = kNotInHeap;
  Task task;

  bool before(const TimerNode& other) const { return when != other.when ? when < other.when : age < other.age; }
};

Timer::Timer() noexcept = default;
Timer::Timer(std::unique_ptr<TimerNode> node) noexcept : node_(std::move(node)) {}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    reset();
    node_ = std::move(other.node_);
  }
  return *this;
}
Timer::~Timer() { reset(); }
void Timer::reset() noexcept {
  if (!node_) return;
  // A callback may reset the very timer that runs it: take the node out first.
  auto node = std::move(node_);
  node->reactor->cancel(*node);
}
bool Timer::pending() const noexcept { return node_ && node_->place != kNotInHeap; }

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    reset();
    reactor_ = std::exchange(other.reactor_, nullptr);
    slot_ = other.slot_;
  }
  return *this;
}
void Watch::reset() noexcept {
  if (auto* reactor = std::exchange(reactor_, nullptr)) reactor->forget(slot_);
}
void Watch::want(std::uint32_t events) {
  auto& slot = reactor_->slots_[slot_];
  if (slot.events == events) return;
  slot.events = events;
  epoll_event event{.events = events, .data = {.u64 = tag(slot_, slot.generation)}};
  if (epoll_ctl(reactor_->epoll_, EPOLL_CTL_MOD, slot.fd, &event) != 0) fail("epoll_ctl");
}

Reactor::Reactor(unsigned index, std::string name) : index_(index), name_(std::move(name)) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) fail("epoll_create1");
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) fail("eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeSlot}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) fail("epoll_ctl");
}

Reactor::~Reactor() {
  stop();
  join();
  // What tasks captured may cancel timers and watches: destroy them while both still work.
  posted_.clear();
  close(wake_);
  close(epoll_);
}

void Reactor::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.c_str());
    run();
  });
}

void Reactor::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

void Reactor::join() {
  if (thread_.joinable()) thread_.join();
}

void Reactor::drain() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  run_posted();
  thread_id_.store({}, std::memory_order_relaxed);
}

void Reactor::post(Task task) {
  bool first = false;
  {
    const std::lock_guard lock(posted_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(task));
    tasks_.add(1);
    most_tasks_.raise(posted_.size());
  }
  // One wake-up serves all tasks until the loop has taken them.
  if (first && !on_lane()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
  }
}

bool Reactor::at_home() const noexcept {
  const auto owner = thread_id_.load(std::memory_order_relaxed);
  return owner == std::thread::id() || owner == std::this_thread::get_id();
}

void Reactor::at_turn_end(Task task) {
  assert(at_home());
  turn_ends_.push_back(std::move(task));
}

void Reactor::run() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  now_ = turn_end_ = Clock::now();
  while (!stopping_.load(std::memory_order_acquire)) turn(timeout());
  run_posted();
  busy_since_.store(0, std::memory_order_relaxed);
  thread_id_.store({}, std::memory_order_relaxed);
}

void Reactor::pump(Clock::time_point now) {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  turn(0, now);
  busy_since_.store(0, std::memory_order_relaxed);
  thread_id_.store({}, std::memory_order_relaxed);
}

void Reactor::turn(int timeout_ms, std::optional<Clock::time_point> now) {
  std::array<epoll_event, 256> events{};
  busy_since_.store(0, std::memory_order_relaxed);
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count < 0 && errno != EINTR) fail("epoll_wait");
  now_ = now.value_or(Clock::now());
  busy_since_.store(now_.time_since_epoch().count(), std::memory_order_relaxed);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const auto index = static_cast<std::uint32_t>(event.data.u64);
    if (index == kWakeSlot) {
      std::uint64_t count_of_wakes = 0;
      [[maybe_unused]] const auto got = read(wake_, &count_of_wakes, sizeof count_of_wakes);
      continue;
    }
    auto& slot = slots_[index];
    // An earlier event of this batch may have closed this one.
    if (slot.watcher && slot.generation == static_cast<std::uint32_t>(event.data.u64 >> 32U))
      slot.watcher->ready(event.events);
  }
  run_timers();
  run_posted();
  // A flush may queue more (a close, a reply): repeat until the turn is quiet.
  for (std::vector<Task> tasks; !turn_ends_.empty();) {
    tasks.swap(turn_ends_);
    for (auto& task : tasks) task();
    tasks.clear();
  }
  turn_ended();
}

void Reactor::turn_ended() {
  turn_end_ = Clock::now();
  const auto took = static_cast<std::uint64_t>((turn_end_ - now_).count());
  tallies_.turns.add(1);
  tallies_.busy.add(took);
  tallies_.longest.raise(took);
  tallies_.timers.set(heap_.size());
  std::size_t bucket = 0;
  while (bucket < kTurnBounds.size() && static_cast<double>(took) > kTurnBounds[bucket] * 1e9) ++bucket;
  tallies_.turn_counts[bucket].add(1);
}

Load Reactor::load() const {
  const auto time = [](const Tally& tally) { return std::chrono::nanoseconds(tally.get()); };
  Load load{.turns = tallies_.turns.get(),
            .busy = time(tallies_.busy),
            .longest = time(tallies_.longest),
            .tasks = tasks_.get(),
            .most_tasks = most_tasks_.get(),
            .timers = tallies_.timers.get(),
            .fired = tallies_.fired.get(),
            .late = time(tallies_.late),
            .latest = time(tallies_.latest)};
  for (std::size_t i = 0; i < load.turn_counts.size(); ++i) load.turn_counts[i] = tallies_.turn_counts[i].get();
  return load;
}

void Reactor::run_posted() {
  {
    const std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
  }
  for (auto& task : running_) {
    task();
    task = nullptr;
  }
  running_.clear();
}

void Reactor::run_timers() {
  const auto newest = timers_made_;  // one that re-arms itself for now must let the others have their turn
  while (!heap_.empty() && heap_.front()->when <= now_ && heap_.front()->age < newest) {
    auto& node = *heap_.front();
    const auto late = static_cast<std::uint64_t>((now_ - node.when).count());
    tallies_.fired.add(1);
    tallies_.late.add(late);
    tallies_.latest.raise(late);
    cancel(node);
    // The callback may destroy the Timer, and with it the node.
    auto task = std::move(node.task);
    task();
  }
}

int Reactor::timeout() const {
  {
    const std::lock_guard lock(posted_mutex_);
    if (!posted_.empty()) return 0;
  }
  if (heap_.empty()) return -1;
  const auto left = heap_.front()->when - turn_end_;
  if (left <= Clock::duration::zero()) return 0;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<std::int64_t>(ms, 60'000));
}

Timer Reactor::at(Clock::time_point when, Task task) {
  assert(at_home());
  auto node = std::make_unique<TimerNode>(TimerNode{this, when, timers_made_++, heap_.size(), std::move(task)});
  heap_.push_back(node.get());
  sift(node->place);
  return Timer(std::move(node));
}

void Reactor::cancel(TimerNode& node) noexcept {
  assert(at_home());
  const auto place = std::exchange(node.place, kNotInHeap);
  if (place == kNotInHeap) return;
  auto* last = heap_.back();
  heap_.pop_back();
  if (last == &node) return;
  heap_[place] = last;
  last->place = place;
  sift(place);
}

/// Restores the order after the node at `at` was put there.
void Reactor::sift(std::size_t at) noexcept {
  auto* node = heap_[at];
  const auto put = [this](std::size_t place, TimerNode* what) {
    heap_[place] = what;
    what->place = place;
  };
  while (at > 0 && node->before(*heap_[(at - 1) / 2])) {
    put(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  for (;;) {
    auto child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->before(*heap_[child])) ++child;
    if (!heap_[child]->before(*node)) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, node);
}

Watch Reactor::watch(int fd, std::uint32_t events, Watcher& watcher) {
  assert(at_home());
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
    free_slots_.reserve(slots_.size());  // so that forget() cannot throw
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  auto& slot = slots_[index];
  slot.watcher = &watcher;
  slot.fd = fd;
  slot.events = events;
  epoll_event event{.events = events, .data = {.u64 = tag(index, slot.generation)}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error = errno;
    slot.watcher = nullptr;
    free_slots_.push_back(index);
    errno = error;
    fail("epoll_ctl");
  }
  Watch watch;
  watch.reactor_ = this;
  watch.slot_ = index;
  return watch;
}

void Reactor::forget(std::uint32_t index) noexcept {
  assert(at_home());
  auto& slot = slots_[index];
  epoll_ctl(epoll_, EPOLL_CTL_DEL, slot.fd, nullptr);
  slot.watcher = nullptr;
  slot.fd = -1;
  ++slot.generation;
  free_slots_.push_back(index);
}

Reactors::Reactors(unsigned count) {
  for (unsigned i = 0; i < std::max(count, 1U); ++i) reactors_.push_back(std::make_unique<Reactor>(i));
}
Reactors::~Reactors() { stop(); }
void Reactors::start() {
  for (auto& reactor : reactors_) reactor->start();
}
void Reactors::stop() {
  for (auto& reactor : reactors_) reactor->stop();
  for (auto& reactor : reactors_) reactor->join();
}
void Reactors::drain() {
  // Tasks post further ones, to each other too; a chain that does not end is cut.
  for (int round = 0; round < 100; ++round)
    for (auto& reactor : reactors_) reactor->drain();
}

}  // namespace pillard::reactor
