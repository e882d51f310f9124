#include "transport/socket_io.h"

#include <algorithm>

#include "transport/random_id.h"

namespace pillard::transport {

namespace sio = wire::socket_io;

void Namespace::accept() {
  joined_ = true;
  home_.connect_deadline_.reset();
  home_.engine_->send(sio::connect(name_, random_id()));
}

void Namespace::refuse(std::string_view message) {
  home_.engine_->send(sio::connect_error(name_, message));
  home_.remove(*this);
}

EngineSession& Namespace::session() noexcept { return *home_.engine_; }

void Namespace::emit(std::string_view event, std::string_view arguments_json,
                     const std::vector<std::string>& attachments) {
  if (joined_) home_.send(sio::event(name_, event, arguments_json, std::nullopt, attachments.size()), attachments);
}

void Namespace::acknowledge(std::uint64_t id, std::string_view items_json,
                            const std::vector<std::string>& attachments) {
  if (joined_) home_.send(sio::ack(name_, id, items_json, attachments.size()), attachments);
}

void Namespace::leave() {
  joined_ = false;
  home_.engine_->send(sio::disconnect(name_));
  auto& engine = *home_.engine_;
  const bool last = home_.namespaces_.size() == 1;
  home_.remove(*this);
  if (last) engine.close("ended by the server");
}

SocketIo::~SocketIo() {
  for (const auto& left : left_) left->handler_.reset();
  for (const auto& left : namespaces_) left->handler_.reset();
}

void SocketIo::opened(EngineSession& session) {
  engine_ = &session;
  await_connect();
}

void SocketIo::await_connect() {
  connect_deadline_ = engine_->reactor().after(engine_->options().connect_timeout,
                                               [this] { engine_->close("no namespace was joined in time"); });
}

void SocketIo::message(std::string_view data) {
  if (assembly_) return engine_->close("a text in place of an attachment");
  auto decoded = sio::decode(data);
  if (const auto* error = std::get_if<sio::Error>(&decoded)) {
    engine_->log().debug("transport", "not a Socket.IO packet",
                         {{"connection", observe::base36(engine_->number())}, {"reason", error->reason}});
    return engine_->close("not a Socket.IO packet");
  }
  const auto& packet = std::get<sio::Packet>(decoded);
  if (packet.attachments == 0) return take(packet, {});
  assembly_ = std::make_unique<Assembly>();
  assembly_->text = data;
  assembly_->missing = packet.attachments;
}

void SocketIo::binary(std::string_view data) {
  if (!assembly_) return engine_->close("a binary message that was not announced");
  // Many attachments are no way around the bound of a message.
  assembly_->bytes += data.size();
  if (assembly_->bytes > engine_->options().max_payload) return engine_->close("attachments that are too large");
  assembly_->attachments.emplace_back(data);
  if (--assembly_->missing > 0) return;
  const auto whole = std::exchange(assembly_, nullptr);
  const auto decoded = sio::decode(whole->text);  // once more: it refers to its text
  take(std::get<sio::Packet>(decoded), whole->attachments);
}

void SocketIo::heartbeat() {
  for (const auto& joined : namespaces_)
    if (joined->joined_) joined->handler_->heartbeat();
}

void SocketIo::carried() {
  for (const auto& joined : namespaces_)
    if (joined->joined_) joined->handler_->carried();
}

void SocketIo::take(const sio::Packet& packet, const std::vector<std::string>& attachments) {
  if (packet.type == sio::Type::kConnect) return connect(packet);
  if (packet.type == sio::Type::kConnectError) return engine_->close("a packet that only a server sends");
  auto* const to = find(packet.nsp);
  if (!to) return engine_->close("a packet for a namespace that was not joined");
  if (packet.type == sio::Type::kDisconnect) {
    to->joined_ = false;
    return remove(*to);
  }
  if (!to->joined_) return engine_->close("an event before the namespace was joined");
  if (packet.type == sio::Type::kEvent || packet.type == sio::Type::kBinaryEvent)
    to->handler_->event(
        {.name = packet.event, .arguments = packet.arguments, .attachments = attachments, .id = packet.id});
  // Acknowledgements are of nothing that we asked for.
}

void SocketIo::connect(const sio::Packet& packet) {
  if (find(packet.nsp)) return engine_->close("a namespace was joined twice");
  if (namespaces_.size() >= kMaxNamespaces) return engine_->send(sio::connect_error(packet.nsp, "Too many namespaces"));
  auto joining = std::make_unique<Namespace>(*this, std::string(packet.nsp));
  joining->handler_ = maker_->make(*joining);
  if (!joining->handler_) return engine_->send(sio::connect_error(packet.nsp, "Invalid namespace"));
  namespaces_.push_back(std::move(joining));
  namespaces_.back()->handler_->open(packet.payload);
}

Namespace* SocketIo::find(std::string_view name) {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(), [&](const auto& one) { return one->name_ == name; });
  return found == namespaces_.end() ? nullptr : found->get();
}

/// Its handler may be the caller: it goes in a later turn.
void SocketIo::remove(Namespace& left) {
  const auto found =
      std::find_if(namespaces_.begin(), namespaces_.end(), [&](const auto& one) { return one.get() == &left; });
  if (found == namespaces_.end()) return;
  left_.push_back(std::move(*found));
  namespaces_.erase(found);
  sweep_ = engine_->reactor().after(std::chrono::milliseconds(0), [this] { left_.clear(); });
}

void SocketIo::send(std::string_view packet, const std::vector<std::string>& attachments) {
  engine_->send(packet);
  for (const auto& attachment : attachments) engine_->send_binary(attachment);
}

}  // namespace pillard::transport
