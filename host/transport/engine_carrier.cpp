#include "transport/engine_carrier.h"

#include "transport/polling.h"

namespace pillard::transport {

namespace eio = wire::engine_io;

EngineCarrier::EngineCarrier(EngineSession* session, Stage stage)
    : session_(session), stage_(session ? stage : Stage::kIdle) {
  if (stage_ == Stage::kFirst) session_->carry_by(*this);
  if (stage_ == Stage::kOffered) session_->polling()->offer(*this);
}

EngineCarrier::~EngineCarrier() {
  if (!session_) return;
  socket_ = nullptr;  // it is going
  if (session_->carrier() == this) {
    session_->part();
  } else if (auto* polling = session_->polling(); polling && polling->offered() == this) {
    polling->withdraw();
  }
}

void EngineCarrier::opened(WebSocket& socket) {
  socket_ = &socket;
  if (stage_ == Stage::kIdle) return socket.close(wire::kWsNormal, {});
  if (stage_ != Stage::kFirst) return;
  stage_ = Stage::kActive;
  std::string packet;
  eio::append_packet(packet, eio::Type::kOpen, session_->handshake());
  session_->send(packet);
  session_->start();
}

void EngineCarrier::text(std::string_view message) {
  if (stage_ == Stage::kIdle) return;
  if (stage_ != Stage::kActive) return upgrade(message);
  const auto packet = eio::decode(message);
  if (!packet) return session_->close("not an Engine.IO packet");
  session_->packet(*packet);
}

void EngineCarrier::binary(std::string_view message) {
  if (stage_ == Stage::kIdle) return;
  if (stage_ != Stage::kActive) return upgrade({});
  session_->packet({.type = eio::Type::kMessage, .binary = true, .data = message});
}

/// Anything but the two words of an upgrade ends this socket; the session goes on being polled.
void EngineCarrier::upgrade(std::string_view message) {
  auto& polling = *session_->polling();
  if (stage_ == Stage::kOffered && message == "2probe") {
    stage_ = Stage::kProbed;
    socket_->send_text("3probe");
    polling.probed();
  } else if (stage_ == Stage::kProbed && message == "5" && !polling.holds_back()) {  // or it would overtake the POST
    stage_ = Stage::kActive;
    session_->carry_by(*this);
  } else {
    polling.withdraw();
  }
}

void EngineCarrier::leave(std::uint16_t code) {
  stage_ = Stage::kIdle;
  if (socket_) socket_->close(code, {});
}

}  // namespace pillard::transport
