#pragma once
// Who wants to hear of the end of which session: the part that all stores share.
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "session/store.h"

namespace pillard::session {

/// All functions are [any]. The EndWatches may outlive this object; they are told nothing any more then.
class Watches {
 public:
  Watches();
  ~Watches();

  /// The promise of Store::watch(), but for sessions that are gone already: these are for the caller to end().
  [[nodiscard]] EndWatch add(reactor::Reactor& home, std::string token, Function<void()> ended);
  /// Tells all who watch `token`, each on its home, and forgets them.
  void end(const std::string& token);

  bool has(const std::string& token) const;
  /// The tokens that somebody watches, each once, in no order.
  std::vector<std::string> tokens() const;
  /// How many tokens() there are.
  std::size_t size() const;

 private:
  struct Listener;
  class State;
  class Watching;
  std::shared_ptr<State> state_;
};

}  // namespace pillard::session
