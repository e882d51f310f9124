#pragma once
// The native door: JSON over a plain WebSocket, for clients that need no Socket.IO.
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "config.h"
#include "router/client.h"
#include "transport/valve.h"
#include "transport/websocket.h"
#include "wire/native_json.h"

namespace pillard::transport {

/// How this door writes events: lists of them, where the stream has a name for such.
const fanout::Encoder& native_encoder();

/// One client of the router. [lane]
class NativeDoor final : public WsHandler, public router::Door {
 public:
  /// `token`: what the upgrade brought, or empty. `client`: whose address it came from.
  NativeDoor(router::Sockets& sockets, const config::Engine& options, std::string token, std::string client)
      : sockets_(sockets), options_(options), token_(std::move(token)), address_(std::move(client)) {}
  ~NativeDoor() override { *self_ = nullptr; }

  void opened(WebSocket& socket) override;
  void text(std::string_view message) override;
  void binary(std::string_view message) override;
  void pong() override;
  void lost(const Flow& flow, std::uint64_t events) override;

 private:
  class Way;
  // router::Door
  const fanout::Encoder& encoder() const override { return socket_->encoder(native_encoder()); }
  void send(const SharedBatch& batch, const Flow& flow) override;
  void gap(const Flow& flow, std::uint64_t dropped) override;
  void forget(const Flow& flow, bool deliver) override;
  void emit(std::string_view event, std::string_view arguments_json) override;
  void problem(const Flow& flow, const Error& error, bool ended, const std::string& json) override;
  void close(std::string_view reason) override;
  std::uint64_t connection() const override { return socket_->connection().id(); }
  std::string client() const override { return address_; }

  void take(wire::native::Message message);
  void authenticate(const wire::native::Message& message);
  void grant(const wire::native::Message& message);
  void answer(const wire::native::Message& message, const router::Outcome& outcome);
  void subscribed(const Flow& flow, std::optional<std::int64_t> credit);
  void heard();
  void beat();
  void expect_pong(std::chrono::milliseconds timeout);
  void end(std::string_view why);
  std::size_t held_at_most() const;
  reactor::Reactor& reactor() { return socket_->connection().reactor(); }

  router::Sockets& sockets_;
  const config::Engine& options_;
  std::string token_;
  const std::string address_;
  WebSocket* socket_ = nullptr;
  reactor::Timer deadline_;  // to authenticate
  reactor::Timer heartbeat_;
  bool awaits_pong_ = false;
  reactor::Timer refunded_;  // valves have credit back
  std::map<std::string, const Flow*, std::less<>> topics_;
  std::map<const Flow*, Valve> valves_;  // of subscriptions with credit
  std::shared_ptr<NativeDoor*> self_ = std::make_shared<NativeDoor*>(this);
  std::unique_ptr<router::Client> client_;  // last: its end needs all of the above
};

}  // namespace pillard::transport
