#pragma once
// A client that knows nothing: it sends bytes as it is told and shows what came back. Blocking, with deadlines.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
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
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), got_(std::move(other.got_)) {}
  ~RawClient() { leave(); }

  void send(std::string_view bytes) {
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
    if (left <= 0 || ::poll(&waited, 1, static_cast<int>(left)) <= 0) return false;
    char bytes[65536];
    const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count > 0) {
      got_.append(bytes, static_cast<std::size_t>(count));
      return true;
    }
    reset_ = count < 0;
    ended_ = true;
    return false;
  }

  int fd_;
  std::string got_;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace pillard::test
