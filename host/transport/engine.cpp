#include "transport/engine.h"

#include "transport/engine_server.h"
#include "transport/polling.h"

namespace pillard::transport {

using Type = wire::engine_io::Type;

namespace {
constexpr std::chrono::seconds kLastWord{30};  // that a session has ended is kept for the next poll

SharedBatch framed(wire::WsOpcode opcode, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 10);
  wire::append_ws_frame(frame, opcode, payload);
  return fanout::single(std::move(frame));
}
}  // namespace

EngineSession::EngineSession(EngineTable& table, std::string sid, std::uint64_t number,
                             std::unique_ptr<EngineHandler> handler)
    : table_(table), sid_(std::move(sid)), number_(number), handler_(std::move(handler)) {}

EngineSession::~EngineSession() {
  open_ = false;
  handler_.reset();  // takes its leave of what carries it
  if (carrier_) carrier_->part();
}

reactor::Reactor& EngineSession::reactor() noexcept { return table_.reactor(); }
observe::Log& EngineSession::log() noexcept { return table_.home()->log(); }
const config::Engine& EngineSession::options() const noexcept { return table_.options(); }

std::string EngineSession::handshake() const {
  return wire::engine_io::handshake_json({.sid = sid_,
                                          .upgrade_to_websocket = polling_ != nullptr,
                                          .ping_interval = options().ping_interval.count(),
                                          .ping_timeout = options().ping_timeout.count(),
                                          .max_payload = static_cast<std::int64_t>(options().max_payload)});
}

void EngineSession::start() {
  ping_at_ = reactor().now() + options().ping_interval;
  schedule_ping();
  handler_->opened(*this);
}

void EngineSession::send(std::string_view packet) {
  if (!open_) return;
  if (polling_) return polling_->send(framed(wire::WsOpcode::kText, packet));
  if (carrier_) carrier_->socket().send_text(packet);
}

void EngineSession::send_binary(std::string_view bytes) {
  if (!open_) return;
  if (polling_) return polling_->send(framed(wire::WsOpcode::kBinary, bytes));
  if (carrier_) carrier_->socket().send_binary(bytes);
}

const fanout::Encoder& EngineSession::encoder(const fanout::Encoder& plain) const {
  return !polling_ && carrier_ && carrier_->stands() ? carrier_->socket().encoder(plain) : plain;
}

void EngineSession::send(SharedBatch batch) {
  if (!open_) return;
  if (polling_) return polling_->send(std::move(batch));
  if (carrier_) carrier_->socket().send(std::move(batch));
}

void EngineSession::send(SharedBatch batch, const Flow& flow) {
  if (!open_) return;
  if (polling_) return polling_->send(std::move(batch), flow);
  if (carrier_) carrier_->socket().send(std::move(batch), flow);
}

void EngineSession::gap(const Flow& flow, std::uint64_t dropped) {
  if (!open_) return;
  if (polling_) return polling_->gap(flow, dropped);
  if (carrier_) carrier_->socket().gap(flow, dropped);
}

void EngineSession::forget(const Flow& flow, bool deliver) {
  if (polling_) polling_->outbox().forget(flow, deliver);
  if (carrier_ && carrier_->stands()) carrier_->socket().connection().forget(flow, deliver);
}

void EngineSession::schedule_ping() {
  timer_ = reactor().at(ping_at_, [this] { ping(); });
}

void EngineSession::ping() {
  static const auto kPing = framed(wire::WsOpcode::kText, "2");
  awaits_pong_ = true;
  extended_ = false;
  expect_pong(ping_at_ + options().ping_timeout);
  send(kPing);
}

void EngineSession::expect_pong(reactor::Clock::time_point deadline) {
  pong_by_ = deadline;
  timer_ = reactor().at(deadline, [this] {
    // A pong may be among what is not read just now.
    if (held_back()) return expect_pong(reactor().now() + std::chrono::seconds(1));
    lost("no answer to a heartbeat");
  });
}

bool EngineSession::held_back() const {
  return carrier_ ? !carrier_->socket().connection().reads() : polling_ && polling_->holds_back();
}

bool EngineSession::overdue() {
  if (!open_ || !awaits_pong_ || reactor().now() < pong_by_ || carrier_ || held_back()) return false;
  lost("no answer to a heartbeat");
  return true;
}

void EngineSession::packet(const wire::engine_io::Packet& packet) {
  if (!open_) return;
  if (packet.type != Type::kPong && awaits_pong_ && !std::exchange(extended_, true))
    expect_pong(reactor().now() + options().ping_timeout);
  switch (packet.type) {
    case Type::kMessage: return packet.binary ? handler_->binary(packet.data) : handler_->message(packet.data);
    case Type::kPong:
      if (!std::exchange(awaits_pong_, false)) return;
      ping_at_ = std::max(ping_at_ + options().ping_interval, reactor().now());
      schedule_ping();
      return handler_->heartbeat();
    case Type::kClose:
      end("closed by the client");
      if (polling_) polling_->end(Type::kNoop);
      if (carrier_) carrier_->leave(wire::kWsNormal);
      return table_.remove(*this);
    case Type::kNoop: return;
    case Type::kOpen:
    case Type::kPing:
    case Type::kUpgrade: return close("a packet that only a server sends, or only while upgrading");
  }
}

void EngineSession::poll(AddressLimit::Place place) {
  polling_ = std::make_unique<Polling>(table_, *this, std::move(place));
  ++table_.polled;
}

void EngineSession::carry_by(EngineCarrier& carrier) {
  carrier_ = &carrier;
  if (const auto polling = std::exchange(polling_, nullptr)) {
    --table_.polled;
    auto waiting = std::exchange(polling->outbox(), {});
    polling->taken_over();
    carrier.socket().connection().send(std::move(waiting));
    handler_->carried();
  }
}

void EngineSession::end(observe::Text why) {
  open_ = false;
  timer_.reset();
  log().debug("transport", "session closed", {{"connection", observe::base36(number_)}, {"why", why.view()}});
}

void EngineSession::close(observe::Text why, std::uint16_t code) {
  if (!open_) return;
  end(why);
  if (carrier_) carrier_->leave(code);
  if (polling_) {
    polling_->end(Type::kClose);
    if (polling_->owes()) {
      timer_ = reactor().after(kLastWord, [this] { table_.remove(*this); });
      reactor().post([gone = std::move(handler_)] {});
      return;
    }
  }
  table_.remove(*this);
}

void EngineSession::lost(observe::Text why) {
  if (!open_) return;
  end(why);
  if (carrier_) carrier_->leave(wire::kWsNormal);
  if (polling_) polling_->end(Type::kClose);
  table_.remove(*this);
}

void EngineSession::part() {
  carrier_ = nullptr;
  lost("the client left");
}

}  // namespace pillard::transport
