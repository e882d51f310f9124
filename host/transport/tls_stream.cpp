#include "transport/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "router/rest.h"

namespace pillard::transport {

namespace {
constexpr std::size_t kRecord = 16 * 1024;  // the most that one holds
constexpr std::size_t kTaken = 64 * 1024;   // from the socket in one call
constexpr auto kFailures = "pillard_tls_handshake_failures_total";
constexpr auto kFailuresHelp =
    "Handshakes that failed: plain HTTP, nothing in common or no TLS, or not finished before the client left.";
constexpr auto kHandshakes = "pillard_tls_handshakes_total";
constexpr auto kHandshakesHelp = "Handshakes that succeeded.";
}  // namespace

TlsMetrics::TlsMetrics(observe::Metrics& metrics)
    : tls12(metrics.counter(kHandshakes, kHandshakesHelp, {{"version", "1.2"}})),
      tls13(metrics.counter(kHandshakes, kHandshakesHelp, {{"version", "1.3"}})),
      plain(metrics.counter(kFailures, kFailuresHelp, {{"reason", "plain_http"}})),
      refused(metrics.counter(kFailures, kFailuresHelp, {{"reason", "refused"}})),
      unfinished(metrics.counter(kFailures, kFailuresHelp, {{"reason", "unfinished"}})) {}

std::string plain_http_answer() {
  auto response = router::error_response(400, "This port speaks TLS only: ask by https:// or wss://.");
  response.keep_alive = false;
  return wire::encode_response(response);
}

/// The socket as OpenSSL sees it. Its own BIO writes without MSG_NOSIGNAL: a client that left would end the process.
struct TlsSocket {
  static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }
  static bool again() { return errno == EAGAIN || errno == EINTR; }

  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    const auto sent = ::send(of(bio).fd_, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && again()) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }
  static int read(BIO* bio, char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    auto& left = of(bio).allowance_;
    if (left == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto got = ::recv(of(bio).fd_, bytes, std::min(left, static_cast<std::size_t>(size)), 0);
    if (got > 0) left -= static_cast<std::size_t>(got);
    if (got < 0 && again()) BIO_set_retry_read(bio);
    if (got == 0) of(bio).over_ = true;
    return static_cast<int>(got);
  }
  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    return command == BIO_CTRL_EOF && of(bio).over_ ? 1 : 0;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = [] {
      auto* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pillard socket");
      if (!made) throw std::bad_alloc();
      BIO_meth_set_write(made, write);
      BIO_meth_set_read(made, read);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }
};

TlsStream::TlsStream(SSL_CTX& context, int fd, TlsMetrics& metrics)
    : fd_(fd), metrics_(metrics), ssl_(SSL_new(&context)) {
  auto* const bio = BIO_new(TlsSocket::method());
  if (!ssl_ || !bio) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() {
  if (!established_ && !counted_) metrics_.unfinished.add();
}

TlsStream::State TlsStream::outcome(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    read_wants_write_ = error == SSL_ERROR_WANT_WRITE;
    return State::kWait;
  }
  if (error == SSL_ERROR_ZERO_RETURN) return State::kEnd;
  broken_ = true;
  return State::kBroken;
}

TlsStream::State TlsStream::shake_hands() {
  if (!started_) {
    char first = 0;
    const auto got = ::recv(fd_, &first, 1, MSG_PEEK);
    if (got < 0) return TlsSocket::again() ? State::kWait : State::kBroken;
    if (got == 0) return State::kEnd;
    started_ = true;
    // A method begins with a letter, and no record of TLS does.
    if (first >= 'A' && first <= 'Z') {
      counted_ = true;
      metrics_.plain.add();
      return State::kPlainHttp;
    }
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_ = true;
    read_wants_write_ = false;
    (SSL_version(ssl_.get()) == TLS1_3_VERSION ? metrics_.tls13 : metrics_.tls12).add();
    return State::kData;
  }
  const auto state = outcome(result);
  if (state == State::kBroken && !over_) {
    counted_ = true;
    metrics_.refused.add();
  }
  return state;
}

TlsStream::Got TlsStream::read(std::span<char> into) {
  if (broken_) return {State::kBroken};
  // OpenSSL reads on through records that bring no data; a client may send nothing else for ever.
  allowance_ = kTaken;
  if (!established_)
    if (const auto state = shake_hands(); state != State::kData) return {state};
  ERR_clear_error();
  std::size_t size = 0;
  read_wants_write_ = false;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &size);
  if (result == 1) return {State::kData, size};
  return {outcome(result)};
}

Sink::Result TlsStream::send(std::span<const char> bytes, std::size_t& sent) {
  sent = 0;
  if (broken_) return Sink::Result::kBroken;
  ERR_clear_error();
  allowance_ = kTaken;
  write_wants_read_ = false;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
  if (result == 1) return Sink::Result::kOk;
  const int error = SSL_get_error(ssl_.get(), result);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
    write_wants_read_ = error == SSL_ERROR_WANT_READ;
    return Sink::Result::kBlocked;
  }
  broken_ = true;
  return Sink::Result::kBroken;
}

Sink::Result TlsStream::flush() {
  while (!waiting_.empty()) {
    std::size_t sent = 0;
    const auto result = send(waiting_, sent);
    if (result != Sink::Result::kOk) return result;
    waiting_.erase(0, sent);
  }
  waiting_.shrink_to_fit();
  return Sink::Result::kOk;
}

/// OpenSSL has encrypted what it could not send, and takes nothing else before the same bytes again: so they are kept
/// here, while what waits in the outbox may still be replaced or dropped.
Sink::Result TlsStream::write(std::span<const iovec> parts, std::size_t& taken) {
  taken = 0;
  if (!waiting_.empty()) return Sink::Result::kBlocked;
  static thread_local std::array<char, kRecord> joined;
  for (const auto& part : parts) {
    const auto size = std::min(part.iov_len, kRecord - taken);
    std::memcpy(joined.data() + taken, part.iov_base, size);
    taken += size;
    if (taken == kRecord) break;
  }
  std::size_t sent = 0;
  const auto result = send({joined.data(), taken}, sent);
  if (result == Sink::Result::kBroken) return result;
  waiting_.assign(joined.data() + sent, taken - sent);
  return Sink::Result::kOk;
}

void TlsStream::shutdown() {
  if (!established_ || broken_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace pillard::transport
