#pragma once
// A TCP connection without waiting for it.
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pillard/function.h"
#include "pillard/problem.h"
#include "reactor/reactor.h"

namespace pillard::ssh {

/// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// An address with its port, as the system wants it.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// Connects to the first of several addresses that answers, one after the other; each gets its share of the time.
/// Destroyed, its callback never runs. [lane]
class Connector final : private reactor::Watcher {
 public:
  /// Either a connected, non-blocking socket (TCP_NODELAY, SO_KEEPALIVE, TCP_USER_TIMEOUT as given), or why there is
  /// none: the error of the last address, with `where` in its words. Never called from inside the constructor.
  using Done = Function<void(Fd, std::optional<Error>)>;
  struct Target {
    std::vector<Address> addresses;  // at least one
    std::string where;               // "host:port", for people
    std::chrono::milliseconds timeout{10'000};
    std::chrono::milliseconds unacknowledged{10'000};  // sent data may be so old before the connection is given up
  };
  Connector(reactor::Reactor& reactor, Target target, Done done);
  Connector(const Connector&) = delete;

 private:
  void ready(std::uint32_t events) override;
  void next();
  void fail(int error);
  void finish(Fd fd, std::optional<Error> error);

  reactor::Reactor& reactor_;
  Target target_;
  Done done_;
  std::size_t tried_ = 0;
  reactor::Clock::time_point deadline_;
  Fd fd_;
  reactor::Watch watch_;
  reactor::Timer timer_;
};

/// [lane] Reactor::watch(), but an empty Watch when the system has no room for one more.
reactor::Watch try_watch(reactor::Reactor& reactor, int fd, std::uint32_t events, reactor::Watcher& watcher);

/// [any] Why a connection to `where` failed or was lost, from errno, in words for a person.
Error socket_error(int error, const std::string& where);

}  // namespace pillard::ssh
