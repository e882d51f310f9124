#include "load/probe.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>

#include "clock.h"
#include "load/client.h"

namespace pillard::bench {
namespace {

/// One connection, waited for with poll().
class Probe : private Listener {
 public:
  Probe(std::uint32_t number, const Options& options, const Address& server)
      : options_(options), first_(fmt::format(R"(42["{}")", options.event)), client_(number, options, server) {}

  void run(std::span<char> scratch) {
    begun_ = steady_ns();
    client_.connect();
    while (!done()) {
      const auto events = wait();
      now_ = steady_ns();
      if (client_.wants_write()) client_.finish_write(*this);
      if ((events & ~POLLOUT) != 0) client_.take(client_.read(scratch), *this);
    }
  }

  std::string times() const {
    const auto us = [this](std::uint64_t at) { return at == 0 ? 0.0 : static_cast<double>(at - begun_) / 1e3; };
    return fmt::format(
        R"({{"open_us":{:.1f},"connected_us":{:.1f},"ready_us":{:.1f},"asked_us":{:.1f},"first_us":{:.1f}}})",
        us(open_at_), us(connected_at_), us(ready_at_), us(asked_at_), us(first_at_));
  }

 private:
  bool done() const { return client_.ready() && !client_.wants_write() && (options_.event.empty() || first_at_ != 0); }

  int wait() {
    const auto left = static_cast<std::int64_t>(begun_ + options_.timeout * std::uint64_t{1'000'000} - steady_ns());
    pollfd socket{.fd = client_.fd(), .events = POLLIN, .revents = 0};
    if (client_.wants_write()) socket.events |= POLLOUT;
    const int count = left <= 0 ? 0 : ::poll(&socket, 1, static_cast<int>(left / 1'000'000) + 1);
    if (count < 0 && errno != EINTR) check(count, "poll");
    if (count == 0)
      throw std::runtime_error(fmt::format("{}: not done after {} ms", client_.where(), options_.timeout));
    return socket.revents;
  }

  void reached(Client& client) override {
    if (client.phase() == Phase::kOpen) open_at_ = now_;
    if (client.phase() == Phase::kConnected) connected_at_ = now_;
    if (client.phase() != options_.await) return;
    ready_at_ = now_;
    for (const auto& text : options_.sends) client.send_text(text);
    if (!options_.sends.empty()) asked_at_ = steady_ns();
  }

  void message(Client&, std::string_view payload) override {
    if (ready_at_ != 0 && first_at_ == 0 && !options_.event.empty() && payload.starts_with(first_)) first_at_ = now_;
  }

  const Options& options_;
  const std::string first_;  // how the awaited event begins
  Client client_;
  std::uint64_t begun_ = 0;
  std::uint64_t now_ = 0;  // when the last wait ended
  std::uint64_t open_at_ = 0;
  std::uint64_t connected_at_ = 0;
  std::uint64_t ready_at_ = 0;
  std::uint64_t asked_at_ = 0;
  std::uint64_t first_at_ = 0;
};

}  // namespace

void run_probes(const Options& options) {
  const auto server = resolve(options.connect);
  std::array<char, 64 * 1024> scratch{};
  for (std::uint32_t number = 0; number < options.count; ++number) {
    if (number > 0) std::this_thread::sleep_for(std::chrono::milliseconds(options.pause));
    Probe probe(number, options, server);
    probe.run(scratch);
    fmt::print("{}\n", probe.times());
    std::fflush(stdout);
  }
}

}  // namespace pillard::bench
