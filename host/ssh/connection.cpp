#include "ssh/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace pillard::ssh {

namespace {
constexpr std::string_view kSession = "session";
constexpr std::uint32_t kPacket = 32 * 1024;
constexpr unsigned kRefusals = 20;
constexpr std::chrono::milliseconds kRefusalPause(50);

/// Shared by all connections of a thread: what is read is handed on before the next read.
std::span<char> buffer() {
  thread_local std::array<char, kPacket> space;
  return space;
}
}  // namespace

Connection::Connection(reactor::Reactor& reactor, const Options& options, std::shared_ptr<SshMetrics> metrics,
                       Owner& owner, std::unique_ptr<Transport> transport)
    : reactor_(reactor),
      options_(options),
      metrics_(std::move(metrics)),
      owner_(owner),
      transport_(std::move(transport)),
      capacity_(options.channels_per_connection),
      heard_(reactor.now()),
      busy_(reactor.now()) {
  metrics_->connections.add();
}

void Connection::begin() {
  watch_ = try_watch(reactor_, transport_->fd(), EPOLLIN, *this);
  if (!watch_) broken_ = socket_error(ENOMEM, transport_->where());  // told by the first turn
  tick();
  wake();
}

bool Connection::takes() const noexcept {
  const auto used = channels_.size() + waiting_.size() + (opening_ ? 1 : 0);
  return transport_ && !broken_ && used < capacity_ && abandoned_ * 2 < options_.channels_per_connection;
}

void Connection::open(std::shared_ptr<Run> run) {
  run->held_by(this);
  busy_ = reactor_.now();
  waiting_.push_back(std::move(run));
  wake();
}

void Connection::close() noexcept {
  if (!transport_) return;
  watch_.reset();
  tick_.reset();
  again_.reset();
  const auto let_go = [](Run* run) {
    if (run == nullptr) return;
    run->held_by(nullptr);
    run->drop();
  };
  for (auto& channel : channels_) let_go(channel->run());
  for (auto& run : waiting_) let_go(run.get());
  if (opening_) let_go(opening_->run.get());
  waiting_.clear();
  opening_.reset();
  metrics_->channels.sub(static_cast<std::int64_t>(channels_.size()));
  metrics_->connections.sub();
  starter_ = nullptr;
  channels_.clear();
  transport_->say_goodbye();
  transport_.reset();
}

void Connection::wake() {
  if (waking_ || !transport_) return;
  waking_ = true;
  auto task = [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->waking_ = false;
    self->turn();
  };
  // A turn that asks for another one gets it after the others had theirs, or a flood would keep the loop.
  if (turning_) return reactor_.post(std::move(task));
  reactor_.at_turn_end(std::move(task));
}

void Connection::ready(std::uint32_t /*events*/) {
  // One that is to have a turn anyway does not get two.
  if (!waking_) turn();
}

void Connection::turn() {
  if (!transport_) return;
  const auto self = shared_from_this();  // the owner may let go
  turning_ = true;
  try {
    work();
  } catch (const std::exception& error) {
    // A connection that is at odds with itself must not take the others along.
    broken_.reset();
    if (transport_)
      lose(Error(Code::kInternal, "The connection to " + transport_->where() + " failed here: " + error.what() + "."));
  }
  turning_ = false;
}

void Connection::work() {
  until_ = reactor::Clock::now() + options_.turn_time;
  transport_->allow(options_.turn_budget, until_);
  bool late = false;
  // Reading one channel also takes what has come for the others: go on until a pass found nothing new.
  for (std::uint64_t before = 0; transport_ && !broken_;) {
    before = transport_->received();
    pass();
    late = reactor::Clock::now() >= until_;
    if (late || !transport_ || transport_->received() == before) break;
  }
  if (!transport_) return;
  if (transport_->received() != heard_bytes_) {
    heard_bytes_ = transport_->received();
    heard_ = reactor_.now();
  }
  if (late) wake();  // libssh2 may hold more than the socket tells of
  transport_->flush();
  if (transport_->ended() && !late && !broken_) broken_ = transport_->failure();
  if (broken_) return lose(*broken_);
  watch_.want(transport_->writes_wait() ? EPOLLIN | EPOLLOUT : EPOLLIN);
  if (takes()) owner_.room(*this);
}

void Connection::pass() {
  open_next();
  // Callbacks may wake this connection but never add to or take from its channels.
  // A pass that takes too long goes on with the next channel in the next turn.
  for (auto left = channels_.size(); left > 0 && !broken_; --left) {
    if (next_ >= channels_.size()) next_ = 0;
    if (advance(next_)) ++next_;
    if (left > 1 && reactor::Clock::now() >= until_) return;
  }
  drain_pump();
}

bool Connection::begin_opening() {
  if (opening_) return true;
  if (transport_->congested() || reactor_.now() < not_before_) return false;
  while (!waiting_.empty() && waiting_.front()->over()) waiting_.pop_front();
  if (!waiting_.empty()) {
    opening_ = Opening{std::move(waiting_.front()), reactor_.now()};
    waiting_.pop_front();
  } else if (pump_ == nullptr && channels_.empty()) {
    opening_ = Opening{nullptr, reactor_.now()};
  }
  return opening_.has_value();
}

void Connection::open_next() {
  while (!broken_ && begin_opening()) {
    auto* handle = libssh2_channel_open_ex(transport_->session(), kSession.data(), kSession.size(), options_.window,
                                           kPacket, nullptr, 0);
    if (handle != nullptr) {
      opened(handle);
      continue;
    }
    const int error = libssh2_session_last_errno(transport_->session());
    if (error == LIBSSH2_ERROR_EAGAIN) return;
    if (error != LIBSSH2_ERROR_CHANNEL_FAILURE) {
      broken_ = transport_->failure(error);
      return;
    }
    refused();
  }
}

void Connection::opened(LIBSSH2_CHANNEL* handle) {
  auto run = std::move(opening_->run);
  opening_.reset();
  refusals_ = 0;
  metrics_->channels.add();
  if (run && run->over()) run = nullptr;
  if (run) {
    metrics_->commands.add();
    metrics_->channel_seconds.observe(reactor_.now() - run->asked());
  }
  channels_.push_back(std::make_unique<Channel>(transport_->session(), handle, std::move(run), reactor_.now()));
}

/// The node gives no more channels on this connection: MaxSessions, or a rule for this user.
void Connection::refused() {
  auto run = std::move(opening_->run);
  opening_.reset();
  if (!channels_.empty()) {
    if (!run) return;  // it only had to be an answer
    capacity_ = channels_.size();
    auto runs = std::exchange(waiting_, {});
    runs.push_front(std::move(run));
    for (auto& away : runs) away->held_by(nullptr);
    owner_.turned_away(std::move(runs));
    return;
  }
  if (pump_ != nullptr && ++refusals_ < kRefusals) {
    // sshd may still be clearing up after the last command: it did give channels before.
    if (run) waiting_.push_front(std::move(run));
    not_before_ = reactor_.now() + kRefusalPause;
    again_ = reactor_.at(not_before_, [this] { wake(); });
    return;
  }
  if (run) {
    run->held_by(nullptr);
    run->not_started("The node refuses to open a session for this user (MaxSessions or a rule of its sshd).");
  }
  if (pump_ == nullptr)
    broken_ = Error(Code::kUnsupported, transport_->where() + " takes the login but opens no session for this user.");
}

/// False if the channel at `index` is gone and another one is in its place.
bool Connection::advance(std::size_t index) {
  auto& channel = *channels_[index];
  // While libssh2 waits for the answer to one such request, the answer to another one reads as a failure.
  if (channel.starting()) {
    if (starter_ == nullptr) {
      starter_ = &channel;
      channel.ask(reactor_.now());
    }
    if (starter_ != &channel) return true;
  }
  const auto state = channel.advance({.buffer = buffer(), .now = reactor_.now(), .until = until_});
  if (starter_ == &channel && !channel.starting()) starter_ = nullptr;
  if (state == Channel::State::kBroken) broken_ = transport_->failure(channel.error());
  if (state != Channel::State::kClosed) return true;
  auto closed = std::move(channels_[index]);
  channels_.erase(channels_.begin() + static_cast<std::ptrdiff_t>(index));
  retire(std::move(closed));
  return false;
}

void Connection::retire(std::unique_ptr<Channel> channel) {
  metrics_->channels.sub();
  if (auto* run = channel->run()) {
    run->held_by(nullptr);
    busy_ = reactor_.now();
  }
  if (pump_ == nullptr) {
    pump_ = channel->handle();
  } else {
    libssh2_channel_free(channel->handle());
  }
}

void Connection::drain_pump() {
  if (pump_ == nullptr || broken_) return;
  for (const int stream : {0, SSH_EXTENDED_DATA_STDERR}) {
    ssize_t got = 0;
    do {
      got = libssh2_channel_read_ex(pump_, stream, buffer().data(), buffer().size());
    } while (got > 0);
    if (got == 0 || got == LIBSSH2_ERROR_EAGAIN) continue;
    // That it is closed is what it is for. All else (a MAC that is wrong) is the whole connection's, and nobody else
    // may be there to see it.
    if (got == LIBSSH2_ERROR_CHANNEL_CLOSED || got == LIBSSH2_ERROR_CHANNEL_EOF_SENT) continue;
    broken_ = transport_->failure(static_cast<int>(got));
    return;
  }
}

/// Since when the node has owed an answer that sshd gives at once, if it does.
Channel::Time Connection::owed_since() const {
  const auto opening = opening_ ? opening_->since : Channel::Time::max();
  return std::min(opening, starter_ != nullptr ? starter_->since() : Channel::Time::max());
}

/// What the node owes an answer to for too long. One that says nothing at all is away, also while its kernel still
/// acknowledges what it is sent; one that says other things may only be slow.
std::optional<Error> Connection::overdue() const {
  const auto now = reactor_.now();
  const auto owed = owed_since();
  const bool silent = now - heard_ >= options_.keepalive + options_.alive_timeout;
  if (silent && owed <= now - options_.alive_timeout) return socket_error(ETIMEDOUT, transport_->where());
  if (owed > now - options_.answer_timeout) return std::nullopt;
  const auto* what = opening_ && opening_->since == owed ? " does not answer: it hangs or is overloaded."
                                                         : " does not start commands: it hangs or is overloaded.";
  return Error(Code::kTimeout, "Timeout: " + transport_->where() + what);
}

/// A node that has said nothing since the command was asked for, not even that it has a channel, is away.
bool Connection::run_late(const Run& run) {
  if (!transport_ || heard_ > run.asked() || reactor_.now() - run.asked() < options_.alive_timeout) return false;
  const auto self = shared_from_this();
  lose(socket_error(ETIMEDOUT, transport_->where()));
  return true;
}

void Connection::count_abandoned() {
  const auto since = reactor_.now() - options_.close_timeout;
  const auto count =
      static_cast<std::size_t>(std::count_if(channels_.begin(), channels_.end(), [&](const auto& channel) {
        return channel->closing() && channel->since() < since;
      }));
  if (count > abandoned_) metrics_->channels_abandoned.add(count - abandoned_);
  abandoned_ = count;
}

void Connection::tick() {
  const auto self = shared_from_this();
  const auto now = reactor_.now();
  const auto pause = std::min({std::chrono::milliseconds(500), options_.keepalive / 2, options_.alive_timeout / 2});
  tick_ = reactor_.after(std::max(pause, std::chrono::milliseconds(10)), [this] { tick(); });
  if (const auto error = overdue()) return lose(*error);
  count_abandoned();
  if (now - heard_ >= options_.keepalive && owed_since() == Channel::Time::max()) {
    // A channel that is opened and closed: unlike a keepalive request it has to be answered by sshd itself, also on a
    // node whose kernel still acknowledges.
    opening_ = Opening{nullptr, now};
    wake();
  }
  const bool all_free = channels_.size() == abandoned_ && waiting_.empty();
  const bool worn_out = abandoned_ * 2 >= options_.channels_per_connection;
  if (all_free && (worn_out || now - busy_ >= options_.idle_linger)) owner_.idle(*this, worn_out);
}

void Connection::lose(const Error& error) {
  close();
  metrics_->connections_lost.add();
  owner_.lost(*this, error);
}

}  // namespace pillard::ssh
