#include "reactor/workers.h"

#include <pthread.h>

#include <system_error>

namespace pillard::reactor {

void Workers::stop() {
  std::deque<Task> unrun;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    unrun.swap(jobs_);
  }
  work_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool Workers::submit(Task job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= options_.backlog) {
      ++refused_;
      return false;
    }
    jobs_.push_back(std::move(job));
    if (idle_ < jobs_.size() && threads_.size() < options_.threads) {
      try {
        threads_.emplace_back([this] { run(); });
      } catch (const std::system_error&) {
        // The machine gives no more threads: those that are there do it, or nobody can.
        if (threads_.empty()) {
          job = std::move(jobs_.back());  // what it holds goes when the lock has gone
          jobs_.pop_back();
          ++refused_;
          return false;
        }
      }
    }
    ++taken_;
  }
  work_.notify_one();
  return true;
}

Workers::Figures Workers::figures() const {
  const std::lock_guard lock(mutex_);
  return {.threads = threads_.size(), .waiting = jobs_.size(), .taken = taken_, .refused = refused_};
}

void Workers::run() {
  pthread_setname_np(pthread_self(), options_.name.c_str());
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it captured is freed before the next wait
    lock.lock();
  }
}

}  // namespace pillard::reactor
