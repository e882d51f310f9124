#pragma once
// The one door into plugin code.
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "loader/plugin_record.h"

namespace pillard::loader {

/// Which plugin's code runs on a thread now; null while none does.
using Running = std::atomic<const PluginRecord*>;

/// [any] The calling thread's. Valid as long as the thread: a lane hands its own to the watchdog once, which may read
/// it at any time.
inline Running& running_here() noexcept {
  static thread_local constinit Running running{nullptr};
  return running;
}

/// Marks the thread as the plugin's and takes the time, as long as it lives.
class Visit {
 public:
  explicit Visit(PluginRecord& plugin) noexcept
      : plugin_(plugin), running_(running_here()), before_(running_.load(std::memory_order_relaxed)) {
    running_.store(&plugin, std::memory_order_relaxed);
  }
  Visit(const Visit&) = delete;
  ~Visit() {
    running_.store(before_, std::memory_order_relaxed);
    // Only the outermost visit counts: a plugin that is entered again from its own code is not charged twice.
    if (before_ != &plugin_) plugin_.spend(std::chrono::steady_clock::now() - since_);
  }

 private:
  PluginRecord& plugin_;
  Running& running_;
  const PluginRecord* before_;
  const std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

/// [any] Calls `fn`, which calls code of `plugin`. Nothing leaves it: an Error is returned as it is, for its message
/// was made for clients; of any other exception clients learn only that the plugin failed, the log has the rest.
template <class Fn>
std::optional<Error> guard(PluginRecord& plugin, Fn&& fn) {
  const Visit visit(plugin);
  try {
    std::forward<Fn>(fn)();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return plugin.broke(error.what());
  } catch (...) {
    return plugin.broke("an exception of an unknown type");
  }
}

}  // namespace pillard::loader
