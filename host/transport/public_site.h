#pragma once
// What the public listener serves: Socket.IO, the REST calls, health.
#include <string>

#include "config.h"
#include "router/client.h"
#include "router/rest.h"
#include "transport/http.h"
#include "transport/origin.h"

namespace pillard::transport {

/// [any] once made; its requests run on their connections' reactors.
class PublicSite final : public Site {
 public:
  PublicSite(const config::Settings& settings, const router::Services& services, router::Sockets& sockets)
      : settings_(settings),
        origins_(settings.server),
        rest_(services, settings.session.ttl),
        sockets_(sockets),
        log_(services.log) {}

  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) override;
  void handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) override;
  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request) override;

 private:
  bool is_socket_path(std::string_view path) const;
  std::optional<wire::HttpResponse> engine_error(const wire::HttpRequest& request) const;
  wire::HttpResponse preflight(const wire::HttpRequest& request) const;

  const config::Settings& settings_;
  const OriginPolicy origins_;
  router::Rest rest_;
  router::Sockets& sockets_;
  observe::Log& log_;
  observe::Throttle throttle_{std::chrono::seconds(10)};  // of what strangers can make us say
};

/// What the admin listener serves: /metrics and health.
class AdminSite final : public Site {
 public:
  explicit AdminSite(const router::Services& services) : services_(services) {}
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) override;
  void handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) override;
  std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request) override;

 private:
  const router::Services services_;
};

}  // namespace pillard::transport
