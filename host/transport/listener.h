#pragma once
// Accepts connections on one reactor and gives each to the one with the fewest.
#include <memory>
#include <vector>

#include "config.h"
#include "observe/ids.h"
#include "observe/log.h"
#include "transport/connection.h"
#include "transport/http.h"

namespace pillard::transport {

class Listener final : private reactor::Watcher {
 public:
  /// Binds and listens at once; connections wait until start(). Throws std::system_error naming the address.
  Listener(const config::Endpoint& endpoint, std::vector<Connections*> homes, Site& site, observe::Ids& ids,
           observe::Log& log, TransportMetrics& metrics, std::size_t max_connections);
  Listener(const Listener&) = delete;
  ~Listener();

  /// Accepts on `reactor` from now on; stop() ends that. [lane of it, or while it does not run]
  void start(reactor::Reactor& reactor);
  void stop();
  /// The address, with the port that was bound.
  config::Endpoint endpoint() const;

 private:
  void ready(std::uint32_t events) override;
  bool accept_one();
  void rest();

  const config::Endpoint asked_;
  const std::vector<Connections*> homes_;
  Site& site_;
  observe::Ids& ids_;
  observe::Log& log_;
  TransportMetrics& metrics_;
  const std::size_t max_connections_;
  observe::Throttle throttle_{std::chrono::seconds(10)};
  int fd_ = -1;
  reactor::Reactor* reactor_ = nullptr;
  reactor::Watch watch_;
  reactor::Timer resting_;
};

}  // namespace pillard::transport
