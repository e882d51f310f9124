#pragma once
// The certificate that clients are shown, and TLS for each of their connections.
#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "config.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "transport/address_limit.h"
#include "transport/tls_stream.h"

namespace pillard::transport {

/// A certificate with its key, ready for handshakes.
struct TlsIdentity {
  std::shared_ptr<SSL_CTX> context;
  std::chrono::sys_seconds expires;
  std::vector<std::string> warnings;  // for the operator
};

/// Why there is none: the key of the configuration that is to blame, and words with the file's name.
struct TlsMistake {
  std::string key;
  std::string message;
};

/// [any] Reads and checks both files: PEM, the certificate first and those of its issuers behind it.
std::variant<TlsIdentity, TlsMistake> read_identity(const config::Tls& files);

/// The TLS of the public listeners.
class Tls {
 public:
  /// Throws std::runtime_error in the words of read_identity().
  Tls(const config::Tls& files, observe::Log& log, observe::Metrics& metrics);
  Tls(const Tls&) = delete;

  /// [any] Reads both files again, for the connections that come from now on. What cannot be used is logged, and the
  /// old certificate stays: then false.
  bool reload();
  /// [any] For a socket that was accepted. Outlives neither this object nor the socket.
  std::unique_ptr<TlsStream> accept(int fd);
  /// [any] To be told why it is refused a client needs a handshake first: so many of one address get one.
  AddressLimit& refusals() noexcept { return refusals_; }

 private:
  void take(TlsIdentity identity);

  const config::Tls files_;
  observe::Log& log_;
  TlsMetrics metrics_;
  observe::Counter& reloads_;
  observe::Counter& reload_failures_;
  observe::Gauge& expiry_;
  AddressLimit refusals_{8};
  std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;  // guarded by mutex_; of connections that stand it lives on with them
};

}  // namespace pillard::transport
