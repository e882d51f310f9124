#pragma once
// From a credential to an authenticated transport: name, address, handshake, host key, password, pin.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "observe/log.h"
#include "reactor/reactor.h"
#include "reactor/workers.h"
#include "session/credential.h"
#include "ssh/host_keys.h"
#include "ssh/options.h"
#include "ssh/private_key.h"
#include "ssh/resolver.h"
#include "ssh/socket.h"
#include "ssh/transport.h"

namespace pillard::ssh {

/// Lets so many in at once, and so many of them to one node; the others wait in order. [lane]
class Gate {
 public:
  enum class Rank { kFirst, kOrdinary };  // all of the first before the others
  class Guest {
   public:
    /// It is inside from here on.
    virtual void admitted() = 0;

   protected:
    ~Guest() = default;
  };
  explicit Gate(unsigned places, unsigned places_per_node) : places_(places), places_per_node_(places_per_node) {}
  /// Calls admitted(), at once or later.
  void enter(Guest& guest, std::string node, Rank rank);
  /// It is inside or waiting no longer. May admit the next one.
  void leave(Guest& guest);

 private:
  struct Visit {
    Guest* guest;
    std::string node;
    Rank rank;
  };
  using Visits = std::vector<Visit>;
  void admit();
  bool has_place(const Visit& visit) const;

  const unsigned places_;
  const unsigned places_per_node_;
  Visits waiting_;
  Visits inside_;
};

/// What logins on one reactor share. The referred ones outlive all workers' jobs.
struct LoginMeans {
  reactor::Reactor& reactor;
  reactor::Workers& workers;  // for authentication and the known_hosts file
  Resolver& resolver;
  HostKeys& host_keys;
  const Options& options;
  std::shared_ptr<SshMetrics> metrics;
  Gate handshakes;
  observe::Log* log = nullptr;  // none if null
};

/// One attempt. Destroyed, its callback never runs, and everything it holds goes: now, or, while a worker has the
/// transport, when that job is done. What was refused is not tried again in any other way. A key goes first; the
/// password follows only if the node took the key and asks for more, or takes no keys. [lane]
class Login final : private reactor::Watcher, private Gate::Guest {
 public:
  /// Either a transport that is logged in, the node's host key checked before the password was sent and pinned after it
  /// was taken, or why not: kUnauthenticated (user name, password, key or passphrase), kBadRequest (inspect_key()),
  /// kConflict (host key), kAccessDenied (egress rules), kUnsupported (no common algorithms, the kind of key), or a
  /// passing one, which it also is when something that is no SSH server answers. Never called from inside the
  /// constructor.
  using Done = Function<void(Result<std::unique_ptr<Transport>>)>;
  Login(LoginMeans& means, std::shared_ptr<const session::Credential> credential, Gate::Rank rank, Done done);
  Login(const Login&) = delete;
  ~Login();

 private:
  struct Home;  // how a job finds the way back
  struct Job;
  using Work = void (*)(Job&);
  using Then = void (Login::*)(Job&);

  void resolved(Result<Addresses> addresses);
  void connected(Fd fd);
  void typed(Job& job);
  void admitted() override;
  void ready(std::uint32_t events) override;
  void shake_hands();
  void key_checked(Job& job);
  void list_methods();
  void choose();
  void key_opened(Job& job);
  void authenticate();
  void answered(Job& job);
  void pinned(Job& job);

  void give_to_worker(Work work, Then then);
  void wait_for_node();
  void limit(std::chrono::milliseconds time, const char* what);
  void late(const char* what);
  void finish(Result<std::unique_ptr<Transport>> result);
  void refuse(const Error& error) { finish(error); }
  Error refusal(const Job& job);
  Error nothing_fits();
  Error key_refused();

  LoginMeans& means_;
  const std::shared_ptr<const session::Credential> credential_;
  const Gate::Rank rank_;
  Done done_;
  const std::string where_;
  std::shared_ptr<Home> home_;
  std::unique_ptr<Transport> transport_;  // null while a worker has it
  std::unique_ptr<PrivateKey> key_;       // so too
  Work step_ = nullptr;                   // of authentication, repeated until the node has answered
  std::string methods_;                   // of authentication, as the node listed them
  bool key_tried_ = false;                // and proved, but it was not enough
  bool shaken_ = false;
  bool at_gate_ = false;
  Lookup lookup_;
  std::optional<Connector> connector_;
  reactor::Watch watch_;
  reactor::Timer timer_;
};

}  // namespace pillard::ssh
