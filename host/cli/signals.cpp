#include "cli/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace pillard::cli {

namespace {
sigset_t awaited() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  return signals;
}
}  // namespace

Signals::Signals() {
  const auto signals = awaited();
  signals_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
  done_ = ::eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || done_ < 0) {
    const std::system_error error(errno, std::generic_category(), "signalfd or eventfd");
    ::close(signals_);
    ::close(done_);
    throw error;
  }
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Signals::~Signals() {
  release();
  ::close(signals_);
  ::close(done_);
}

void Signals::wait() {
  pollfd either[] = {{signals_, POLLIN, 0}, {done_, POLLIN, 0}};
  while (::poll(either, 2, -1) < 0 && errno == EINTR) continue;
  if (either[0].revents == 0) return;
  signalfd_siginfo taken{};
  if (::read(signals_, &taken, sizeof taken) > 0) release();
}

void Signals::done() noexcept { ::eventfd_write(done_, 1); }

void Signals::release() noexcept {
  const auto signals = awaited();
  if (held_) ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  held_ = false;
}

}  // namespace pillard::cli
