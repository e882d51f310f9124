#pragma once
// What an operator may tune about SSH.
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace pillard::ssh {

struct Options {
  std::chrono::milliseconds connect_timeout{10'000};    // TCP, over all addresses of a name
  std::chrono::milliseconds handshake_timeout{10'000};  // banner and key exchange
  std::chrono::milliseconds banner_timeout{5'000};      // of these, until the node has said that it speaks SSH
  std::chrono::milliseconds login_timeout{20'000};      // authentication; nodes delay the answer to a wrong password
  std::chrono::milliseconds answer_timeout{15'000};     // to a request that sshd answers at once; else the node hangs
  std::chrono::milliseconds close_timeout{5'000};       // for the node to confirm the end of a command
  std::chrono::milliseconds keepalive{10'000};          // of silence, then the node is asked for a sign of life ...
  std::chrono::milliseconds alive_timeout{3'500};       // ... and given up if it stays silent for so much longer
  std::chrono::milliseconds idle_linger{10'000};        // connections live on so long without a user
  std::chrono::milliseconds backoff_first{500};         // before the first reconnect, doubled each time ...
  std::chrono::milliseconds backoff_most{30'000};       // ... up to this; each one is shortened at random by up to half
  unsigned channels_per_connection = 8;                 // sshd's MaxSessions is 10 unless configured
  std::chrono::milliseconds channel_patience{500};      // a command waits so long before a further connection is made
  unsigned connections_per_lane = 4;
  unsigned handshakes_per_reactor = 16;        // at once; the others wait, connect_timeout + handshake_timeout at most
  unsigned handshakes_per_node = 4;            // of these, so that one that hangs leaves places to others
  unsigned verifies_per_reactor = 256;         // at once; further ones are refused as overloaded
  unsigned channels_for_exec = 2;              // a lane, of all its channels: streams never take these
  std::size_t commands_waiting = 256;          // a lane, for a free channel; further ones are refused as overloaded
  std::size_t refusals_remembered = 1024;      // a reactor; the oldest goes first
  std::uint32_t window = 256 * 1024;           // bytes the node may send ahead on a channel
  std::size_t turn_budget = 256 * 1024;        // bytes taken from a connection before others have their turn,
  std::chrono::microseconds turn_time{2'000};  // and how long it may take: what comes in small packets costs more
  std::size_t exec_waste = 64 * 1024 * 1024;   // bytes beyond max_output, then an exec is ended
  std::size_t session_memory = 16 * 1024 * 1024;  // bytes libssh2 may hold for a connection; beyond it is closed
};

}  // namespace pillard::ssh
