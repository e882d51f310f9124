#include "transport/engine.h"

#include "transport/random_id.h"

namespace pillard::transport {

using Type = wire::engine_io::Type;

void EngineSession::opened(WebSocket& socket) {
  socket_ = &socket;
  std::string packet;
  wire::engine_io::append_packet(
      packet, Type::kOpen,
      wire::engine_io::handshake_json({.sid = random_id(),
                                       .upgrade_to_websocket = false,
                                       .ping_interval = options_.ping_interval.count(),
                                       .ping_timeout = options_.ping_timeout.count(),
                                       .max_payload = static_cast<std::int64_t>(options_.max_payload)}));
  send(packet);
  ping_at_ = reactor().now() + options_.ping_interval;
  schedule_ping();
  handler_->opened(*this);
}

void EngineSession::schedule_ping() {
  timer_ = reactor().at(ping_at_, [this] { ping(); });
}

void EngineSession::ping() {
  static const auto kPing = [] {
    std::string frame;
    wire::append_ws_frame(frame, wire::WsOpcode::kText, "2");
    return fanout::single(std::move(frame));
  }();
  send(kPing);
  awaits_pong_ = true;
  extended_ = false;
  expect_pong(ping_at_ + options_.ping_timeout);
}

void EngineSession::expect_pong(reactor::Clock::time_point deadline) {
  timer_ = reactor().at(deadline, [this] {
    // A pong may be among what is not read just now.
    if (!connection().reads()) return expect_pong(reactor().now() + std::chrono::seconds(1));
    close("no answer to a heartbeat");
  });
}

void EngineSession::text(std::string_view message) {
  const auto packet = wire::engine_io::decode(message);
  if (!packet) return close("not an Engine.IO packet");
  if (packet->type != Type::kPong && awaits_pong_ && !std::exchange(extended_, true))
    expect_pong(reactor().now() + options_.ping_timeout);
  switch (packet->type) {
    case Type::kMessage: return handler_->message(packet->data);
    case Type::kPong:
      if (!std::exchange(awaits_pong_, false)) return;
      ping_at_ = std::max(ping_at_ + options_.ping_interval, reactor().now());
      schedule_ping();
      return handler_->heartbeat();
    case Type::kClose: return close("closed by the client");
    case Type::kNoop: return;
    case Type::kOpen:
    case Type::kPing:
    case Type::kUpgrade: return close("a packet that only a server sends, or only while upgrading");
  }
}

void EngineSession::close(observe::Text why, std::uint16_t code) {
  timer_.reset();
  if (!socket_ || !socket_->open()) return;
  connection().home().log().debug("transport", "session closed",
                                  {{"connection", observe::base36(connection().id())}, {"why", why.view()}});
  socket_->close(code, {});
}

}  // namespace pillard::transport
