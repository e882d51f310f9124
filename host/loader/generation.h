#pragma once
// One version of a plugin while anybody uses it.
#include <functional>
#include <memory>
#include <vector>

#include "loader/plugin_record.h"
#include "pillard/plugin.h"
#include "pillard/registrar.h"

namespace pillard::loader {

/// A Plugin object and all that it registered. Whoever uses a part of it holds the whole (the pointers that a Registry
/// hands out do): it goes with the last of them, on whatever thread that is.
class Generation {
 public:
  /// `plugin` may be null: what was registered stands alone then, as in tests.
  Generation(PluginRecord& record, std::unique_ptr<Plugin> plugin) noexcept
      : record_(record), plugin_(std::move(plugin)) {}
  Generation(const Generation&) = delete;
  /// What was registered is the plugin's code as well, and may point into its object: it goes first.
  ~Generation();

  PluginRecord& record() const noexcept { return record_; }
  Plugin* plugin() const noexcept { return plugin_.get(); }

 private:
  friend class Enrolment;
  PluginRecord& record_;
  std::unique_ptr<Plugin> plugin_;
  std::vector<std::unique_ptr<StreamType>> streams_;
  std::vector<std::unique_ptr<CallType>> calls_;
};

/// Destroys one that nobody uses any more, on a thread that may wait: the last one who used it need not be on such.
using Dispose = std::function<void(std::unique_ptr<Generation>)>;

/// Without `dispose` it is destroyed where it is let go.
std::shared_ptr<Generation> make_generation(PluginRecord& record, std::unique_ptr<Plugin> plugin, Dispose dispose = {});

}  // namespace pillard::loader
