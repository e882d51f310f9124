#include "ssh/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace pillard::ssh {

using Poco::Net::IPAddress;

/// Shared with the worker, which carries it and looks at `wanted` only. An empty `done`: answered, or nobody waits.
struct Lookup::State {
  Function<void(Result<Addresses>)> done;
  reactor::Timer deadline;
  std::atomic<bool> wanted{true};  // once false, nothing is left here that belongs to the lane

  void answer(Result<Addresses> result) {
    if (!done) return;
    deadline.reset();
    // Taken out first: the callback may reset the Lookup, and comes at most once.
    auto call = std::exchange(done, nullptr);
    wanted = false;
    call(std::move(result));
  }
};

Lookup& Lookup::operator=(Lookup&& other) noexcept {
  if (this != &other) {
    reset();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Lookup::reset() noexcept {
  if (const auto state = std::exchange(state_, nullptr)) {
    state->deadline.reset();
    state->done = nullptr;
    state->wanted = false;
  }
}

namespace {

/// What of `found` may be connected to, each once, in order.
Result<Addresses> choose(const Egress& egress, const std::string& host, std::uint16_t port,
                         const std::vector<IPAddress>& found) {
  Addresses chosen;
  for (const auto& address : found) {
    const Poco::Net::SocketAddress target(address, port);
    if (egress.allowed(address) && std::find(chosen.begin(), chosen.end(), target) == chosen.end()) {
      chosen.push_back(target);
    }
  }
  if (!chosen.empty()) return chosen;
  // Names, not what they stand for: what DNS says of the inside of a network is none of the user's business.
  return Error(Code::kAccessDenied,
               "Connections to " + host + " are not allowed by this server's configuration ([ssh] allow).");
}

/// Texts of exceptions are shared between copies: each thread gets its own.
Error copy_of(const Error& error) { return {error.code(), std::string(error.what())}; }

}  // namespace

/// Who waits for which name. Jobs share it: one may still wait for DNS when the resolver has gone.
struct Resolver::Table {
  struct Waiter {
    reactor::Reactor* home;
    std::uint16_t port;
    std::shared_ptr<Lookup::State> state;
  };
  using Waiters = std::vector<Waiter>;

  /// The first one for a host has a job made by `submit`, under the lock; false if there was no making it.
  bool add(const std::string& host, Waiter waiter, const std::function<bool()>& submit) {
    const std::lock_guard lock(mutex_);
    const auto [place, first] = waiting_.try_emplace(host);
    forget_unwanted(place->second);
    place->second.push_back(std::move(waiter));
    if (!first || submit()) return true;
    waiting_.erase(place);
    return false;
  }
  /// Whether somebody still waits; if not, the next one needs a job of its own.
  bool wanted(const std::string& host) {
    const std::lock_guard lock(mutex_);
    const auto place = waiting_.find(host);
    if (place == waiting_.end()) return false;
    forget_unwanted(place->second);
    if (!place->second.empty()) return true;
    waiting_.erase(place);
    return false;
  }
  Waiters take(const std::string& host) {
    const std::lock_guard lock(mutex_);
    auto node = waiting_.extract(host);
    return node ? std::move(node.mapped()) : Waiters();
  }

 private:
  static void forget_unwanted(Waiters& waiters) {
    std::erase_if(waiters, [](const auto& waiter) { return !waiter.state->wanted; });
  }

  std::mutex mutex_;
  std::unordered_map<std::string, Waiters> waiting_;  // a job each
};

Resolver::Resolver(reactor::Workers& workers, Egress egress, Options options)
    : workers_(workers), egress_(std::move(egress)), options_(std::move(options)), table_(std::make_shared<Table>()) {}

Lookup Resolver::resolve(reactor::Reactor& home, std::string host, std::uint16_t port,
                         Function<void(Result<Addresses>)> done) {
  auto state = std::make_shared<Lookup::State>();
  state->done = std::move(done);
  const auto answer_later = [&](Result<Addresses> result) {
    home.post([state, result = std::move(result)]() mutable { state->answer(std::move(result)); });
  };

  IPAddress literal;
  if (IPAddress::tryParse(host, literal)) {
    answer_later(choose(egress_, host, port, {literal}));
    return Lookup(state);
  }
  // The worker gets copies: it may still be waiting for DNS when all that is here has gone.
  const auto submit = [&] {
    return workers_.submit([table = table_, host, egress = egress_, ask = options_.ask] {
      if (!table->wanted(host)) return;
      const auto found = ask(host);
      for (auto& waiter : table->take(host)) {
        auto result = found ? choose(egress, host, waiter.port, *found) : Result<Addresses>(copy_of(found.error()));
        waiter.home->post([waiting = std::move(waiter.state), result = std::move(result)]() mutable {
          waiting->answer(std::move(result));
        });
      }
    });
  };
  if (!table_->add(host, {&home, port, state}, submit)) {
    answer_later(Error(Code::kOverloaded, "Too many names are being looked up. Try again in a moment."));
    return Lookup(state);
  }
  // Not `state` itself: a timer that it owns must not keep it alive.
  state->deadline = home.after(options_.deadline, [weak = std::weak_ptr(state), host = std::move(host)] {
    if (const auto waiting = weak.lock()) {
      waiting->answer(Error(Code::kTimeout, "DNS did not answer in time for " + host + "."));
    }
  });
  return Lookup(state);
}

Result<std::vector<IPAddress>> Resolver::ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(error == 0 ? list : nullptr, freeaddrinfo);
  if (error == EAI_NONAME || error == EAI_NODATA) {
    return Error(Code::kDisconnected, "The name " + host + " is not known in DNS.");
  }
  if (error != 0) return Error(Code::kDisconnected, "DNS gave no answer for " + host + ". Try again later.");

  std::vector<IPAddress> found;
  for (const auto* entry = owner.get(); entry; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      const auto& address = *reinterpret_cast<const sockaddr_in*>(entry->ai_addr);
      found.emplace_back(&address.sin_addr, sizeof address.sin_addr);
    } else if (entry->ai_family == AF_INET6) {
      const auto& address = *reinterpret_cast<const sockaddr_in6*>(entry->ai_addr);
      found.emplace_back(&address.sin6_addr, sizeof address.sin6_addr, address.sin6_scope_id);
    }
  }
  if (found.empty()) return Error(Code::kDisconnected, "The name " + host + " has no address in DNS.");
  return found;
}

}  // namespace pillard::ssh
