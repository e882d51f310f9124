#pragma once
// Socket.IO v5 inside an Engine.IO session: the door of dashboards that were written for the old server.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "router/client.h"
#include "transport/engine.h"
#include "wire/socket_io.h"

namespace pillard::transport {

/// Serves the namespace "/". [lane]
class SocketIoDoor final : public EngineHandler, public router::Door {
 public:
  /// `cookie_token`: what the handshake's cookie held, or empty.
  SocketIoDoor(router::Sockets& sockets, std::string cookie_token, std::uint64_t connection = 0)
      : sockets_(sockets), cookie_token_(std::move(cookie_token)), connection_(connection) {}
  ~SocketIoDoor() override { *self_ = nullptr; }

  void opened(EngineSession& session) override;
  void message(std::string_view data) override;
  void binary(std::string_view data) override;
  void heartbeat() override;

 private:
  enum class State { kAbsent, kConnecting, kConnected };

  // router::Door
  const fanout::Encoder& encoder() const override;
  void send(const SharedBatch& batch, const Flow& flow) override;
  void gap(const Flow& flow, std::uint64_t dropped) override;
  void forget(const Flow& flow, bool deliver) override;
  void emit(std::string_view event, std::string_view arguments_json) override;
  void close(std::string_view reason) override;
  std::uint64_t connection() const override { return connection_; }

  void connect(const wire::socket_io::Packet& packet);
  void event(const wire::socket_io::Packet& packet);
  void disconnect();

  router::Sockets& sockets_;
  const std::string cookie_token_;
  const std::uint64_t connection_;  // its number in the log
  EngineSession* engine_ = nullptr;
  State state_ = State::kAbsent;
  reactor::Timer connect_deadline_;
  std::unique_ptr<router::Client> client_;
  std::shared_ptr<SocketIoDoor*> self_ = std::make_shared<SocketIoDoor*>(this);
};

}  // namespace pillard::transport
