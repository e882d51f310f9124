#include "ssh/metrics.h"

namespace pillard::ssh {

SshMetrics::SshMetrics(observe::Metrics& metrics)
    : connections(metrics.gauge("pillard_ssh_connections", "SSH connections to nodes.")),
      channels(metrics.gauge("pillard_ssh_channels", "Channels on these.")),
      logins_in_flight(metrics.gauge("pillard_ssh_logins_in_flight", "SSH logins under way.")),
      commands_waiting_most(metrics.gauge("pillard_ssh_commands_waiting_most",
                                          "The most commands that ever waited for a channel to one node.")),
      logins(metrics.counter("pillard_ssh_logins_total", "SSH logins that were tried.")),
      login_failures(metrics.counter("pillard_ssh_login_failures_total", "SSH logins that failed.")),
      reconnects(metrics.counter("pillard_ssh_reconnects_total", "Attempts to reach a lost node again.")),
      connections_lost(metrics.counter("pillard_ssh_connections_lost_total", "SSH connections that broke.")),
      commands(metrics.counter("pillard_ssh_commands_total", "Commands run on nodes.")),
      channels_abandoned(
          metrics.counter("pillard_ssh_channels_abandoned_total", "Channels whose end the node did not confirm.")),
      bytes_in(metrics.counter("pillard_ssh_received_bytes_total", "Bytes received from nodes.")),
      bytes_out(metrics.counter("pillard_ssh_sent_bytes_total", "Bytes sent to nodes.")),
      channel_seconds(metrics.histogram("pillard_ssh_channel_seconds", "How long commands waited for a channel.")),
      exec_seconds(metrics.histogram("pillard_ssh_exec_seconds",
                                     "How long commands took, the wait for a channel included; no streams.")) {}

std::shared_ptr<SshMetrics> SshMetrics::alone() {
  struct Alone {
    observe::Metrics registry;
    SshMetrics metrics{registry};
  };
  auto both = std::make_shared<Alone>();
  auto* metrics = &both->metrics;
  return {std::move(both), metrics};
}

void SshMetrics::waiting(std::size_t count) noexcept {
  // Two loops at once may leave the smaller figure: it is raised again soon.
  if (const auto now = static_cast<std::int64_t>(count); now > commands_waiting_most.value())
    commands_waiting_most.set(now);
}

}  // namespace pillard::ssh
