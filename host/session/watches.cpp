#include "session/watches.h"

#include <mutex>
#include <utility>

namespace pillard::session {

/// Shared by the EndWatch, which lives on the lane, and the task that is on its way there. Only that lane touches what
/// is in it.
struct Watches::Listener {
  reactor::Reactor& home;
  Function<void()> ended;  // empty once it was called, or is not to be called any more
};

class Watches::State {
 public:
  void add(const std::string& token, std::shared_ptr<Listener> listener) {
    const std::lock_guard lock(mutex_);
    by_token_[token].push_back(std::move(listener));
  }
  void remove(const std::string& token, const std::shared_ptr<Listener>& listener) {
    const std::lock_guard lock(mutex_);
    const auto found = by_token_.find(token);
    if (found == by_token_.end()) return;
    std::erase(found->second, listener);
    if (found->second.empty()) by_token_.erase(found);
  }
  std::vector<std::shared_ptr<Listener>> take(const std::string& token) {
    const std::lock_guard lock(mutex_);
    const auto found = by_token_.find(token);
    if (found == by_token_.end()) return {};
    auto listeners = std::move(found->second);
    by_token_.erase(found);
    return listeners;
  }
  bool has(const std::string& token) const {
    const std::lock_guard lock(mutex_);
    return by_token_.contains(token);
  }
  std::vector<std::string> tokens() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    all.reserve(by_token_.size());
    for (const auto& [token, listeners] : by_token_) all.push_back(token);
    return all;
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return by_token_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<Listener>>> by_token_;  // guarded by mutex_; never empty
};

class Watches::Watching final : public EndWatch::State {
 public:
  Watching(std::shared_ptr<Watches::State> state, std::string token, std::shared_ptr<Listener> listener)
      : state_(std::move(state)), token_(std::move(token)), listener_(std::move(listener)) {}
  ~Watching() override {
    state_->remove(token_, listener_);
    listener_->ended = nullptr;  // here, on its lane, not wherever the last task is dropped
  }

 private:
  const std::shared_ptr<Watches::State> state_;
  const std::string token_;
  const std::shared_ptr<Listener> listener_;
};

Watches::Watches() : state_(std::make_shared<State>()) {}
Watches::~Watches() = default;

EndWatch Watches::add(reactor::Reactor& home, std::string token, Function<void()> ended) {
  auto listener = std::make_shared<Listener>(Listener{.home = home, .ended = std::move(ended)});
  state_->add(token, listener);
  return EndWatch(std::make_unique<Watching>(state_, std::move(token), std::move(listener)));
}

void Watches::end(const std::string& token) {
  for (auto& listener : state_->take(token)) {
    auto& home = listener->home;
    home.post([listener = std::move(listener)] {
      // Held here during the call, which may reset the very watch that it belongs to.
      if (auto ended = std::exchange(listener->ended, nullptr)) ended();
    });
  }
}

bool Watches::has(const std::string& token) const { return state_->has(token); }
std::vector<std::string> Watches::tokens() const { return state_->tokens(); }
std::size_t Watches::size() const { return state_->size(); }

}  // namespace pillard::session
