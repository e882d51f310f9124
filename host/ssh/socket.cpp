#include "ssh/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace pillard::ssh {

namespace {

void set(int fd, int level, int name, int value) {
  // None of these is needed to work at all; a kernel that refuses one costs only promptness.
  [[maybe_unused]] const auto refused = setsockopt(fd, level, name, &value, sizeof value);
}

void tune(int fd, std::chrono::milliseconds unacknowledged) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(unacknowledged.count()));
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Error socket_error(int error, const std::string& where) {
  switch (error) {
    case ECONNREFUSED: return {Code::kDisconnected, "Connection refused: no SSH server listens at " + where + "."};
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
      return {Code::kDisconnected, "No route to " + where + ": the node or the network between is down."};
    case ETIMEDOUT: return {Code::kTimeout, "Timeout: " + where + " does not answer."};
    case EPIPE:
    case ECONNRESET: return {Code::kDisconnected, "The connection to " + where + " was reset."};
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOSPC:
    case ENOMEM: return {Code::kOverloaded, "No more connections can be opened now; try again later."};
    default:
      return {Code::kDisconnected,
              "The connection to " + where + " failed: " + std::generic_category().message(error) + "."};
  }
}

reactor::Watch try_watch(reactor::Reactor& reactor, int fd, std::uint32_t events, reactor::Watcher& watcher) {
  try {
    return reactor.watch(fd, events, watcher);
  } catch (const std::system_error&) {
    return {};
  }
}

Connector::Connector(reactor::Reactor& reactor, Target target, Done done)
    : reactor_(reactor),
      target_(std::move(target)),
      done_(std::move(done)),
      deadline_(reactor.now() + target_.timeout) {
  timer_ = reactor_.after(std::chrono::milliseconds(0), [this] { next(); });
}

void Connector::next() {
  const auto& address = target_.addresses[tried_++];
  const auto* where = reinterpret_cast<const sockaddr*>(&address.storage);
  fd_ = Fd(socket(where->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd_) return fail(errno);
  tune(fd_.get(), target_.unacknowledged);
  // Even one that is made at once (to this machine) is reported as writable by epoll.
  if (connect(fd_.get(), where, address.length) != 0 && errno != EINPROGRESS) return fail(errno);
  watch_ = try_watch(reactor_, fd_.get(), EPOLLOUT, *this);
  if (!watch_) return fail(ENOMEM);
  const auto left = deadline_ - reactor_.now();
  const auto share = left / static_cast<int>(target_.addresses.size() - tried_ + 1);
  timer_ = reactor_.at(reactor_.now() + share, [this] { fail(ETIMEDOUT); });
}

void Connector::ready(std::uint32_t /*events*/) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail(error);
  watch_.reset();
  finish(std::move(fd_), std::nullopt);
}

void Connector::fail(int error) {
  watch_.reset();
  fd_ = Fd();
  if (tried_ < target_.addresses.size() && reactor_.now() < deadline_) return next();
  finish(Fd(), socket_error(error, target_.where));
}

void Connector::finish(Fd fd, std::optional<Error> error) {
  timer_.reset();
  auto done = std::move(done_);  // the callee may destroy this object
  done(std::move(fd), std::move(error));
}

}  // namespace pillard::ssh
