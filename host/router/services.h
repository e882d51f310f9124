#pragma once
// What the router uses of the floors below: made by the daemon, handed down once.
#include "fanout/hub.h"
#include "loader/registry.h"
#include "observe/health.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "session/limiter.h"
#include "session/store.h"
#include "ssh/pool.h"

namespace pillard::router {

/// All outlive the router.
struct Services {
  reactor::Reactors& reactors;
  session::Store& store;
  session::LoginLimiter& limiter;
  ssh::Pool& pool;
  fanout::Hub& hub;
  const loader::Registry& registry;
  observe::Log& log;
  observe::Metrics& metrics;
  observe::Health& health;
  /// A session that is in use is renewed so often at most.
  std::chrono::seconds touch_every{60};
  /// Streams that one client may listen to.
  std::size_t max_subscriptions{256};
};

}  // namespace pillard::router
