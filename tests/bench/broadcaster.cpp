// The limit of what one thread can do: a bare epoll loop that writes the same frames to every WebSocket, without
// queues, subscriptions or a protocol behind the handshake.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "address.h"
#include "arguments.h"
#include "clock.h"
#include "descriptor.h"

namespace pillard::bench {
namespace {

constexpr std::string_view kUsage = R"(bare-broadcaster [OPTION VALUE..]

  --listen HOST:PORT        127.0.0.1:0; port 0 is any, which is printed: listening PORT
  --rate LINES_PER_SECOND   1
  --burst LINES             lines of one tick, which comes every BURST/RATE seconds; 1

Ends with stdin or at SIGTERM, and says then on stderr what it did.
)";

struct Options {
  std::string listen = "127.0.0.1:0";
  std::uint32_t rate = 1;   // lines/s for each connection
  std::uint32_t burst = 1;  // lines a tick
};

Options read_options(std::span<char*> words) {
  Options options;
  Arguments arguments(words);
  while (arguments.next()) {
    if (arguments.name() == "--listen") {
      options.listen = arguments.text();
    } else if (arguments.name() == "--rate") {
      options.rate = arguments.number(1, 1'000'000);
    } else if (arguments.name() == "--burst") {
      options.burst = arguments.number(1, 10'000);
    } else {
      arguments.refuse();
    }
  }
  return options;
}

std::string accept_key(std::string_view key) {
  const auto text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("no SHA-1");
  std::array<unsigned char, 64> base64{};
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(length)};
}

/// The frames of one tick, one a line: 197 bytes each.
class Frames {
 public:
  explicit Frames(std::uint32_t count) {
    constexpr std::size_t kLine = 150;
    const std::string start = R"(42["log_data",{"service":"node","line":")";
    auto line = fmt::format("seq={:012} t={:019} ", 0, 0);
    line.resize(kLine, 'x');
    const auto payload = start + line + R"("}])";
    static_assert(kLine < 65536 - 126);
    std::string frame = {'\x81', '\x7e', static_cast<char>(payload.size() >> 8U), static_cast<char>(payload.size())};
    offset_ = frame.size() + start.size();
    frame += payload;
    size_ = frame.size();
    for (std::uint32_t i = 0; i < count; ++i) bytes_ += frame;
  }

  /// The next lines, written now.
  const std::string& next() {
    const auto now = wall_ns();
    for (std::size_t at = offset_; at < bytes_.size(); at += size_)
      fmt::format_to_n(bytes_.data() + at, 12 + 19 + 7, "seq={:012} t={:019}", ++sequence_, now);
    return bytes_;
  }

  std::size_t frame_size() const noexcept { return size_; }

 private:
  std::string bytes_;
  std::size_t offset_ = 0;  // of the line in its frame
  std::size_t size_ = 0;    // of a frame
  std::uint64_t sequence_ = 0;
};

struct Peer {
  Descriptor socket;
  bool open = false;      // 101 was sent
  std::string head = {};  // of the request, until it is open
  std::string cut = {};   // the rest of a frame of which the socket took only a part
};

class Broadcaster {
 public:
  explicit Broadcaster(const Options& options)
      : frames_(options.burst), burst_(options.burst), epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    listen(options.listen);
    watch(STDIN_FILENO, "stdin, which must be a pipe or a terminal");

    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    check(::sigprocmask(SIG_BLOCK, &stop, nullptr), "sigprocmask");
    signal_.reset(check(::signalfd(-1, &stop, SFD_CLOEXEC), "signalfd"));
    watch(signal_.get(), "signalfd");

    timer_.reset(check(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create"));
    const auto period = std::uint64_t{1'000'000'000} * options.burst / options.rate;
    const timespec every{.tv_sec = static_cast<time_t>(period / 1'000'000'000),
                         .tv_nsec = static_cast<long>(period % 1'000'000'000)};
    const itimerspec times{.it_interval = every, .it_value = every};
    check(::timerfd_settime(timer_.get(), 0, &times, nullptr), "timerfd_settime");
    watch(timer_.get(), "timerfd");
  }

  void run() {
    std::array<epoll_event, 256> events{};
    while (!done_) {
      const int count =
          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), behind_ > 0 ? 0 : -1);
      if (count < 0 && errno != EINTR) check(count, "epoll_wait");
      for (int i = 0; i < count; ++i) turn(events[static_cast<std::size_t>(i)].data.fd);
      if (behind_ > 0) {
        --behind_;
        tick();
      }
    }
    fmt::print(stderr, "{} ticks, {} frames sent, {} dropped, at most {} ticks late, {:.3f} s of CPU\n", ticks_, sent_,
               dropped_, latest_, static_cast<double>(cpu_ns()) / 1e9);
  }

 private:
  void listen(const std::string& where) {
    const auto address = resolve(where);
    listener_ = open_socket(address);
    const int on = 1;
    check(::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
    check(::bind(listener_.get(), address.get(), address.size), "binding " + where);
    check(::listen(listener_.get(), 4096), "listen");
    watch(listener_.get(), "the listener");
    fmt::print("listening {}\n", bound_port(listener_.get()));
    std::fflush(stdout);
  }

  void watch(int fd, const std::string& what) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), what);
  }

  void turn(int fd) {
    if (fd == timer_.get()) {
      std::uint64_t expired = 0;
      if (::read(fd, &expired, sizeof(expired)) == sizeof(expired)) behind_ += expired;
      latest_ = std::max(latest_, behind_ > 0 ? behind_ - 1 : 0);
    } else if (fd == listener_.get()) {
      accept_all();
    } else if (fd == signal_.get()) {
      done_ = true;
    } else if (fd == STDIN_FILENO) {
      done_ = ::read(fd, scratch_.data(), scratch_.size()) <= 0;
    } else {
      take(fd);
    }
  }

  void accept_all() {
    for (;;) {
      Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
        check(-1, "accept4");
      }
      const int fd = socket.get();
      watch(fd, "a connection");
      peers_.push_back(Peer{.socket = std::move(socket)});
      const auto needed = static_cast<std::size_t>(fd) + 1;
      if (place_.size() < needed) place_.resize(needed);
      place_[static_cast<std::size_t>(fd)] = peers_.size() - 1;
    }
  }

  void take(int fd) {
    auto& peer = peers_[place_[static_cast<std::size_t>(fd)]];
    const auto got = ::recv(fd, scratch_.data(), scratch_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return remove(fd);
    if (peer.open) return;
    peer.head.append(scratch_.data(), static_cast<std::size_t>(got));
    if (peer.head.find("\r\n\r\n") == std::string::npos) return;
    if (!upgrade(peer)) remove(fd);
  }

  static bool upgrade(Peer& peer) {
    constexpr std::string_view kName = "\r\nSec-WebSocket-Key: ";
    const auto at = peer.head.find(kName);
    if (at == std::string::npos) return false;
    const auto begin = at + kName.size();
    const auto key = peer.head.substr(begin, peer.head.find("\r\n", begin) - begin);
    const auto answer = fmt::format(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key));
    peer.head = std::string();
    peer.open = true;
    return ::send(peer.socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(answer.size());
  }

  void remove(int fd) {
    const auto at = place_[static_cast<std::size_t>(fd)];
    if (at + 1 < peers_.size()) {
      peers_[at] = std::move(peers_.back());
      place_[static_cast<std::size_t>(peers_[at].socket.get())] = at;
    }
    peers_.pop_back();
  }

  void tick() {
    const auto& bytes = frames_.next();
    ++ticks_;
    for (auto& peer : peers_) {
      if (!peer.open) continue;
      if (!peer.cut.empty() && !finish_cut(peer)) {
        dropped_ += burst_;
        continue;
      }
      write(peer, bytes);
    }
  }

  void write(Peer& peer, const std::string& bytes) {
    // A broken connection is removed when it is read.
    const auto wrote = std::max<ssize_t>(0, ::send(peer.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    const auto whole = static_cast<std::size_t>(wrote) / frames_.frame_size();
    const auto part = static_cast<std::size_t>(wrote) % frames_.frame_size();
    const std::size_t begun = whole + (part > 0 ? 1 : 0);
    sent_ += begun;
    dropped_ += burst_ - begun;
    if (part > 0) peer.cut = bytes.substr(static_cast<std::size_t>(wrote), frames_.frame_size() - part);
  }

  static bool finish_cut(Peer& peer) {
    const auto wrote = ::send(peer.socket.get(), peer.cut.data(), peer.cut.size(), MSG_NOSIGNAL);
    if (wrote > 0) peer.cut.erase(0, static_cast<std::size_t>(wrote));
    return peer.cut.empty();
  }

  Frames frames_;
  const std::uint32_t burst_;
  Descriptor epoll_;
  Descriptor listener_;
  Descriptor signal_;
  Descriptor timer_;
  std::vector<Peer> peers_;         // dense, for the tick
  std::vector<std::size_t> place_;  // in peers_, by descriptor
  std::array<char, 64 * 1024> scratch_{};
  std::uint64_t behind_ = 0;  // ticks that are due
  std::uint64_t latest_ = 0;
  std::uint64_t ticks_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
  bool done_ = false;
};

}  // namespace
}  // namespace pillard::bench

int main(int argc, char** argv) {
  using namespace pillard::bench;
  try {
    const auto options = read_options({argv + 1, argv + argc});
    allow_many_sockets();
    std::make_unique<Broadcaster>(options)->run();
    return 0;
  } catch (const UsageError& error) {
    fmt::print(stderr, "bare-broadcaster: {}\n\n{}", error.what(), kUsage);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bare-broadcaster: {}\n", error.what());
  }
  return 1;
}
