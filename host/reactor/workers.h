#pragma once
// Threads for what blocks: name look-ups, key derivation. Results come home by Reactor::post.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reactor/reactor.h"

namespace pillard::reactor {

/// A bounded pool. Threads start when there is work and none is idle, up to the limit.
class Workers {
 public:
  struct Options {
    std::string name;            // of the threads, 12 characters at most
    unsigned threads = 16;       // at most so many at once
    std::size_t backlog = 1024;  // jobs that may wait
  };
  explicit Workers(Options options) : options_(std::move(options)) {}
  Workers(const Workers&) = delete;
  ~Workers() { stop(); }
  /// Waits for the jobs that run; those that wait are destroyed unrun, and none is taken any more. Once, from one
  /// thread.
  void stop();

  /// [any] Runs `job` on some thread, oldest first. False when the backlog is full: the job is destroyed unrun.
  /// A job must not throw.
  [[nodiscard]] bool submit(Task job);

  const std::string& name() const noexcept { return options_.name; }
  struct Figures {
    std::size_t threads = 0;
    std::size_t waiting = 0;
    std::uint64_t taken = 0;
    std::uint64_t refused = 0;
  };
  /// [any]
  Figures figures() const;

 private:
  void run();

  const Options options_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable work_;
  std::deque<Task> jobs_;
  std::vector<std::thread> threads_;
  unsigned idle_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t refused_ = 0;
  bool stopping_ = false;
};

}  // namespace pillard::reactor
