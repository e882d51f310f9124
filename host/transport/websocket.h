#pragma once
// RFC 6455 on a connection, after the upgrade, and RFC 7692 if that was agreed.
#include <memory>
#include <string>
#include <string_view>

#include "transport/compression.h"
#include "transport/connection.h"
#include "transport/message_budget.h"
#include "wire/ws_frame.h"

namespace pillard::transport {

class WebSocket;

/// What is spoken inside the WebSocket. [lane] None of the calls may destroy the WebSocket.
class WsHandler {
 public:
  virtual ~WsHandler() = default;
  /// The socket stands; the first frames may be sent.
  virtual void opened(WebSocket& socket) = 0;
  virtual void text(std::string_view message) = 0;
  virtual void binary(std::string_view message) = 0;
  /// The client answered a ping, or sent a pong unasked.
  virtual void pong() {}
  /// See Protocol.
  virtual void lost(const Flow&, std::uint64_t) {}
};

/// What was agreed with a client, and what compresses for it.
struct WsCompression {
  Compression& by;
  wire::WsDeflate agreed;
};

/// Frames, control frames and the closing handshake.
class WebSocket final : public Protocol {
 public:
  WebSocket(Connection& connection, wire::WsLimits limits, std::unique_ptr<WsHandler> handler,
            std::optional<WsCompression> compression = std::nullopt);

  /// [lane] What writes as `plain` does, in the form in which frames are shared with others like this.
  const fanout::Encoder& encoder(const fanout::Encoder& plain) const;
  /// [lane] Whole frames as encoded by wire/ or by encoder().
  void send(SharedBatch batch);
  void send(SharedBatch batch, const Flow& flow);
  void gap(const Flow& flow, std::uint64_t dropped);
  void send_text(std::string_view payload) { send_frame(wire::WsOpcode::kText, payload); }
  void send_binary(std::string_view payload) { send_frame(wire::WsOpcode::kBinary, payload); }
  void ping() { send_frame(wire::WsOpcode::kPing, {}); }
  /// Starts the closing handshake: what was sent before still arrives, nothing after does.
  void close(std::uint16_t code, std::string_view reason);
  bool open() const noexcept { return !closing_ && connection_.open(); }
  Connection& connection() noexcept { return connection_; }

  std::size_t consume(std::span<char> input) override;
  void input_ended() override;
  void going_away() override { close(wire::kWsGoingAway, "the server ends"); }
  void not_reading(observe::Text why) override;
  void lost(const Flow& flow, std::uint64_t events) override { handler_->lost(flow, events); }

 private:
  /// Whether frames are compressed when they are queued; else, if at all, when they leave.
  bool shares() const noexcept { return compression_ && compression_->agreed.server_no_context_takeover; }
  void open_up();
  void send_frame(wire::WsOpcode opcode, std::string_view payload);
  void handle(const wire::WsEvent& event);
  bool charge(std::size_t bytes);
  void end(std::uint16_t code, observe::Text why);

  Connection& connection_;
  const std::optional<WsCompression> compression_;
  wire::WsDecoder decoder_;
  MessageBudget budget_;
  bool opened_ = false;
  bool closing_ = false;        // our close frame is out
  std::size_t unfinished_ = 0;  // bytes of a message, or of fragments, that were not charged yet
  reactor::Timer deadline_;
  reactor::Timer release_;
  std::unique_ptr<WsHandler> handler_;  // last: it uses all of the above
};

}  // namespace pillard::transport
