#pragma once
// The one door into plugin code.
#include <chrono>
#include <exception>
#include <memory>
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

enum class Timed {
  kYes,
  kNo,  // while no event loop waits: setting up
};

/// Marks the thread as the plugin's and takes the time, as long as it lives. A plugin that is entered again from its
/// own code is not charged twice, and one is not charged for what it made another one do.
class Visit {
 public:
  explicit Visit(PluginRecord& plugin, Timed timed = Timed::kYes) noexcept
      : plugin_(plugin), running_(running_here()), outer_(innermost()), timed_(timed) {
    if (outer_ && &outer_->plugin_ == &plugin) {
      charged_ = outer_->charged_;
    } else if (timed == Timed::kYes) {
      since_ = std::chrono::steady_clock::now();
    }
    innermost() = this;
    running_.store(&plugin, std::memory_order_relaxed);
  }
  Visit(const Visit&) = delete;
  ~Visit() {
    innermost() = outer_;
    running_.store(outer_ ? &outer_->plugin_ : nullptr, std::memory_order_relaxed);
    if (charged_ != this || timed_ == Timed::kNo) return;
    const auto took = std::chrono::steady_clock::now() - since_;
    if (outer_) outer_->charged_->elsewhere_ += took;
    plugin_.spend(took - elsewhere_);
  }

 private:
  static Visit*& innermost() noexcept {
    static thread_local constinit Visit* visit = nullptr;
    return visit;
  }
  PluginRecord& plugin_;
  Running& running_;
  Visit* const outer_;
  Visit* charged_ = this;  // the visit that takes the time: of several in a row to one plugin the first
  const Timed timed_;
  std::chrono::steady_clock::time_point since_{};
  std::chrono::nanoseconds elsewhere_{0};  // in plugins that were entered from here
};

/// [any] Calls `fn`, which calls code of `plugin`. Nothing leaves it: an Error is returned as it is (at a length that
/// clients can be sent), for its message was made for them; of any other exception clients learn only that the plugin
/// failed, the log has the rest.
template <class Fn>
std::optional<Error> guard(PluginRecord& plugin, Fn&& fn, Counts counts = Counts::kYes) {
  const Visit visit(plugin);
  try {
    std::forward<Fn>(fn)();
    return std::nullopt;
  } catch (const Error& error) {
    return presentable(error);
  } catch (const std::exception& error) {
    return plugin.broke(error.what(), counts);
  } catch (...) {
    return plugin.broke("an exception of an unknown type", counts);
  }
}

/// [any] Destroys an object of `plugin`'s. Also one whose destructor throws: then the log has it.
template <class T>
void destroy(PluginRecord& plugin, std::unique_ptr<T>& object) {
  // Not by the unique_ptr: its own end lets no exception pass.
  guard(plugin, [&plugin, raw = object.release()] {
    try {
      delete raw;
    } catch (const Error& error) {
      plugin.broke(error.what());  // there is no one to be answered with it
    }
  });
}

}  // namespace pillard::loader
