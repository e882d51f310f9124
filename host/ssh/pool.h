#pragma once
// All SSH connections of the daemon: one lane a node and credential, spread over the reactors.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pillard/function.h"
#include "pillard/problem.h"
#include "reactor/reactor.h"
#include "reactor/workers.h"
#include "session/credential.h"
#include "ssh/host_keys.h"
#include "ssh/lane.h"
#include "ssh/metrics.h"
#include "ssh/options.h"
#include "ssh/resolver.h"

namespace pillard::ssh {

/// To be destroyed before its reactors but after their loops have ended (or before they start), on any thread.
/// Uses and Operations that are left then do nothing any more.
class Pool {
 public:
  /// `workers` (options.threads: authentications at once, 16 at most) must be destroyed before `host_keys` and the
  /// reactors; the Pool and the workers may go in either order. Egress rules are the resolver's.
  /// `log` may be null; it hears of nodes that come and go. `metrics` may be null, too.
  Pool(reactor::Reactors& reactors, reactor::Workers& workers, Resolver& resolver, HostKeys& host_keys, Options options,
       observe::Log* log = nullptr, observe::Metrics* metrics = nullptr);
  Pool(const Pool&) = delete;
  ~Pool();

  /// [any] Where the lane of this key lives, always the same one.
  reactor::Reactor& reactor_of(const std::string& lane_key);

  /// [lane] of reactor_of(lane_key(credential)): finds or makes the lane. Valid until this turn ends, or as long as
  /// there is a Use. `credential` is as validate() leaves it.
  Lane& lane(const session::Credential& credential);

  /// [any] Logs in afresh, never through a connection that is there, and calls `done` once on `home` with why it
  /// failed, or nothing. A success makes the lane forget that its credential was refused, and becomes its connection if
  /// it has none. Whether the one who asked is still there is for `done` to find out; when the reactors end it is
  /// destroyed unrun.
  void verify(session::Credential credential, reactor::Reactor& home, Function<void(std::optional<Error>)> done);

  /// [lane] of reactor_of(lane_key): nobody may use this credential any more, for its session was ended. If there is no
  /// Use of its lane its connections are closed now instead of after options.idle_linger, also the one that a verify()
  /// left; otherwise with the last Use, unless another one is made before.
  void release(const std::string& lane_key);

  /// [any]
  const SshMetrics& metrics() const noexcept { return *metrics_; }

 private:
  class Shard;
  Shard& shard_of(const std::string& lane_key);

  const Options options_;
  const std::shared_ptr<SshMetrics> metrics_;
  std::vector<std::shared_ptr<Shard>> shards_;  // one a reactor
};

}  // namespace pillard::ssh
