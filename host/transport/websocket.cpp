#include "transport/websocket.h"

namespace pillard::transport {

namespace {
constexpr std::chrono::seconds kCloseTimeout{5};  // for the client to answer our close frame
}

WebSocket::WebSocket(Connection& connection, wire::WsLimits limits, std::unique_ptr<WsHandler> handler)
    : connection_(connection), decoder_(limits), handler_(std::move(handler)) {
  // Behind the answer to the upgrade, which is queued by now or in this turn.
  deadline_ = connection_.reactor().after(std::chrono::milliseconds(0), [this] {
    if (!std::exchange(opened_, true)) handler_->opened(*this);
  });
}

void WebSocket::send(Frame frame) {
  if (!closing_) connection_.send(std::move(frame));
}

void WebSocket::send_text(std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 10);
  wire::append_ws_frame(frame, wire::WsOpcode::kText, payload);
  send(std::make_shared<const std::string>(std::move(frame)));
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
  if (closing_ || !connection_.open()) return;
  std::string frame;
  wire::append_ws_close(frame, code, reason);
  connection_.send(std::move(frame));
  closing_ = true;
  deadline_ = connection_.reactor().after(kCloseTimeout, [this] { connection_.finish(); });
}

std::size_t WebSocket::consume(std::span<char> input) {
  if (!std::exchange(opened_, true)) handler_->opened(*this);
  auto rest = input;
  while (connection_.open()) {
    const auto event = decoder_.next(rest);
    if (event.kind == wire::WsEvent::Kind::kNone) break;
    handle(event);
    if (event.kind == wire::WsEvent::Kind::kClose || event.kind == wire::WsEvent::Kind::kError) break;
  }
  return input.size();
}

void WebSocket::handle(const wire::WsEvent& event) {
  using Kind = wire::WsEvent::Kind;
  switch (event.kind) {
    case Kind::kText:
      if (!closing_) handler_->text(event.payload);
      break;
    case Kind::kBinary:
      if (!closing_) handler_->binary(event.payload);
      break;
    case Kind::kPing: {
      std::string frame;
      wire::append_ws_frame(frame, wire::WsOpcode::kPong, event.payload);
      send(std::make_shared<const std::string>(std::move(frame)));
      break;
    }
    case Kind::kClose:
      close(event.code, {});
      connection_.finish();
      break;
    case Kind::kError:
      close(event.code, event.payload);
      connection_.finish();
      break;
    case Kind::kPong:
    case Kind::kNone: break;
  }
}

void WebSocket::input_ended() { connection_.abort("client left without a close frame"); }

}  // namespace pillard::transport
