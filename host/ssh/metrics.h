#pragma once
// What is counted of SSH.
#include <memory>

#include "observe/metrics.h"

namespace pillard::ssh {

/// [any] References to what the registry holds, which must live longer than this.
struct SshMetrics {
  explicit SshMetrics(observe::Metrics& metrics);
  /// With a registry of its own, where nobody asks for /metrics.
  static std::shared_ptr<SshMetrics> alone();

  observe::Gauge& connections;
  observe::Gauge& channels;
  observe::Gauge& logins_in_flight;
  observe::Gauge& commands_waiting_most;  // of one lane, ever

  observe::Counter& logins;          // attempts that got as far as a socket
  observe::Counter& login_failures;  // of any kind
  observe::Counter& reconnects;      // attempts a lane made by itself
  observe::Counter& connections_lost;
  observe::Counter& commands;
  observe::Counter& channels_abandoned;  // the node did not confirm their end
  observe::Counter& bytes_in;            // from and to the sockets, encrypted
  observe::Counter& bytes_out;

  observe::Histogram& channel_seconds;  // from a command's call to its channel
  observe::Histogram& exec_seconds;     // from an exec's call to its Exit, whatever that says; no streams

  /// So many commands of a lane wait now.
  void waiting(std::size_t count) noexcept;
};

}  // namespace pillard::ssh
