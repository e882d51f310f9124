#pragma once
// One connection of a client, on one reactor at a time: bytes in to its protocol, frames out of its outbox.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config.h"
#include "observe/ids.h"
#include "observe/limits_reached.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "reactor/reactor.h"
#include "transport/address_limit.h"
#include "transport/outbox.h"
#include "transport/tls_stream.h"
#include "wire/address.h"

namespace pillard::transport {

class Connection;
class Connections;

class Protocol;
using MakeProtocol = Function<std::unique_ptr<Protocol>(Connection&)>;

/// What a connection speaks. [lane]
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Takes from the front of `input`, whose bytes it may change, and says how much. What it leaves is offered again
  /// with more behind it, or after Connection::resume(). May replace itself: the rest then goes to the successor.
  virtual std::size_t consume(std::span<char> input) = 0;
  /// The client has ended its side; nothing more comes in.
  virtual void input_ended() = 0;
  /// The daemon ends: say goodbye.
  virtual void going_away() = 0;
  /// The client takes nothing of what waits for it. Ends the connection; `why` is what the client and the log are told.
  virtual void not_reading(observe::Text why) = 0;
  /// So many events of the flow were queued and will not be sent: newer ones took their place.
  virtual void lost(const Flow&, std::uint64_t) {}
};

/// Figures of the public listener.
struct TransportMetrics {
  explicit TransportMetrics(observe::Metrics& metrics);
  observe::Counter& accepted;
  observe::Gauge& open;
  observe::Counter& bytes_in;
  observe::Counter& bytes_out;
  observe::Counter& overflows;
  observe::Counter& refused;
  observe::Counter& batches;
  observe::Counter& frames;
  observe::Counter& dropped;
  observe::Counter& messages;
  observe::Counter& throttled;
  observe::Counter& floods;
  observe::Gauge& outbox_high_water;
  observe::LimitsReached limits;
};

/// A connection that was accepted, on its way to the reactor that will serve it.
struct Arrival {
  int fd = -1;  // whoever has the Arrival last owns it
  wire::Address peer = {};
  std::uint64_t id = 0;
  AddressLimit::Place place = {};       // among those of its address
  std::unique_ptr<TlsStream> tls = {};  // null: none
};

/// [lane] Made by Connections, which also destroys it: at the end of a turn, never from inside a call.
class Connection final : private reactor::Watcher, private Sink {
 public:
  Connection(Connections& home, Arrival arrival);
  Connection(const Connection&) = delete;
  ~Connection();

  void start(std::unique_ptr<Protocol> protocol);
  /// The bytes behind those that the running consume() takes go to `successor`.
  void replace(std::unique_ptr<Protocol> successor);
  /// Once the running consume() has returned, the connection goes on at `home`, on another reactor, with what it did
  /// not take and with what waits to be sent. This object ends, and its protocol with it; `protocol` makes the next
  /// one.
  void move_to(Connections& home, MakeProtocol protocol);

  /// Queues; written with everything else of this turn. Beyond limits.outbox_bytes lines are dropped (and told), and a
  /// client for whom that does not help is ended.
  void send(SharedBatch batch);
  void send(SharedBatch batch, const Flow& flow);
  void send(std::string bytes) { send(fanout::single(std::move(bytes))); }
  /// What waited elsewhere for this client, in its order.
  void send(Outbox&& waiting);
  /// See Outbox.
  void gap(const Flow& flow, std::uint64_t dropped);
  void forget(const Flow& flow, bool deliver) { outbox_.forget(flow, deliver); }
  /// Drops what waits and was not begun.
  void discard() { outbox_.clear(); }
  /// What is queued from now on leaves through what `make` makes, for the socket and for so many bytes that wait
  /// already and go ahead as they are.
  void filter(Function<std::unique_ptr<Filter>(Sink& socket, std::size_t ahead)> make);
  /// Sends what is queued, then closes; what still comes in is thrown away.
  void finish();
  /// Closes at once. Nothing is called from inside; `why` goes to the log.
  void abort(observe::Text why);

  /// No more input is read until resume(), which offers again what was left. `notice_end`: that the client ends its
  /// side is told although nothing is read.
  void pause(bool notice_end = false);
  void resume();
  /// The same for another reason: the client sends too much. Both must be over before input is read again.
  void hold();
  void release();

  bool open() const noexcept { return fd_ >= 0; }
  /// Whether what the client sends is read at present.
  bool reads() const noexcept { return !paused_ && !held_ && !answers_wait_; }
  /// Who is at the other end of the socket; behind a proxy that is the proxy.
  const wire::Address& peer() const noexcept { return peer_; }
  /// Its place among the connections of its client's address. Behind a proxy the client is known, and may change, with
  /// each request.
  AddressLimit::Place& place() noexcept { return place_; }
  /// Whether it is by TLS.
  bool secure() const noexcept { return tls_ != nullptr; }
  std::uint64_t id() const noexcept { return id_; }
  Connections& home() const noexcept { return home_; }
  reactor::Reactor& reactor() noexcept;

 private:
  friend class Connections;
  void ready(std::uint32_t events) override;
  Result write(std::span<iovec> parts, std::size_t& written) override;
  void receive();
  bool receive_once();
  TlsStream::Got read_some();
  void end_tls();
  Sink::Result write_out();
  /// Nothing waits to be sent.
  bool drained() const noexcept {
    return outbox_.empty() && (!filter_ || filter_->empty()) && (!tls_ || tls_->waiting() == 0);
  }
  void feed(std::span<char> fresh);
  std::size_t offer(std::span<char> input);
  void queued();
  Result drain();
  void flush();
  void backlog_changed();
  void watch_progress();
  void go_on();
  void want();
  void close_write();
  void depart();

  Connections& home_;
  int fd_;
  const wire::Address peer_;
  const std::uint64_t id_;
  AddressLimit::Place place_;
  std::unique_ptr<TlsStream> tls_;
  reactor::Watch watch_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<Protocol> replaced_;  // is still running
  std::string left_;                    // input that the protocol could not take yet
  Outbox outbox_;
  std::unique_ptr<Filter> filter_;
  bool blocked_ = false;  // waits for EPOLLOUT
  bool paused_ = false;
  bool notices_end_ = false;   // while it is paused
  bool held_ = false;          // by hold()
  bool answers_wait_ = false;  // so many that no further requests are read
  bool feeding_ = false;
  bool input_over_ = false;
  bool finishing_ = false;
  bool dirty_ = false;
  reactor::Clock::time_point progress_{};  // when the client last took something
  reactor::Timer stall_;                   // while it is blocked
  reactor::Timer farewell_;
  reactor::Timer arrival_;  // of one that came from another reactor
  struct Move {
    Connections& home;
    MakeProtocol protocol;
  };
  std::unique_ptr<Move> move_;
};

/// The connections of one reactor.
class Connections {
 public:
  Connections(reactor::Reactor& reactor, const config::Limits& limits, observe::Log& log, TransportMetrics& metrics)
      : reactor_(reactor), limits_(limits), log_(log), metrics_(metrics), scratch_(64 * 1024) {}

  /// [lane] Takes over the descriptor. `protocol(connection)` makes what it speaks.
  void add(Arrival arrival, MakeProtocol protocol) {
    add(std::make_unique<Connection>(*this, std::move(arrival)), std::move(protocol));
  }
  /// [lane] Tells all that the daemon ends. `empty` is called once, when the last one is gone.
  void going_away(Function<void()> empty);
  /// [any] How many there are, those on their way here included.
  std::atomic<std::size_t> count{0};

  reactor::Reactor& reactor() noexcept { return reactor_; }
  observe::Log& log() noexcept { return log_; }
  const config::Limits& limits() const noexcept { return limits_; }
  TransportMetrics& metrics() noexcept { return metrics_; }

 private:
  friend class Connection;
  /// Signatures take time that everything else on this lane waits for: some a turn, the others in turns to come.
  bool may_shake_hands();
  void schedule();
  void turn_end();
  void bury(Connection& connection);
  void add(std::unique_ptr<Connection> connection, MakeProtocol protocol);

  reactor::Reactor& reactor_;
  const config::Limits& limits_;
  observe::Log& log_;
  TransportMetrics& metrics_;
  std::vector<char> scratch_;  // what one read can bring
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> open_;
  std::vector<Connection*> dirty_;  // have something to send
  std::vector<std::unique_ptr<Connection>> graveyard_;
  unsigned shakes_ = 0;  // of hands, in this turn
  bool scheduled_ = false;
  bool leaving_ = false;
  Function<void()> empty_;
};

}  // namespace pillard::transport
