#pragma once
// The Socket.IO door: namespaces whose events are messages to the router.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/client.h"
#include "transport/socket_io.h"

namespace pillard::transport {

/// One client of the router. [lane]
class SocketIoDoor final : public NamespaceHandler, public router::Door {
 public:
  /// `cookie_token`: what the handshake's cookie held, or empty. `client`: whose address it came from.
  SocketIoDoor(router::Sockets& sockets, Namespace& joining, std::string cookie_token, std::string client)
      : sockets_(sockets), namespace_(joining), cookie_token_(std::move(cookie_token)), address_(std::move(client)) {}
  ~SocketIoDoor() override { *self_ = nullptr; }

  void open(std::string_view auth) override;
  void event(const SocketEvent& event) override;
  void heartbeat() override;
  void carried() override;

 private:
  // router::Door
  const fanout::Encoder& encoder() const override { return namespace_.session().encoder(*encoder_); }
  void send(const SharedBatch& batch, const Flow& flow) override;
  void gap(const Flow& flow, std::uint64_t dropped) override;
  void forget(const Flow& flow, bool deliver) override;
  void emit(std::string_view event, std::string_view arguments_json) override;
  void close(std::string_view reason) override;
  std::uint64_t connection() const override { return namespace_.session().number(); }
  std::string client() const override { return address_; }

  router::Sockets& sockets_;
  Namespace& namespace_;
  const std::string cookie_token_;
  const std::string address_;
  const fanout::Encoder* encoder_ = nullptr;  // of what is not compressed
  std::unique_ptr<router::Client> client_;
  std::shared_ptr<SocketIoDoor*> self_ = std::make_shared<SocketIoDoor*>(this);
};

/// The namespaces of one client: those that the configuration names.
class RouterNamespaces final : public NamespaceMaker {
 public:
  RouterNamespaces(router::Sockets& sockets, const std::vector<std::string>& names, std::string cookie_token,
                   std::string client)
      : sockets_(sockets), names_(names), cookie_token_(std::move(cookie_token)), address_(std::move(client)) {}
  std::unique_ptr<NamespaceHandler> make(Namespace& joining) override;

 private:
  router::Sockets& sockets_;
  const std::vector<std::string>& names_;
  const std::string cookie_token_;
  const std::string address_;
};

}  // namespace pillard::transport
