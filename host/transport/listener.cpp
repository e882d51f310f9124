#include "transport/listener.h"

#include <Poco/Net/SocketAddress.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "router/problem.h"
#include "router/rest.h"

namespace pillard::transport {

namespace {
constexpr int kBacklog = 1024;
constexpr int kAcceptsATurn = 64;                // so that a flood of connections leaves the others their turn
constexpr std::size_t kMostRefusals = 64;        // over TLS, at once: a refusal is a connection for a while
constexpr std::chrono::milliseconds kRest{200};  // when descriptors have run out
// A client that vanished acknowledges nothing; TCP alone would try for a quarter of an hour. One that is there and does
// not read has been told why and closed before.
constexpr std::chrono::milliseconds kBehindStall{10'000};

wire::HttpResponse refusal_of(int status) {
  auto response =
      status == 429 ? too_many_connections() : router::error_response(status, "Too many connections; try again later.");
  response.keep_alive = false;
  return response;
}

/// What those get who are let in only to be told no.
class RefusingSite final : public Site {
 public:
  explicit RefusingSite(int status) : status_(status) {}
  std::optional<wire::HttpResponse> admit(Connection&, wire::HttpRequest&) override { return refusal_of(status_); }
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest&) override { return refusal_of(status_); }
  void handle(Connection&, const wire::HttpRequest&, std::string, Answer answer) override {
    answer(refusal_of(status_));
  }
  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection&, const wire::HttpRequest&) override {
    return refusal_of(status_);
  }

 private:
  const int status_;
};

wire::Address peer_of(const sockaddr_storage& address, socklen_t length) {
  if (address.ss_family == AF_UNIX) return {};
  return Poco::Net::SocketAddress(reinterpret_cast<const sockaddr*>(&address), length).host();
}
}  // namespace

wire::HttpResponse too_many_connections(bool as_problem) {
  constexpr auto kWords = "Too many connections from this address; close some, or try again later.";
  auto response =
      as_problem ? router::problem_response(wire::HttpError{429, kWords}) : router::error_response(429, kWords);
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

Listener::Listener(const config::Endpoint& endpoint, std::vector<Connections*> homes, Site& site, observe::Ids& ids,
                   observe::Log& log, TransportMetrics& metrics, std::size_t max_connections, Options options)
    : asked_(endpoint),
      homes_(std::move(homes)),
      site_(site),
      ids_(ids),
      log_(log),
      metrics_(metrics),
      max_connections_(max_connections),
      tls_(endpoint.unix_socket() ? nullptr : options.tls) {
  if (endpoint.unix_socket()) {
    listen_on_unix(options.unix_mode);
  } else {
    listen_on_tcp();
  }
}

Listener::~Listener() {
  stop();
  struct stat now {};
  // Another daemon may have put its own there meanwhile. Ours is closed behind that: its number could be another's.
  if (asked_.unix_socket() && ::lstat(asked_.path.c_str(), &now) == 0 && now.st_dev == device_ && now.st_ino == inode_)
    ::unlink(asked_.path.c_str());
  ::close(fd_);
}

void Listener::fail(int error, const std::string& why) {
  if (fd_ >= 0) ::close(fd_);
  throw std::system_error(error, std::generic_category(), "cannot listen on " + asked_.text() + why);
}

void Listener::listen_on_tcp() {
  const Poco::Net::SocketAddress address(asked_.host, asked_.port);
  fd_ = ::socket(address.af(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail(errno);
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // "::" and "0.0.0.0" may both be listed: neither takes the other's.
  if (asked_.v6()) ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd_, address.addr(), address.length()) != 0 || ::listen(fd_, kBacklog) != 0) fail(errno);
}

void Listener::listen_on_unix(unsigned mode) {
  const auto* const path = asked_.path.c_str();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  asked_.path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* const bound = reinterpret_cast<const sockaddr*>(&address);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail(errno);
  struct stat there {};
  if (::lstat(path, &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) fail(EEXIST, ": something that is no socket is at this path");
    // Only who listens lets connect; what a daemon left behind that was killed refuses.
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool answered = ::connect(probe, bound, sizeof address) == 0;
    const int error = answered ? EADDRINUSE : errno;
    if (probe >= 0) ::close(probe);
    if (error == EADDRINUSE || error == EAGAIN) fail(EADDRINUSE, ": somebody listens there");
    if (error != ECONNREFUSED) fail(error);
    if (::unlink(path) != 0) fail(errno, ": the socket that was left behind cannot be removed");
  }
  if (::bind(fd_, bound, sizeof address) != 0) fail(errno);
  // Nobody can connect before listen(), so nobody gets in under other rights than these.
  if (::chmod(path, mode) != 0 || ::listen(fd_, kBacklog) != 0 || ::lstat(path, &there) != 0) {
    const int error = errno;
    ::unlink(path);
    fail(error);
  }
  device_ = there.st_dev;
  inode_ = there.st_ino;
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
  if (asked_.unix_socket()) return asked_;
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
  Arrival arrival{.fd = fd, .peer = peer_of(address, length), .id = ids_.next(), .place = {}, .tls = {}};
  if (total >= max_connections_) {
    metrics_.refused.add();
    metrics_.limits.connections.add();
    if (const auto held_back = throttle_.pass("full"))
      log_.warning("transport", "too many connections: one was refused",
                   {{"limit", max_connections_}, {"suppressed", *held_back}});
    if (!tls_ || total < max_connections_ + kMostRefusals) {
      refuse(*home, std::move(arrival), 503);
    } else {
      ::close(fd);
    }
    return true;
  }
  auto place = site_.enter(arrival.peer);
  if (!place) {
    metrics_.refused.add();
    metrics_.limits.connections_per_address.add();
    if (const auto held_back = throttle_.pass(arrival.peer.group()))
      log_.warning("transport", "too many connections of one address: one was refused",
                   {{"client", arrival.peer.text()}, {"suppressed", *held_back}});
    refuse(*home, std::move(arrival), 429);
    return true;
  }
  if (!arrival.peer.unix_socket()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto vanished = static_cast<unsigned>((home->limits().stall_timeout + kBehindStall).count());
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished, sizeof vanished);
  }
  arrival.place = std::move(*place);
  hand_over(*home, std::move(arrival), site_);
  return true;
}

void Listener::hand_over(Connections& home, Arrival arrival, Site& site) {
  if (tls_) arrival.tls = tls_->accept(arrival.fd);
  home.count.fetch_add(1, std::memory_order_relaxed);
  auto enter = [&home, &site, arrival = std::move(arrival)]() mutable {
    home.add(std::move(arrival),
             [&site](Connection& connection) { return std::make_unique<HttpProtocol>(connection, site); });
  };
  if (&home.reactor() == reactor_) {
    enter();
  } else {
    home.reactor().post(std::move(enter));
  }
}

void Listener::refuse(Connections& home, Arrival arrival, int status) {
  if (tls_) {
    // Words need a handshake. It is work: of each address a few get it, and the others none.
    auto place = tls_->refusals().take(arrival.peer);
    if (!place) {
      ::close(arrival.fd);
      return;
    }
    arrival.place = std::move(*place);
    static RefusingSite full(503);
    static RefusingSite crowded(429);
    return hand_over(home, std::move(arrival), status == 503 ? full : crowded);
  }
  // A few bytes fit the buffer of a fresh socket: written or lost, but never waited for.
  const auto bytes = wire::encode_response(refusal_of(status));
  [[maybe_unused]] const auto sent = ::send(arrival.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::close(arrival.fd);
}

/// Out of descriptors or memory: epoll would report the same connection without end.
void Listener::rest() {
  if (const auto held_back = throttle_.pass("rest"))
    log_.error("transport", "no descriptors left: accepting pauses", {{"suppressed", *held_back}});
  watch_.want(0);
  resting_ = reactor_->after(kRest, [this] { watch_.want(EPOLLIN); });
}

}  // namespace pillard::transport
