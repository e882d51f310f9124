#pragma once
// What the public listener serves: Socket.IO, JSON at /ws, calls and streams by HTTP, the REST calls, health.
#include <string>

#include "config.h"
#include "router/client.h"
#include "router/openapi.h"
#include "router/rest.h"
#include "transport/address_budgets.h"
#include "transport/engine_server.h"
#include "transport/http.h"
#include "transport/origin.h"
#include "wire/forwarded.h"

namespace pillard::transport {

/// [any] once made; its requests run on their connections' reactors. Outlives all topics: they use its encoders.
class PublicSite final : public Site {
 public:
  PublicSite(const config::Settings& settings, const router::Services& services, router::Sockets& sockets)
      : settings_(settings),
        origins_(settings.server),
        rest_(services, settings.session.ttl, settings.server.base),
        openapi_(services.registry, settings.server.base),
        log_(services.log),
        too_many_from_one_(observe::LimitsReached(services.metrics).connections_per_address),
        proxies_(settings.server.trusted_proxies, settings.server.forwarded == config::Forwarding::kForwarded
                                                      ? wire::TrustedProxies::By::kForwarded
                                                      : wire::TrustedProxies::By::kXForwarded),
        addresses_(settings.limits.connections_per_address),
        sockets_(sockets),
        budgets_(settings.limits.messages_per_second, settings.limits.messages_burst),
        compression_(settings.websocket, services.metrics),
        engine_(
            settings.engine, services.reactors.size(), settings.limits.connections_per_address,
            [this, &sockets](const wire::HttpRequest& request, std::uint64_t) { return speak(sockets, request); },
            &compression_) {}

  std::optional<AddressLimit::Place> enter(const wire::Address& peer) override;
  std::optional<wire::HttpResponse> admit(Connection& connection, wire::HttpRequest& request) override;
  void answered(Connection& connection) override;
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) override;
  Connections* home(const Connection& connection, const wire::HttpRequest& request) override;
  std::uint64_t body_limit(const Connection& connection, const wire::HttpRequest& request) override;
  Admission visit(Connection& connection, const wire::HttpRequest& request) override;
  wire::HttpResponse refusal(const wire::HttpRequest& request, const wire::HttpError& error) override;
  Taken take_over(Connection& connection, const wire::HttpRequest& request) override;
  void dress(const wire::HttpRequest& request, wire::HttpResponse& response) override;
  void handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) override;
  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request) override;
  /// Ends the sessions that no connection carries. [main], after the reactors have been joined
  void stop() { engine_.stop(); }

 private:
  bool strip_base(wire::HttpRequest& request) const;
  std::optional<wire::HttpResponse> refuse_page(const wire::HttpRequest& request);
  bool is_engine(const wire::HttpRequest& request) const;
  bool is_native(const wire::HttpRequest& request) const;
  std::unique_ptr<EngineHandler> speak(router::Sockets& sockets, const wire::HttpRequest& request) const;
  wire::HttpResponse preflight(const wire::HttpRequest& request) const;

  const config::Settings& settings_;
  const OriginPolicy origins_;
  router::Rest rest_;
  router::OpenApi openapi_;
  observe::Log& log_;
  observe::Counter& too_many_from_one_;
  const wire::TrustedProxies proxies_;
  AddressLimit addresses_;
  router::Sockets& sockets_;
  AddressBudgets budgets_;  // of calls and streams by HTTP
  Compression compression_;
  EngineServer engine_;
  observe::Throttle throttle_{std::chrono::seconds(10)};  // of what strangers can make us say
};

/// What the admin listener serves: /metrics, /plugins and health.
class AdminSite final : public Site {
 public:
  /// `plugins`: what is told of them, as JSON; asked on the admin loop.
  AdminSite(const router::Services& services, Function<std::string()> plugins)
      : services_(services), plugins_(std::move(plugins)) {}
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) override;
  void handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) override;
  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request) override;

 private:
  const router::Services services_;
  Function<std::string()> plugins_;
};

}  // namespace pillard::transport
