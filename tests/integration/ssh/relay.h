#pragma once
// A network between the daemon and the machine that a test can spoil.
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <thread>

#include "session/credential.h"
#include "ssh/socket.h"

namespace pillard::test {

/// Passes what comes to 127.0.0.1:port() on to a machine, and back. Functions may be called from the test's thread.
class Relay {
 public:
  explicit Relay(session::Credential to);
  ~Relay();

  /// The machine's, through this.
  session::Credential credential() const;
  /// From now on nothing passes, though everything is still acknowledged: so do hosts that hang, and dead gateways.
  void stall() { stalled_ = true; }
  void resume() { stalled_ = false; }
  /// The next bytes from the machine arrive damaged.
  void corrupt() { corrupt_ = true; }
  /// Connections end, and new ones are refused until open().
  void shut() { shut_ = true; }
  void open() { shut_ = false; }

 private:
  struct Pair {
    ssh::Fd client;
    ssh::Fd machine;
  };
  void run();
  void listen(std::uint16_t port);
  void accept();
  bool pass(const ssh::Fd& from, const ssh::Fd& to, bool damage);

  const session::Credential to_;
  std::uint16_t port_ = 0;
  ssh::Fd listener_;
  std::list<Pair> pairs_;
  std::atomic<bool> stalled_{false};
  std::atomic<bool> corrupt_{false};
  std::atomic<bool> shut_{false};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace pillard::test
