#pragma once
// How often each limit of [limits] was reached; its key is the label.
#include "observe/metrics.h"

namespace pillard::observe {

/// [any] Made anywhere, it counts in the same place.
struct LimitsReached {
  explicit LimitsReached(Metrics& metrics)
      : connections(of(metrics, "connections")),
        connections_per_address(of(metrics, "connections_per_address")),
        head_bytes(of(metrics, "head_bytes")),
        head_timeout(of(metrics, "head_timeout")),
        idle_timeout(of(metrics, "idle_timeout")),
        body_bytes(of(metrics, "body_bytes")),
        outbox_bytes(of(metrics, "outbox_bytes")),
        stall_timeout(of(metrics, "stall_timeout")),
        messages_per_second(of(metrics, "messages_per_second")),
        subscriptions(of(metrics, "subscriptions")) {}

  Counter& connections;
  Counter& connections_per_address;
  Counter& head_bytes;
  Counter& head_timeout;
  Counter& idle_timeout;
  Counter& body_bytes;
  Counter& outbox_bytes;
  Counter& stall_timeout;
  Counter& messages_per_second;
  Counter& subscriptions;

 private:
  static Counter& of(Metrics& metrics, const char* limit) {
    return metrics.counter("pillard_limit_reached_total", "Times that a client came to a limit.", {{"limit", limit}});
  }
};

}  // namespace pillard::observe
