#pragma once
// Engine.IO v4: a session with heartbeats, carried by a WebSocket, by long polling, or by one after the other.
#include <memory>
#include <string>
#include <string_view>

#include "config.h"
#include "observe/ids.h"
#include "observe/log.h"
#include "reactor/reactor.h"
#include "transport/address_limit.h"
#include "transport/websocket.h"
#include "wire/engine_io.h"

namespace pillard::transport {

class EngineCarrier;
class EngineSession;
class EngineTable;
class Polling;

/// What is spoken inside an Engine.IO session. [lane]
class EngineHandler {
 public:
  virtual ~EngineHandler() = default;
  virtual void opened(EngineSession& session) = 0;
  /// The data of one text message packet.
  virtual void message(std::string_view data) = 0;
  /// A binary message packet.
  virtual void binary(std::string_view data) = 0;
  /// The client answered a heartbeat.
  virtual void heartbeat() = 0;
  /// A WebSocket has taken over from polling: EngineSession::encoder() has changed.
  virtual void carried() {}
};

/// [lane] For life on one reactor, whose table owns it. Whatever it calls may end it; it goes in a later turn then.
class EngineSession final {
 public:
  /// `number`: of the client's first connection in the log.
  EngineSession(EngineTable& table, std::string sid, std::uint64_t number, std::unique_ptr<EngineHandler> handler);
  ~EngineSession();
  EngineSession(const EngineSession&) = delete;

  // For the handler. Once the session has ended nothing is sent.

  /// One text packet, its digit first.
  void send(std::string_view packet);
  /// One binary message.
  void send_binary(std::string_view bytes);
  /// What writes as `plain` does, in the form that this client takes at present. A client that polls takes none but
  /// `plain` itself.
  const fanout::Encoder& encoder(const fanout::Encoder& plain) const;
  /// Packets as WebSocket frames, by encoder() or one that it was before, which is how they are shared; a client that
  /// polls gets what they carry.
  void send(SharedBatch batch);
  void send(SharedBatch batch, const Flow& flow);
  void gap(const Flow& flow, std::uint64_t dropped);
  void forget(const Flow& flow, bool deliver);
  /// Ends the session; what was sent before still arrives. `why` goes to the log. `code`: of the WebSocket's close
  /// frame.
  void close(observe::Text why, std::uint16_t code = wire::kWsNormal);
  bool open() const noexcept { return open_; }
  reactor::Reactor& reactor() noexcept;
  observe::Log& log() noexcept;
  const config::Engine& options() const noexcept;
  std::uint64_t number() const noexcept { return number_; }
  const std::string& sid() const noexcept { return sid_; }

  // For what carries it.

  /// The open packet's data: what it can be upgraded to depends on what carries it.
  std::string handshake() const;
  /// Begins: the handshake is on its way.
  void start();
  /// One packet of the client's.
  void packet(const wire::engine_io::Packet& packet);
  /// Null while it is polled.
  EngineCarrier* carrier() noexcept { return carrier_; }
  /// Null unless it is polled.
  Polling* polling() noexcept { return polling_.get(); }
  /// The WebSocket stands and takes over, with what waited for a poll.
  void carry_by(EngineCarrier& carrier);
  /// It is polled from now on.
  void poll(AddressLimit::Place place);
  /// The WebSocket that carried it is gone.
  void part();
  /// The client is gone: ends at once, and the session is unknown from here on.
  void lost(observe::Text why);
  /// Ends it if its heartbeat is overdue, be the timer late as it may.
  bool overdue();

 private:
  void schedule_ping();
  void ping();
  void expect_pong(reactor::Clock::time_point deadline);
  /// The client sends more than it may: what it sends is not read just now.
  bool held_back() const;
  void end(observe::Text why);

  EngineTable& table_;
  const std::string sid_;
  const std::uint64_t number_;
  EngineCarrier* carrier_ = nullptr;
  std::unique_ptr<Polling> polling_;
  // Deadlines are absolute, each derived from the one before and not from when a timer happened to run.
  reactor::Clock::time_point ping_at_{};
  reactor::Clock::time_point pong_by_{};
  bool open_ = true;
  bool awaits_pong_ = false;
  bool extended_ = false;  // for a packet that came in place of the pong
  reactor::Timer timer_;
  std::unique_ptr<EngineHandler> handler_;
};

}  // namespace pillard::transport
