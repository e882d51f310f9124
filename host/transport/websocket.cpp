#include "transport/websocket.h"

namespace pillard::transport {

namespace {
constexpr std::chrono::seconds kCloseTimeout{5};  // for the client to answer our close frame
}

WebSocket::WebSocket(Connection& connection, wire::WsLimits limits, std::unique_ptr<WsHandler> handler,
                     std::optional<WsCompression> compression)
    : connection_(connection),
      compression_(compression),
      decoder_(limits, compression ? std::optional(compression->agreed) : std::nullopt),
      budget_(connection.home().limits().messages_per_second, connection.home().limits().messages_burst),
      handler_(std::move(handler)) {
  // Behind the answer to the upgrade, which is queued by now or in this turn.
  deadline_ = connection_.reactor().after(std::chrono::milliseconds(0), [this] { open_up(); });
}

void WebSocket::open_up() {
  if (std::exchange(opened_, true)) return;
  if (compression_ && !shares())
    connection_.filter([&](Sink& socket, std::size_t ahead) {
      return compression_->by.filter(socket, ahead, compression_->agreed.server_max_window_bits);
    });
  handler_->opened(*this);
}

const fanout::Encoder& WebSocket::encoder(const fanout::Encoder& plain) const {
  return shares() ? compression_->by.encoder(plain, compression_->agreed.server_max_window_bits) : plain;
}

void WebSocket::send(SharedBatch batch) {
  if (!closing_) connection_.send(std::move(batch));
}

void WebSocket::send(SharedBatch batch, const Flow& flow) {
  if (!closing_) connection_.send(std::move(batch), flow);
}

void WebSocket::gap(const Flow& flow, std::uint64_t dropped) {
  if (!closing_) connection_.gap(flow, dropped);
}

void WebSocket::send_frame(wire::WsOpcode opcode, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 10);
  if (shares()) {
    compression_->by.append_frame(frame, opcode, payload, compression_->agreed.server_max_window_bits);
  } else {
    wire::append_ws_frame(frame, opcode, payload);
  }
  send(fanout::single(std::move(frame)));
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
  if (closing_ || !connection_.open()) return;
  std::string frame;
  wire::append_ws_close(frame, code, reason);
  closing_ = true;
  connection_.send(std::move(frame));
  deadline_ = connection_.reactor().after(kCloseTimeout, [this] { connection_.finish(); });
}

std::size_t WebSocket::consume(std::span<char> input) {
  open_up();
  auto rest = input;
  while (connection_.open()) {
    const auto before = rest.size();
    const auto event = decoder_.next(rest);
    // Nor are messages that are small only until they are inflated.
    const auto bytes = std::max(before - rest.size(), event.compressed ? event.payload.size() : 0);
    if (event.kind == wire::WsEvent::Kind::kNone) {
      unfinished_ += bytes;
      // Fragments are no way around the budget.
      if (unfinished_ >= MessageBudget::kBytes && !charge(std::exchange(unfinished_, 0))) return input.size();
      break;
    }
    unfinished_ = 0;
    handle(event);
    if (event.kind == wire::WsEvent::Kind::kClose || event.kind == wire::WsEvent::Kind::kError) return input.size();
    if (!charge(bytes)) return input.size();
    if (release_.pending()) return input.size() - rest.size();  // the rest is offered again
  }
  return input.size();
}

/// One that sends too much is read more slowly, and closed if that does not help: then false.
bool WebSocket::charge(std::size_t bytes) {
  auto& metrics = connection_.home().metrics();
  metrics.messages.add();
  const auto now = connection_.reactor().now();
  const auto pause = budget_.charge(now, bytes);
  if (pause <= reactor::Clock::duration::zero() || !connection_.open()) return true;
  metrics.throttled.add();
  metrics.limits.messages_per_second.add();
  if (budget_.flooded(now)) {
    metrics.floods.add();
    end(wire::kWsPolicy, "too many messages");
    return false;
  }
  connection_.hold();
  release_ = connection_.reactor().at(now + pause, [this] { connection_.release(); });
  return true;
}

void WebSocket::not_reading(observe::Text why) {
  connection_.discard();
  if (closing_) return connection_.abort(why);
  end(wire::kWsPolicy, why);
}

void WebSocket::end(std::uint16_t code, observe::Text why) {
  connection_.home().log().info("transport", "client closed",
                                {{"connection", observe::base36(connection_.id())}, {"why", why.view()}});
  close(code, why.view());
  connection_.finish();
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
    case Kind::kPing: send_frame(wire::WsOpcode::kPong, event.payload); break;
    case Kind::kClose:
      close(event.code, {});
      connection_.finish();
      break;
    case Kind::kError:
      close(event.code, event.payload);
      connection_.finish();
      break;
    case Kind::kPong:
      if (!closing_) handler_->pong();
      break;
    case Kind::kNone: break;
  }
}

void WebSocket::input_ended() { connection_.abort("client left without a close frame"); }

}  // namespace pillard::transport
