#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <Poco/Net/IPAddress.h>
#include <Poco/Net/SocketAddress.h>

#include "pillard/function.h"
#include "reactor/reactor.h"
#include "reactor/workers.h"
#include "session/result.h"
#include "ssh/egress.h"

namespace pillard::ssh {

using Addresses = std::vector<Poco::Net::SocketAddress>;

/// A look-up under way. Destroyed or reset, its callback never runs. Belongs to the lane that asked.
class Lookup {
 public:
  struct State;
  Lookup() = default;
  explicit Lookup(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Lookup(Lookup&&) noexcept = default;
  Lookup& operator=(Lookup&& other) noexcept;
  ~Lookup() { reset(); }
  void reset() noexcept;

 private:
  std::shared_ptr<State> state_;
};

/// From a node's name to the addresses that may be connected to. Names are looked up on `workers`, which must be gone
/// before the reactors are. All who want to know the same name at a time, on whatever reactor, share one look-up; one
/// that nobody waits for any more when its turn comes is not made.
class Resolver {
 public:
  struct Options {
    std::chrono::milliseconds deadline{5'000};  // a look-up that takes longer is answered with kTimeout
    /// What asks DNS, on a worker's thread: every address of the name, best first.
    std::function<Result<std::vector<Poco::Net::IPAddress>>(const std::string& host)> ask = ask_system;
  };
  Resolver(reactor::Workers& workers, Egress egress, Options options);
  Resolver(reactor::Workers& workers, Egress egress) : Resolver(workers, std::move(egress), Options{}) {}

  /// [lane] of `home`: calls `done` there once, never from inside this call, with at least one address in the order to
  /// try, or: kDisconnected (not in DNS, or DNS is away), kTimeout, kOverloaded (too many look-ups wait), kAccessDenied
  /// (no address of it may be connected to; if only some may not they are left out). `host` is as validate() leaves it.
  [[nodiscard]] Lookup resolve(reactor::Reactor& home, std::string host, std::uint16_t port,
                               Function<void(Result<Addresses>)> done);

  /// [any] getaddrinfo: /etc/hosts, DNS, what else the machine is set up for. Blocks.
  static Result<std::vector<Poco::Net::IPAddress>> ask_system(const std::string& host);

 private:
  struct Table;

  reactor::Workers& workers_;
  const Egress egress_;
  const Options options_;
  const std::shared_ptr<Table> table_;
};

}  // namespace pillard::ssh
