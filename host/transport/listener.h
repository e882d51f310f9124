#pragma once
// Accepts connections on one reactor and gives each to the one with the fewest.
#include <sys/types.h>

#include <memory>
#include <vector>

#include "config.h"
#include "observe/ids.h"
#include "observe/log.h"
#include "transport/connection.h"
#include "transport/http.h"
#include "transport/tls.h"

namespace pillard::transport {

/// [any] What a client gets that has too many connections already; `as_problem`: in the form of RFC 9457.
wire::HttpResponse too_many_connections(bool as_problem = false);

class Listener final : private reactor::Watcher {
 public:
  struct Options {
    unsigned unix_mode = 0660;  // of a unix socket's file
    Tls* tls = nullptr;         // of an address; null: plain
  };
  /// Binds and listens at once; connections wait until start(). Throws std::system_error naming the address. The file
  /// of a unix socket that nobody listens on any more is replaced.
  Listener(const config::Endpoint& endpoint, std::vector<Connections*> homes, Site& site, observe::Ids& ids,
           observe::Log& log, TransportMetrics& metrics, std::size_t max_connections, Options options);
  Listener(const config::Endpoint& endpoint, std::vector<Connections*> homes, Site& site, observe::Ids& ids,
           observe::Log& log, TransportMetrics& metrics, std::size_t max_connections)
      : Listener(endpoint, std::move(homes), site, ids, log, metrics, max_connections, Options{}) {}
  Listener(const Listener&) = delete;
  ~Listener();

  /// Accepts on `reactor` from now on; stop() ends that. [lane of it, or while it does not run]
  void start(reactor::Reactor& reactor);
  void stop();
  /// The address, with the port that was bound.
  config::Endpoint endpoint() const;

 private:
  void ready(std::uint32_t events) override;
  void listen_on_tcp();
  void listen_on_unix(unsigned mode);
  bool accept_one();
  void hand_over(Connections& home, Arrival arrival, Site& site);
  void refuse(Connections& home, Arrival arrival, int status);
  void rest();
  [[noreturn]] void fail(int error, const std::string& why = {});

  const config::Endpoint asked_;
  const std::vector<Connections*> homes_;
  Site& site_;
  observe::Ids& ids_;
  observe::Log& log_;
  TransportMetrics& metrics_;
  const std::size_t max_connections_;
  Tls* const tls_;
  observe::Throttle throttle_{std::chrono::seconds(10)};
  int fd_ = -1;
  dev_t device_ = 0;  // of a unix socket's file, and its inode: whether it is still ours
  ino_t inode_ = 0;
  reactor::Reactor* reactor_ = nullptr;
  reactor::Watch watch_;
  reactor::Timer resting_;
};

}  // namespace pillard::transport
