#pragma once
// A client that knows nothing: it sends bytes as it is told and shows what came back. Blocking, with deadlines.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pillard::test {

class RawClient {
 public:
  RawClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : RawClient() {
    if (receive_buffer) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    connect(port);
  }
  /// By a unix socket.
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << "errno " << errno;
  }
  void connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << "errno " << errno;
  }
  /// Takes over a socket.
  static RawClient over(int fd) { return RawClient(Taken{fd}); }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), got_(std::move(other.got_)), tls_(std::move(other.tls_)) {}
  ~RawClient() { leave(); }

  /// Speaks TLS from here on; false if there is no agreement. `most`: the newest version that is offered, `alpn`: the
  /// protocols, each behind its size.
  bool secure(int most = 0, const std::string& alpn = "\x08http/1.1") {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_security_level(context.get(), 0);  // or it would not even offer what is too old
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), most);
    tls_.reset(SSL_new(context.get()), SSL_free);
    SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
    // A BIO of its own would be needed to keep a server that has left from ending the test by a signal.
    ::signal(SIGPIPE, SIG_IGN);
    SSL_set_fd(tls_.get(), fd_);
    return SSL_connect(tls_.get()) == 1;
  }
  int version() const { return SSL_version(tls_.get()); }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  /// Whom the server's certificate names.
  std::string shown_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(tls_.get()), X509_free);
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, sizeof name);
    return name;
  }
  /// Whether the server has said that nothing more comes.
  bool told_end() const { return (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

  void send(std::string_view bytes) {
    while (tls_ && !bytes.empty()) {
      const auto sent = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the other side has closed; the test will see it
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// What has arrived and was not taken, when there are `count` bytes of it; fewer at the end or after the deadline.
  const std::string& wait(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (got_.size() < count && receive(deadline)) {
    }
    return got_;
  }
  std::string take(std::size_t count) {
    wait(count);
    auto taken = got_.substr(0, count);
    got_.erase(0, count);
    return taken;
  }
  /// Through the end of the next `mark`; empty if it did not come.
  std::string take_through(std::string_view mark) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    auto found = got_.find(mark);
    while (found == std::string::npos && receive(deadline)) found = got_.find(mark);
    return found == std::string::npos ? std::string() : take(found + mark.size());
  }
  /// Everything up to the end of the connection; says so if there was none.
  std::string take_all(std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (receive(deadline)) {
    }
    if (!ended_) return "still open behind: " + got_;
    return std::exchange(got_, {});
  }
  bool ends(std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    wait(got_.max_size(), limit);
    return ended_;
  }
  bool reset() const { return reset_; }
  /// Its own port.
  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
  }
  /// Ends its own side only.
  void finish() { ::shutdown(fd_, SHUT_WR); }
  void leave() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Leaves so that the other side sees an error.
  void slam() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    leave();
  }

  struct Answer {
    int status = 0;
    std::string head;
    std::string body;
    bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
  };
  /// One HTTP answer. `body`: whether one follows the head (not so for HEAD).
  Answer answer(bool body = true) {
    Answer all;
    all.head = take_through("\r\n\r\n");
    if (all.head.size() < 12) return all;
    all.status = std::stoi(all.head.substr(9, 3));
    const auto length = all.head.find("Content-Length: ");
    if (body && length != std::string::npos) all.body = take(std::stoul(all.head.substr(length + 16)));
    return all;
  }

 private:
  bool receive(std::chrono::steady_clock::time_point deadline) {
    if (ended_) return false;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waited{.fd = fd_, .events = POLLIN, .revents = 0};
    const bool pending = tls_ && SSL_pending(tls_.get()) > 0;
    if (!pending && (left <= 0 || ::poll(&waited, 1, static_cast<int>(left)) <= 0)) return false;
    char bytes[65536];
    const auto count = tls_ ? SSL_read(tls_.get(), bytes, sizeof bytes) : ::recv(fd_, bytes, sizeof bytes, 0);
    if (count > 0) {
      got_.append(bytes, static_cast<std::size_t>(count));
      return true;
    }
    reset_ = count < 0 && !tls_;
    ended_ = true;
    return false;
  }

  struct Taken {
    int fd;
  };
  explicit RawClient(Taken taken) : fd_(taken.fd) {}

  int fd_;
  std::string got_;
  std::shared_ptr<SSL> tls_;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace pillard::test
