#include "load/crowd.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "clock.h"

namespace pillard::bench {
namespace {

constexpr std::size_t kScratch = 256 * 1024;  // bytes
constexpr std::uint32_t kStdin = UINT32_MAX;  // no connection has this number

void say(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

Crowd::Crowd(const Options& options)
    : options_(options),
      server_(resolve(options.connect)),
      begun_(steady_ns()),
      epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      scratch_(kScratch),
      tally_(options.connections) {
  seats_.reserve(options.connections);
  epoll_event event{.events = EPOLLIN, .data = {.u32 = kStdin}};
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event), "stdin, which must be a pipe or a terminal");
}

void Crowd::run() {
  std::array<epoll_event, 512> events{};
  while (!done_) {
    admit();
    announce();
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) check(count, "epoll_wait");
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.u32 == kStdin) {
        read_commands();
      } else {
        turn(seats_[event.data.u32], event.events);
      }
    }
  }
}

void Crowd::admit() {
  while (seats_.size() < options_.connections && seats_.size() - ready_ < options_.at_once) {
    auto& seat =
        seats_.emplace_back(Seat{.client = Client(static_cast<std::uint32_t>(seats_.size()), options_, server_)});
    seat.client.connect();
    watch(seat);
  }
}

void Crowd::turn(Seat& seat, std::uint32_t events) {
  auto& client = seat.client;
  if (!client.open()) return;
  if (seat.stalled && (events & ~std::uint32_t{EPOLLOUT}) != 0) return leave(seat);
  try {
    if (client.wants_write()) client.finish_write(*this);
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0) {
      const auto bytes = client.read(scratch_);
      now_ = wall_ns();
      tally_.add_bytes(bytes.size());
      client.take(bytes, *this);
    }
    watch(seat);
  } catch (const Lost&) {
    if (!announced_) throw;
    leave(seat);
  }
}

void Crowd::reached(Client& client) {
  // Phases come one by one, so this one is met exactly once.
  if (client.phase() != options_.await) return;
  ++ready_;
  for (const auto& text : options_.sends) client.send_text(text);
}

void Crowd::message(Client& client, std::string_view payload) { tally_.add_message(client.number(), payload, now_); }

void Crowd::watch(Seat& seat) {
  const std::uint32_t reading = seat.stalled ? EPOLLRDHUP : EPOLLIN;
  const std::uint32_t wanted = reading | (seat.client.wants_write() ? EPOLLOUT : 0U);
  if (wanted == seat.watched) return;
  epoll_event event{.events = wanted, .data = {.u32 = seat.client.number()}};
  const int operation = seat.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  check(::epoll_ctl(epoll_.get(), operation, seat.client.fd(), &event), "epoll_ctl");
  if ((wanted & EPOLLOUT) != 0 && (seat.watched & EPOLLOUT) == 0) ++unsent_;
  if ((wanted & EPOLLOUT) == 0 && (seat.watched & EPOLLOUT) != 0) --unsent_;
  seat.watched = wanted;
}

void Crowd::leave(Seat& seat) {
  if ((seat.watched & EPOLLOUT) != 0) --unsent_;
  seat.client.close();
  tally_.add_closed();
}

void Crowd::announce() {
  if (!announced_) {
    if (ready_ < options_.connections || unsent_ > 0) return;
    announced_ = true;
    tally_.await_flow();
    say(fmt::format(R"({{"event":"connected","connections":{},"seconds":{:.6f}}})", ready_,
                    static_cast<double>(steady_ns() - begun_) / 1e9));
  }
  if (!flowing_ && tally_.flowing()) {
    flowing_ = true;
    say(R"({"event":"flowing"})");
  }
}

void Crowd::read_commands() {
  std::array<char, 4096> bytes{};
  const auto got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) {
    done_ = true;
    return;
  }
  commands_.append(bytes.data(), static_cast<std::size_t>(got));
  for (auto end = commands_.find('\n'); end != std::string::npos && !done_; end = commands_.find('\n')) {
    const auto command = commands_.substr(0, end);
    commands_.erase(0, end + 1);
    obey(command);
  }
}

void Crowd::obey(std::string_view command) {
  if (command == "quit") {
    done_ = true;
  } else if (command == "mark") {
    tally_.mark();
    say(R"({"event":"marked"})");
  } else if (command == "report") {
    say(tally_.report());
  } else if (!announced_ && (command.starts_with("send ") || command.starts_with("stall "))) {
    throw std::runtime_error(fmt::format("command '{}' before all are connected", command));
  } else if (command.starts_with("send ")) {
    send_all(command.substr(5));
  } else if (command.starts_with("stall ")) {
    std::uint32_t count = 0;
    const auto* end = command.data() + command.size();
    const auto [stop, error] = std::from_chars(command.data() + 6, end, count);
    if (error != std::errc() || stop != end || count > seats_.size())
      throw std::runtime_error(fmt::format("command '{}': expected at most {} connections", command, seats_.size()));
    stall(count);
  } else {
    throw std::runtime_error(fmt::format("there is no command '{}'", command));
  }
}

void Crowd::send_all(std::string_view text) {
  for (auto& seat : seats_) {
    if (!seat.client.open()) continue;
    try {
      seat.client.send_text(text);
      watch(seat);
    } catch (const Lost&) {
      leave(seat);
    }
  }
}

void Crowd::stall(std::uint32_t count) {
  for (auto at = seats_.size() - count; at < seats_.size(); ++at) {
    auto& seat = seats_[at];
    if (!seat.client.open()) continue;
    seat.stalled = true;
    tally_.leave_out(seat.client.number());
    watch(seat);
  }
}

}  // namespace pillard::bench
