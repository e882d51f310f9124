#include "transport/socket_io_door.h"

#include "pillard/fields.h"
#include "transport/random_id.h"

namespace pillard::transport {

namespace sio = wire::socket_io;

namespace {
constexpr std::string_view kRoot = "/";

class RootEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, std::string_view event, std::string_view json) const override {
    sio::append_event_frame(out, kRoot, event, json);
  }
};

/// `token` of the CONNECT packet's auth object, if it has one that is a string.
std::string token_of(std::string_view auth) {
  if (auth.empty()) return {};
  json::Reader reader(auth);
  std::string token;
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    if (*key == "token" && reader.peek() == json::Kind::kString) {
      token = reader.read_string();
    } else {
      reader.read_raw();
    }
  }
  return token;
}
}  // namespace

void SocketIoDoor::opened(EngineSession& session) {
  engine_ = &session;
  connect_deadline_ = session.reactor().after(session.options().connect_timeout, [this] {
    if (state_ != State::kConnected) engine_->close("no namespace was joined in time");
  });
}

void SocketIoDoor::message(std::string_view data) {
  auto decoded = sio::decode(data);
  if (const auto* error = std::get_if<sio::Error>(&decoded)) {
    engine_->connection().home().log().debug(
        "transport", "not a Socket.IO packet",
        {{"connection", observe::base36(engine_->connection().id())}, {"reason", error->reason}});
    return engine_->close("not a Socket.IO packet");
  }
  const auto& packet = std::get<sio::Packet>(decoded);
  if (packet.nsp != kRoot) {
    if (packet.type != sio::Type::kConnect) return engine_->close("a packet for a namespace that was not joined");
    return engine_->send(sio::connect_error(packet.nsp, "Invalid namespace"));
  }
  switch (packet.type) {
    case sio::Type::kConnect: return connect(packet);
    case sio::Type::kDisconnect: return disconnect();
    case sio::Type::kEvent: return event(packet);
    case sio::Type::kAck:  // of nothing we asked for
      if (state_ != State::kConnected) engine_->close("a packet for a namespace that was not joined");
      return;
    case sio::Type::kConnectError: return engine_->close("a packet that only a server sends");
    case sio::Type::kBinaryEvent:
    case sio::Type::kBinaryAck: return engine_->close("binary events are not supported", wire::kWsUnsupportedData);
  }
}

void SocketIoDoor::binary(std::string_view) { engine_->close("a binary message that was not announced"); }

void SocketIoDoor::heartbeat() {
  if (client_) client_->alive();
}

void SocketIoDoor::connect(const sio::Packet& packet) {
  if (state_ != State::kAbsent) return engine_->close("a namespace was joined twice");
  state_ = State::kConnecting;
  auto token = cookie_token_.empty() ? token_of(packet.payload) : cookie_token_;
  client_ = std::make_unique<router::Client>(sockets_, engine_->reactor(), *this);
  client_->open(std::move(token), [this](std::optional<std::string> refusal) {
    if (refusal) {
      state_ = State::kAbsent;
      engine_->send(sio::connect_error(kRoot, *refusal));
      // The client runs this; it goes when it is through.
      engine_->reactor().post([gone = std::shared_ptr<router::Client>(std::move(client_))] {});
      return;
    }
    state_ = State::kConnected;
    connect_deadline_.reset();
    engine_->send(sio::connect(kRoot, random_id()));
  });
}

void SocketIoDoor::event(const sio::Packet& packet) {
  if (state_ != State::kConnected) return engine_->close("an event before the namespace was joined");
  router::Reply reply;
  if (packet.id)
    reply = [self = self_, id = *packet.id](const std::string& items) {
      if (*self && (*self)->state_ == State::kConnected) (*self)->engine_->send(sio::ack(kRoot, id, items));
    };
  client_->message(packet.event, packet.arguments.empty() ? std::string_view{} : packet.arguments.front(),
                   std::move(reply));
}

void SocketIoDoor::disconnect() {
  if (state_ == State::kAbsent) return engine_->close("a packet for a namespace that was not joined");
  state_ = State::kAbsent;
  client_.reset();
}

const fanout::Encoder& SocketIoDoor::encoder() const {
  static const RootEncoder kEncoder;
  return kEncoder;
}

void SocketIoDoor::send(const SharedBatch& batch, const Flow& flow) { engine_->send(batch, flow); }

void SocketIoDoor::gap(const Flow& flow, std::uint64_t dropped) { engine_->gap(flow, dropped); }

void SocketIoDoor::forget(const Flow& flow, bool deliver) { engine_->connection().forget(flow, deliver); }

void SocketIoDoor::emit(std::string_view event, std::string_view arguments_json) {
  engine_->send(sio::event(kRoot, event, arguments_json));
}

void SocketIoDoor::close(std::string_view) {
  state_ = State::kAbsent;
  engine_->send(sio::disconnect(kRoot));
  engine_->close("ended by the server");
}

}  // namespace pillard::transport
