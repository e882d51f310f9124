#include "transport/listener.h"

#include <Poco/Net/SocketAddress.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "router/rest.h"

namespace pillard::transport {

namespace {
constexpr int kBacklog = 1024;
constexpr int kAcceptsATurn = 64;                // so that a flood of connections leaves the others their turn
constexpr std::chrono::milliseconds kRest{200};  // when descriptors have run out
}  // namespace

Listener::Listener(const config::Endpoint& endpoint, std::vector<Connections*> homes, Site& site, observe::Ids& ids,
                   observe::Log& log, TransportMetrics& metrics, std::size_t max_connections)
    : asked_(endpoint),
      homes_(std::move(homes)),
      site_(site),
      ids_(ids),
      log_(log),
      metrics_(metrics),
      max_connections_(max_connections) {
  const Poco::Net::SocketAddress address(endpoint.host, endpoint.port);
  const auto fail = [&] {
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    throw std::system_error(error, std::generic_category(), "cannot listen on " + endpoint.text());
  };
  fd_ = ::socket(address.af(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail();
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // "::" and "0.0.0.0" may both be listed: neither takes the other's.
  if (endpoint.v6()) ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd_, address.addr(), address.length()) != 0 || ::listen(fd_, kBacklog) != 0) fail();
}

Listener::~Listener() {
  stop();
  ::close(fd_);
}

void Listener::start(reactor::Reactor& reactor) {
  reactor_ = &reactor;
  watch_ = reactor.watch(fd_, EPOLLIN, *this);
}

void Listener::stop() {
  watch_.reset();
  resting_.reset();
}

config::Endpoint Listener::endpoint() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return asked_;
  const Poco::Net::SocketAddress bound(reinterpret_cast<const sockaddr*>(&address), length);
  return {.host = asked_.host, .port = bound.port()};
}

void Listener::ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsATurn && accept_one(); ++i) {
  }
}

bool Listener::accept_one() {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) rest();
    return errno == ECONNABORTED || errno == EINTR;
  }
  metrics_.accepted.add();
  std::size_t total = 0;
  auto* home = homes_.front();
  for (auto* candidate : homes_) {
    const auto count = candidate->count.load(std::memory_order_relaxed);
    total += count;
    if (count < home->count.load(std::memory_order_relaxed)) home = candidate;
  }
  if (total >= max_connections_) {
    metrics_.refused.add();
    if (const auto held_back = throttle_.pass("full"))
      log_.warning("transport", "too many connections: one was refused",
                   {{"limit", max_connections_}, {"suppressed", *held_back}});
    // A few bytes fit the buffer of a fresh socket: written or lost, but never waited for.
    auto full = router::error_response(503, "Too many connections; try again later.");
    full.keep_alive = false;
    const auto bytes = wire::encode_response(full);
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(fd);
    return true;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  home->count.fetch_add(1, std::memory_order_relaxed);
  const Poco::Net::SocketAddress peer(reinterpret_cast<const sockaddr*>(&address), length);
  const auto enter = [home, fd, peer, id = ids_.next(), &site = site_] {
    home->add(fd, peer, id,
              [&site](Connection& connection) { return std::make_unique<HttpProtocol>(connection, site); });
  };
  if (&home->reactor() == reactor_) {
    enter();
  } else {
    home->reactor().post(enter);
  }
  return true;
}

/// Out of descriptors or memory: epoll would report the same connection without end.
void Listener::rest() {
  if (const auto held_back = throttle_.pass("rest"))
    log_.error("transport", "no descriptors left: accepting pauses", {{"suppressed", *held_back}});
  watch_.want(0);
  resting_ = reactor_->after(kRest, [this] { watch_.want(EPOLLIN); });
}

}  // namespace pillard::transport
