#include "transport/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace pillard::transport {

namespace {
constexpr std::chrono::seconds kFarewell{3};  // for a client to take what was sent and to close
constexpr int kRecordsATurn = 4;              // of TLS: as much as one read of a plain socket brings
}  // namespace

TransportMetrics::TransportMetrics(observe::Metrics& metrics)
    : accepted(metrics.counter("pillard_connections_accepted_total", "Connections accepted from clients.")),
      open(metrics.gauge("pillard_connections_open", "Connections of clients that are open.")),
      bytes_in(metrics.counter("pillard_received_bytes_total", "Bytes received from clients.")),
      bytes_out(metrics.counter("pillard_sent_bytes_total", "Bytes sent to clients.")),
      overflows(metrics.counter("pillard_outbox_overflows_total", "Clients cut off because they did not read.")),
      refused(metrics.counter("pillard_connections_refused_total", "Connections refused because there were too many.")),
      batches(metrics.counter("pillard_sent_batches_total", "Batches of frames queued for clients.")),
      frames(metrics.counter("pillard_sent_frames_total", "Frames queued for clients.")),
      dropped(metrics.counter("pillard_dropped_events_total", "Events dropped for clients that read too slowly.")),
      messages(metrics.counter("pillard_received_messages_total", "Messages received from clients.")),
      throttled(
          metrics.counter("pillard_throttled_total", "Times that a client was not read because it sent too much.")),
      floods(metrics.counter("pillard_floods_total", "Clients closed because they kept sending too much.")),
      outbox_high_water(metrics.gauge("pillard_outbox_high_water_bytes", "The fullest that an outbox has ever been.")),
      limits(metrics) {}

Connection::Connection(Connections& home, Arrival arrival)
    : home_(home),
      fd_(arrival.fd),
      peer_(arrival.peer),
      id_(arrival.id),
      place_(std::move(arrival.place)),
      tls_(std::move(arrival.tls)) {}

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

void Connection::move_to(Connections& home, MakeProtocol protocol) {
  move_ = std::make_unique<Move>(Move{.home = home, .protocol = std::move(protocol)});
}

/// The descriptor and all that belongs to the client, but nothing that belongs to this lane.
void Connection::depart() {
  const auto move = std::exchange(move_, nullptr);
  auto arriving = std::make_unique<Connection>(
      move->home,
      Arrival{
          .fd = std::exchange(fd_, -1), .peer = peer_, .id = id_, .place = std::move(place_), .tls = std::move(tls_)});
  arriving->left_ = std::move(left_);
  arriving->outbox_ = std::exchange(outbox_, {});
  arriving->input_over_ = input_over_;
  watch_.reset();
  arrival_.reset();
  stall_.reset();
  move->home.count.fetch_add(1, std::memory_order_relaxed);
  move->home.reactor_.post(
      [home = &move->home, protocol = std::move(move->protocol), arriving = std::move(arriving)]() mutable {
        home->add(std::move(arriving), std::move(protocol));
      });
  home_.bury(*this);
}

void Connection::send(Outbox&& waiting) {
  if (!open() || finishing_) return;
  outbox_.append(std::move(waiting));
  if (!outbox_.empty()) queued();
}

void Connection::send(SharedBatch batch) {
  if (!open() || finishing_) return;
  home_.metrics_.frames.add(batch->size());
  outbox_.push(std::move(batch));
  queued();
}

void Connection::send(SharedBatch batch, const Flow& flow) {
  if (!open() || finishing_) return;
  home_.metrics_.frames.add(batch->size());
  if (const auto replaced = outbox_.push(std::move(batch), flow)) protocol_->lost(flow, replaced);
  queued();
}

void Connection::gap(const Flow& flow, std::uint64_t dropped) {
  if (!open() || finishing_) return;
  home_.metrics_.dropped.add(dropped);
  outbox_.gap(flow, dropped);
  queued();
}

void Connection::queued() {
  const auto most = home_.limits_.outbox_bytes;
  home_.metrics_.batches.add();
  // A burst within one turn (a replay) is no sign that nobody reads: what the socket takes now does not count.
  if (outbox_.cost() > most && !blocked_) flush();
  if (!open()) return;
  const auto bounded = outbox_.hold(most);
  home_.metrics_.dropped.add(bounded.dropped);
  for (const auto& [flow, events] : bounded.lost) protocol_->lost(*flow, events);
  if (bounded.over) {
    home_.metrics_.overflows.add();
    home_.metrics_.limits.outbox_bytes.add();
    return protocol_->not_reading("outbox full: the client does not read");
  }
  if (blocked_) backlog_changed();
  if (!std::exchange(dirty_, true)) {
    home_.dirty_.push_back(this);
    home_.schedule();
  }
}

void Connection::finish() {
  if (!open() || finishing_) return;
  finishing_ = true;
  farewell_ = home_.reactor_.after(kFarewell, [this] { abort("client did not close in time"); });
  if (drained()) return close_write();
  want();
}

void Connection::close_write() {
  if (tls_) tls_->shutdown();
  ::shutdown(fd_, SHUT_WR);
  if (input_over_) return abort("closed");
  want();
}

void Connection::abort(observe::Text why) {
  if (!open()) return;
  home_.log_.debug("transport", "connection closed", {{"connection", observe::base36(id_)}, {"why", why.view()}});
  watch_.reset();
  ::close(std::exchange(fd_, -1));
  place_.leave();  // at once, for whoever comes next
  farewell_.reset();
  arrival_.reset();
  stall_.reset();
  home_.bury(*this);
}

void Connection::pause(bool notice_end) {
  paused_ = true;
  notices_end_ = notice_end;
  if (open() && watch_) want();
}

void Connection::resume() {
  if (!std::exchange(paused_, false) || !open()) return;
  go_on();
}

void Connection::hold() {
  held_ = true;
  if (open() && watch_) want();
}

void Connection::release() {
  if (!std::exchange(held_, false) || !open()) return;
  go_on();
}

void Connection::go_on() {
  want();
  if (!feeding_ && !left_.empty()) feed({});
}

/// Asks epoll for exactly what can be acted upon.
void Connection::want() {
  std::uint32_t events = 0;
  if (!input_over_ && (reads() || finishing_)) events |= tls_ && tls_->read_wants_write() ? EPOLLOUT : EPOLLIN;
  if (!input_over_ && paused_ && notices_end_) events |= EPOLLRDHUP;
  if (blocked_) events |= tls_ && tls_->write_wants_read() ? EPOLLIN : EPOLLOUT;
  watch_.want(events);
}

void Connection::ready(std::uint32_t events) {
  if (blocked_ && (events & (tls_ && tls_->write_wants_read() ? EPOLLIN : EPOLLOUT))) flush();
  if (open() && (events & (tls_ && tls_->read_wants_write() ? EPOLLIN | EPOLLOUT : EPOLLIN))) receive();
  if (open() && (events & EPOLLRDHUP) && paused_ && notices_end_ && !input_over_) {
    input_over_ = true;
    want();
    protocol_->input_ended();
  }
  // Errors and hang-ups come unasked for; with EPOLLIN wanted, reading has found out about them.
  if (open() && (events & (EPOLLERR | EPOLLHUP)) && (!reads() || input_over_)) abort("connection lost");
}

void Connection::receive() {
  for (int left = tls_ ? kRecordsATurn : 1; left > 0 && open() && !input_over_ && (reads() || finishing_); --left)
    if (!receive_once()) return;
}

TlsStream::Got Connection::read_some() {
  auto& scratch = home_.scratch_;
  if (tls_)
    return tls_->established() || home_.may_shake_hands() ? tls_->read(scratch)
                                                          : TlsStream::Got{TlsStream::State::kWait};
  using State = TlsStream::State;
  const auto got = ::recv(fd_, scratch.data(), scratch.size(), 0);
  if (got > 0) return {State::kData, static_cast<std::size_t>(got)};
  if (got == 0) return {State::kEnd};
  return {errno == EAGAIN || errno == EINTR ? State::kWait : State::kBroken};
}

/// Whether there may be more.
bool Connection::receive_once() {
  const auto got = read_some();
  switch (got.state) {
    case TlsStream::State::kData:
      home_.metrics_.bytes_in.add(got.size);
      if (!finishing_) feed({home_.scratch_.data(), got.size});
      if (open() && tls_) want();
      return true;
    case TlsStream::State::kWait: want(); return false;
    case TlsStream::State::kPlainHttp:
      end_tls();
      send(plain_http_answer());
      finish();
      return false;
    case TlsStream::State::kBroken:
      if (!tls_ || finishing_) {
        abort("connection lost");
      } else {  // the alert that says why is on its way
        end_tls();
        finish();
      }
      return false;
    case TlsStream::State::kEnd: break;
  }
  input_over_ = true;
  if (finishing_ && drained()) {
    abort("closed");
    return false;
  }
  want();
  if (!finishing_ && !arrival_.pending()) protocol_->input_ended();  // else behind what it brought along
  return false;
}

/// Nothing that was meant to be encrypted leaves behind it.
void Connection::end_tls() {
  home_.log_.debug("transport", "no TLS", {{"connection", observe::base36(id_)}, {"client", peer_.text()}});
  outbox_ = {};
  tls_.reset();
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
  if (move_ && open()) depart();
}

/// Offers until nothing more is taken; a successor gets what its predecessor left.
std::size_t Connection::offer(std::span<char> input) {
  std::size_t taken = 0;
  while (open() && reads() && !finishing_ && !move_ && taken < input.size()) {
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

void Connection::filter(Function<std::unique_ptr<Filter>(Sink& socket, std::size_t ahead)> make) {
  filter_ = make(*this, outbox_.bytes());
}

Sink::Result Connection::drain() {
  if (!filter_) return outbox_.flush(*this);
  auto result = filter_->flush();
  if (result == Sink::Result::kOk) result = outbox_.flush(*filter_);
  outbox_.settle();
  return result;
}

void Connection::flush() {
  switch (write_out()) {
    case Sink::Result::kBroken: return abort("connection lost");
    case Sink::Result::kBlocked: blocked_ = true; break;
    case Sink::Result::kOk: blocked_ = false; break;
  }
  if (!blocked_) {
    stall_.reset();
  } else {
    if (!stall_.pending()) {
      progress_ = home_.reactor_.now();
      watch_progress();
    }
  }
  backlog_changed();
  if (finishing_ && drained()) return close_write();
  want();
}

/// Over TLS what was taken into a record goes first, though it has left the outbox.
Sink::Result Connection::write_out() {
  if (!tls_) return drain();
  const auto waited = tls_->waiting();
  auto result = tls_->flush();
  if (tls_->waiting() < waited) progress_ = home_.reactor_.now();
  if (result == Result::kOk) result = drain();
  return result == Result::kOk && !drained() ? Result::kBlocked : result;
}

/// Answers that nobody reads: no further requests are, either.
void Connection::backlog_changed() {
  if (blocked_) home_.metrics_.outbox_high_water.raise(static_cast<std::int64_t>(outbox_.cost()));
  const bool wait = blocked_ && outbox_.control_cost() > home_.limits_.outbox_bytes / 8;
  if (std::exchange(answers_wait_, wait) == wait || finishing_) return;
  if (wait) return want();
  home_.reactor_.at_turn_end([&home = home_, id = id_] {
    if (const auto found = home.open_.find(id); found != home.open_.end()) found->second->go_on();
  });
}

void Connection::watch_progress() {
  stall_ = home_.reactor_.at(progress_ + home_.limits_.stall_timeout, [this] {
    if (home_.reactor_.now() - progress_ < home_.limits_.stall_timeout) return watch_progress();
    home_.metrics_.overflows.add();
    home_.metrics_.limits.stall_timeout.add();
    protocol_->not_reading("the client takes nothing of what is sent");
  });
}

Sink::Result Connection::write(std::span<iovec> parts, std::size_t& written) {
  if (tls_) {
    if (const auto result = tls_->write(parts, written); result != Result::kOk) return result;
  } else {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const auto sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? Result::kBlocked : Result::kBroken;
    written = static_cast<std::size_t>(sent);
  }
  if (blocked_ && written > 0) progress_ = home_.reactor_.now();
  home_.metrics_.bytes_out.add(written);
  return Result::kOk;
}

void Connections::add(std::unique_ptr<Connection> connection, MakeProtocol protocol) {
  auto& added = *connection;
  open_.emplace(added.id_, std::move(connection));
  metrics_.open.add();
  try {
    added.start(protocol(added));
  } catch (const std::exception& error) {  // the kernel's table of watches is full, say
    log_.error("transport", "connection could not be served", {{"what", error.what()}});
    return added.abort("exception");
  }
  // It was accepted before the farewell and is here only now.
  if (leaving_) added.protocol_->going_away();
  // It came from another reactor.
  if (!added.drained()) added.queued();
  // In the next turn: what others sent here before this client said it lies in the kernel, and goes first. A poll must
  // not overtake the upgrade that its client has sent before it.
  if (added.open() && (!added.left_.empty() || added.input_over_))
    added.arrival_ = reactor_.after(std::chrono::milliseconds(0), [&added] {
      if (!added.left_.empty()) added.feed({});
      if (added.open() && added.input_over_ && !added.finishing_) added.protocol_->input_ended();
    });
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

bool Connections::may_shake_hands() {
  constexpr unsigned kATurn = 8;
  if (shakes_++ == 0) reactor_.at_turn_end([this] { shakes_ = 0; });
  return shakes_ <= kATurn;
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
