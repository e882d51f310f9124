#include "transport/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace pillard::transport {

namespace {
constexpr std::chrono::seconds kFarewell{3};  // for a client to take what was sent and to close
}

TransportMetrics::TransportMetrics(observe::Metrics& metrics)
    : accepted(metrics.counter("pillard_connections_accepted_total", "Connections accepted from clients.")),
      open(metrics.gauge("pillard_connections_open", "Connections of clients that are open.")),
      bytes_in(metrics.counter("pillard_received_bytes_total", "Bytes received from clients.")),
      bytes_out(metrics.counter("pillard_sent_bytes_total", "Bytes sent to clients.")),
      overflows(metrics.counter("pillard_outbox_overflows_total", "Clients cut off because they did not read.")),
      refused(
          metrics.counter("pillard_connections_refused_total", "Connections refused because there were too many.")) {}

Connection::Connection(Connections& home, int fd, const Poco::Net::SocketAddress& peer, std::uint64_t id)
    : home_(home), fd_(fd), peer_(peer), id_(id) {}

Connection::~Connection() {
  protocol_.reset();
  watch_.reset();
  if (fd_ >= 0) ::close(fd_);
}

reactor::Reactor& Connection::reactor() noexcept { return home_.reactor_; }

void Connection::start(std::unique_ptr<Protocol> protocol) {
  protocol_ = std::move(protocol);
  watch_ = home_.reactor_.watch(fd_, EPOLLIN, *this);
}

void Connection::replace(std::unique_ptr<Protocol> successor) {
  replaced_ = std::exchange(protocol_, std::move(successor));
}

void Connection::send(Frame frame) {
  if (!open() || finishing_ || frame->empty()) return;
  outbox_.push(std::move(frame));
  // A burst within one turn (a replay) is no sign that nobody reads: what the socket takes now does not count.
  if (outbox_.cost() > home_.limits_.outbox_bytes && !blocked_) flush();
  if (!open()) return;
  // A single frame may be larger than the bound: whoever is up to date gets it, however long it takes.
  if (outbox_.cost() > home_.limits_.outbox_bytes && outbox_.size() > 1) {
    home_.metrics_.overflows.add();
    return abort("client does not read: its outbox is full");
  }
  if (!std::exchange(dirty_, true)) {
    home_.dirty_.push_back(this);
    home_.schedule();
  }
}

void Connection::finish() {
  if (!open() || finishing_) return;
  finishing_ = true;
  farewell_ = home_.reactor_.after(kFarewell, [this] { abort("client did not close in time"); });
  if (outbox_.empty()) return close_write();
  want();
}

void Connection::close_write() {
  ::shutdown(fd_, SHUT_WR);
  if (input_over_) return abort("closed");
  want();
}

void Connection::abort(observe::Text why) {
  if (!open()) return;
  home_.log_.debug("transport", "connection closed", {{"connection", observe::base36(id_)}, {"why", why.view()}});
  watch_.reset();
  ::close(std::exchange(fd_, -1));
  farewell_.reset();
  home_.bury(*this);
}

void Connection::pause() {
  paused_ = true;
  if (open() && watch_) want();
}

void Connection::resume() {
  if (!std::exchange(paused_, false) || !open()) return;
  want();
  if (!feeding_ && !left_.empty()) feed({});
}

/// Asks epoll for exactly what can be acted upon.
void Connection::want() {
  std::uint32_t events = 0;
  if (!input_over_ && (!paused_ || finishing_)) events |= EPOLLIN;
  if (blocked_) events |= EPOLLOUT;
  watch_.want(events);
}

void Connection::ready(std::uint32_t events) {
  if (events & EPOLLOUT) flush();
  if (open() && (events & EPOLLIN)) receive();
  // Errors and hang-ups come unasked for; with EPOLLIN wanted, reading has found out about them.
  if (open() && (events & (EPOLLERR | EPOLLHUP)) && (paused_ || input_over_)) abort("connection lost");
}

void Connection::receive() {
  auto& scratch = home_.scratch_;
  const auto got = ::recv(fd_, scratch.data(), scratch.size(), 0);
  if (got > 0) {
    home_.metrics_.bytes_in.add(static_cast<std::uint64_t>(got));
    if (!finishing_) feed({scratch.data(), static_cast<std::size_t>(got)});
    return;
  }
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return abort("connection lost");
  }
  input_over_ = true;
  if (finishing_ && outbox_.empty()) return abort("closed");
  want();
  if (!finishing_) protocol_->input_ended();
}

void Connection::feed(std::span<char> fresh) {
  feeding_ = true;
  if (left_.empty()) {
    const auto taken = offer(fresh);
    if (open() && !finishing_) left_.append(fresh.data() + taken, fresh.size() - taken);
  } else {
    left_.append(fresh.data(), fresh.size());
    const auto taken = offer({left_.data(), left_.size()});
    left_.erase(0, taken);
  }
  if (left_.empty() && left_.capacity() > 4096) left_.shrink_to_fit();
  feeding_ = false;
}

/// Offers until nothing more is taken; a successor gets what its predecessor left.
std::size_t Connection::offer(std::span<char> input) {
  std::size_t taken = 0;
  while (open() && !paused_ && !finishing_ && taken < input.size()) {
    std::size_t step = 0;
    try {
      step = protocol_->consume(input.subspan(taken));
    } catch (const std::exception& error) {
      home_.log_.error("transport", "connection closed by an exception",
                       {{"connection", observe::base36(id_)}, {"what", error.what()}});
      abort("exception");
    }
    const bool changed = std::exchange(replaced_, nullptr) != nullptr;
    taken += step;
    if (step == 0 && !changed) break;
  }
  return taken;
}

void Connection::flush() {
  switch (outbox_.flush(*this)) {
    case Sink::Result::kBroken: return abort("connection lost");
    case Sink::Result::kBlocked: blocked_ = true; break;
    case Sink::Result::kOk: blocked_ = false; break;
  }
  if (finishing_ && outbox_.empty()) return close_write();
  want();
}

Sink::Result Connection::write(std::span<iovec> parts, std::size_t& written) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const auto sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? Result::kBlocked : Result::kBroken;
  written = static_cast<std::size_t>(sent);
  home_.metrics_.bytes_out.add(written);
  return Result::kOk;
}

void Connections::add(int fd, const Poco::Net::SocketAddress& peer, std::uint64_t id,
                      Function<std::unique_ptr<Protocol>(Connection&)> protocol) {
  auto connection = std::make_unique<Connection>(*this, fd, peer, id);
  auto& added = *connection;
  open_.emplace(id, std::move(connection));
  metrics_.open.add();
  try {
    added.start(protocol(added));
  } catch (const std::exception& error) {  // the kernel's table of watches is full, say
    log_.error("transport", "connection could not be served", {{"what", error.what()}});
    return added.abort("exception");
  }
  // It was accepted before the farewell and is here only now.
  if (leaving_) added.protocol_->going_away();
}

void Connections::going_away(Function<void()> empty) {
  empty_ = std::move(empty);
  leaving_ = true;
  std::vector<Connection*> all;  // each may bury itself
  for (auto& [id, connection] : open_) all.push_back(connection.get());
  for (auto* connection : all)
    if (connection->open()) connection->protocol_->going_away();
  schedule();
}

void Connections::schedule() {
  if (!std::exchange(scheduled_, true)) reactor_.at_turn_end([this] { turn_end(); });
}

void Connections::turn_end() {
  scheduled_ = false;
  // Those buried from here on may still stand in the list of the next round, which this turn does as well.
  const auto dead = std::exchange(graveyard_, {});
  for (auto* connection : std::exchange(dirty_, {})) {
    connection->dirty_ = false;
    if (connection->open() && !connection->blocked_) connection->flush();
  }
  if (empty_ && open_.empty()) std::exchange(empty_, nullptr)();
}

void Connections::bury(Connection& connection) {
  const auto found = open_.find(connection.id_);
  graveyard_.push_back(std::move(found->second));
  open_.erase(found);
  metrics_.open.sub();
  count.fetch_sub(1, std::memory_order_relaxed);
  schedule();
}

}  // namespace pillard::transport
