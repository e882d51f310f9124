#pragma once
// All plugins that are enabled: loaded together, changed while the daemon runs, stopped together.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "loader/guard.h"
#include "loader/plugin_file.h"
#include "loader/registry.h"
#include "pillard/config.h"
#include "pillard/plugin.h"

namespace pillard::loader {

struct PluginsOptions {
  std::filesystem::path directory;      // <name>.so
  std::filesystem::path configuration;  // <name>.ini; a plugin without one gets its defaults
  std::vector<std::string> enabled;     // loaded in this order
};

enum class State {
  kRunning,
  kStopped,  // not enabled any more
  kFailed,   // stopped because it kept failing
  kRefused,  // could not be loaded, and does not run
};
/// "running", "stopped", "failed", "refused"
std::string_view name(State state) noexcept;

/// What is known of one plugin.
struct PluginReport {
  const PluginRecord* record = nullptr;  // what it counts
  State state = State::kRefused;
  std::string version{};      // of what runs, or ran last; empty: nothing ever did
  std::int64_t since_ms = 0;  // of this state and version, since 1970
  std::string file{};         // that it was loaded from
  std::string trouble{};      // why it does not run, or why what should have replaced it was not taken; may be empty
};

/// Loads when made. A plugin that fails is left out and registers nothing; the others are loaded all the same, so that
/// one run finds everything that is wrong. Whether the daemon starts without it, is for the daemon to say.
///
/// Destroyed (after all Sources and Calls) it destroys what plugins registered and the plugins themselves, last loaded
/// first. The same files can be loaded again.
class Plugins {
 public:
  /// `dispose` is given what stopped plugins leave behind, and has to be rid of it before this goes.
  Plugins(const PluginsOptions& options, const Services& services, Dispose dispose = {});
  Plugins(const Plugins&) = delete;
  ~Plugins();

  const Registry& registry() const noexcept { return registry_; }
  /// Of those that run, in the order of loading.
  std::vector<PluginRecord*> records() const;
  /// [any] Of all that ever ran or should have, by name.
  std::vector<PluginReport> report() const;

  /// What came of the last loading.
  bool ok() const noexcept { return errors_.empty() && mistakes_.empty(); }
  const std::vector<LoadError>& errors() const noexcept { return errors_; }
  /// In the plugins' configuration files.
  const std::vector<Mistake>& mistakes() const noexcept { return mistakes_; }

  // Both from one thread at a time, which is not that of a lane: plugins may take their time to be set up.

  /// Stops what is not enabled any more; loads what is newly enabled, has failed, or has another file or configuration
  /// than it was loaded with. A plugin whose new version is refused goes on as it was. `changed` is told at once of
  /// each whose message types changed: their Sources are still to be stopped, or started again by the new version.
  using Changed = std::function<void(const PluginRecord&)>;
  void apply(const PluginsOptions& options, const Changed& changed);
  /// Takes away what it offers; null if this run of it is over already.
  const PluginRecord* stop_failing(const std::string& name, std::uint64_t run);

 private:
  struct Slot {
    std::unique_ptr<PluginRecord> record;
    std::shared_ptr<Generation> generation{};  // while it runs
    std::optional<FileIdentity> file{};        // of what it was loaded from last
    std::vector<FileIdentity> mapped{};        // of every version that ever was, also of those that were refused
    std::string configuration{};               // its text
    std::size_t order = 0;                     // of its loading
    PluginReport told{};                       // guarded by mutex_
  };
  void load_all(const PluginsOptions& options, const Changed& changed);
  bool load(const PluginsOptions& options, const std::string& name);
  PluginFile map(const PluginsOptions& options, const std::string& name, Slot& slot);
  std::shared_ptr<Generation> set_up(const PluginFile& file, const Config& config, PluginRecord& record);
  Slot& slot_of(const std::string& name);
  void stop(Slot& slot, State state, const std::string& why);
  void settle(Slot& slot, State state, std::string trouble, const std::string* version = nullptr);

  const Services services_;
  const Dispose dispose_;
  Registry registry_;
  std::vector<LoadError> errors_;
  std::vector<Mistake> mistakes_;
  std::size_t loaded_ = 0;
  mutable std::mutex mutex_;           // what one thread changes and any may ask for
  std::map<std::string, Slot> slots_;  // guarded by mutex_, its own order and what is told; none is ever removed
};

}  // namespace pillard::loader
