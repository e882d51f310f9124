#pragma once
// TLS on one non-blocking socket.
#include <openssl/ssl.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>

#include "observe/metrics.h"
#include "transport/outbox.h"

namespace pillard::transport {

struct TlsMetrics {
  explicit TlsMetrics(observe::Metrics& metrics);
  observe::Counter& tls12;  // handshakes
  observe::Counter& tls13;
  observe::Counter& plain;  // failures
  observe::Counter& refused;
  observe::Counter& unfinished;
};

/// [any] What whoever speaks plain HTTP to a port of TLS gets: the whole answer.
std::string plain_http_answer();

/// [lane] Moves with its connection from one reactor to another.
class TlsStream {
 public:
  enum class State {
    kData,
    kWait,       // for the socket: see read_wants_write()
    kEnd,        // the client has ended its side
    kPlainHttp,  // no TLS but HTTP; nothing of it was read
    kBroken,     // what it sends is no TLS, or none that is spoken here; the client has been told by an alert
  };
  struct Got {
    State state;
    std::size_t size = 0;
  };

  /// `fd` stays the caller's.
  TlsStream(SSL_CTX& context, int fd, TlsMetrics& metrics);
  TlsStream(const TlsStream&) = delete;
  ~TlsStream();

  /// Shakes hands first. One record at most a call.
  Got read(std::span<char> into);
  /// Takes bytes as long as none are waiting, one record at most. What was taken is begun and will be sent: `taken`
  /// says how much.
  Sink::Result write(std::span<const iovec> parts, std::size_t& taken);
  /// Sends what was taken and waits.
  Sink::Result flush();
  std::size_t waiting() const noexcept { return waiting_.size(); }
  /// Says that nothing more comes, as far as the socket takes it at once.
  void shutdown();

  /// Reading goes on when the socket can be written to, and the other way round.
  bool read_wants_write() const noexcept { return read_wants_write_; }
  bool write_wants_read() const noexcept { return write_wants_read_; }
  /// Whether hands are shaken: until then a read may cost a signature.
  bool established() const noexcept { return established_; }

 private:
  struct Close {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  friend struct TlsSocket;
  State shake_hands();
  State outcome(int result);
  Sink::Result send(std::span<const char> bytes, std::size_t& sent);

  const int fd_;
  TlsMetrics& metrics_;
  std::unique_ptr<SSL, Close> ssl_;
  std::string waiting_;        // taken, and not sent yet
  std::size_t allowance_ = 0;  // bytes that OpenSSL may still take from the socket in this call
  bool started_ = false;
  bool established_ = false;
  bool counted_ = false;  // among the failures
  bool broken_ = false;
  bool over_ = false;  // the socket has nothing more to read
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
};

}  // namespace pillard::transport
