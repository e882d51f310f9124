#pragma once
// The command line of pillard-load.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pillard::bench {

/// How far a connection has come. In their order: a later one includes those before.
enum class Phase : std::uint8_t {
  kNone,           // no connect() yet
  kConnecting,     //
  kUpgrading,      // the request is on its way
  kOpen,           // 101 came
  kConnected,      // Socket.IO: 40{...} came
  kAuthenticated,  // Socket.IO: the event `authenticated` came
};

struct Options {
  std::string connect;              // HOST:PORT
  bool socketio = true;             // else plain WebSocket
  std::string path;                 // the target of the upgrade; never empty once read
  std::string origin;               // empty: no such header
  std::vector<std::string> tokens;  // cookies `ssh_session`, cycled over the connections
  std::uint32_t sources = 1;        // source addresses from 127.0.1.1 on, if the server is in 127.0.0.0/8
  Phase await = Phase::kOpen;       // a connection that came so far is ready
  std::vector<std::string> sends;   // texts that a connection sends once it is ready

  std::uint32_t connections = 1;
  std::uint32_t at_once = 64;  // connections that are not ready yet, at the same time

  bool probe = false;
  std::uint32_t count = 1;         // probes, one after the other
  std::uint32_t pause = 0;         // ms between them
  std::uint32_t timeout = 30'000;  // ms for one
  std::string event;               // Socket.IO event that ends a probe; empty: it ends when it is ready
};

extern const std::string_view kUsage;

/// `words`: what follows the program's name. Throws UsageError.
Options read_options(std::span<char*> words);

}  // namespace pillard::bench
