#pragma once
// Engine.IO v4: a session with heartbeats, carried by a WebSocket.
#include <memory>
#include <string>
#include <string_view>

#include "config.h"
#include "reactor/reactor.h"
#include "transport/websocket.h"
#include "wire/engine_io.h"

namespace pillard::transport {

class EngineSession;

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
};

class EngineSession final : public WsHandler {
 public:
  EngineSession(const config::Engine& options, std::unique_ptr<EngineHandler> handler)
      : options_(options), handler_(std::move(handler)) {}

  /// One text packet, its digit first.
  void send(std::string_view packet) { socket_->send_text(packet); }
  /// A packet that is framed already.
  void send(SharedBatch batch) { socket_->send(std::move(batch)); }
  void send(SharedBatch batch, const Flow& flow) { socket_->send(std::move(batch), flow); }
  void gap(const Flow& flow, std::uint64_t dropped) { socket_->gap(flow, dropped); }
  /// Ends the session. `why` goes to the log.
  void close(observe::Text why, std::uint16_t code = wire::kWsNormal);
  Connection& connection() noexcept { return socket_->connection(); }
  reactor::Reactor& reactor() noexcept { return connection().reactor(); }
  const config::Engine& options() const noexcept { return options_; }

  void opened(WebSocket& socket) override;
  void text(std::string_view message) override;
  void binary(std::string_view message) override { handler_->binary(message); }

 private:
  void schedule_ping();
  void ping();
  void expect_pong(reactor::Clock::time_point deadline);

  const config::Engine& options_;
  WebSocket* socket_ = nullptr;
  // Deadlines are absolute, each derived from the one before and not from when a timer happened to run.
  reactor::Clock::time_point ping_at_{};
  bool awaits_pong_ = false;
  bool extended_ = false;  // for a packet that came in place of the pong
  reactor::Timer timer_;
  std::unique_ptr<EngineHandler> handler_;
};

}  // namespace pillard::transport
