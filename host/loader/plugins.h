#pragma once
// All plugins that are enabled: loaded together, stopped together.
#include <filesystem>
#include <memory>
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

/// Loads when made. A plugin that fails is left out and registers nothing; the others are loaded all the same, so that
/// one run finds everything that is wrong. Whether the daemon starts without it, is for the daemon to say.
///
/// Destroyed (after all Sources and Calls) it destroys what plugins registered and the plugins themselves, last loaded
/// first. The same files can be loaded again.
class Plugins {
 public:
  Plugins(const PluginsOptions& options, const Services& services);
  Plugins(const Plugins&) = delete;
  ~Plugins();

  const Registry& registry() const noexcept { return registry_; }
  /// Of the loaded ones, in the order of loading.
  std::vector<PluginRecord*> records() const;

  bool ok() const noexcept { return errors_.empty() && mistakes_.empty(); }
  const std::vector<LoadError>& errors() const noexcept { return errors_; }
  /// In the plugins' configuration files.
  const std::vector<Mistake>& mistakes() const noexcept { return mistakes_; }

 private:
  struct Loaded {
    std::unique_ptr<PluginRecord> record;
    std::unique_ptr<Plugin> plugin;
  };
  void load(const PluginsOptions& options, const std::string& name, const Services& services);
  void set_up(const PluginFile& file, const Config& config, Loaded& loaded);
  static void stop(Loaded& loaded);

  std::vector<std::unique_ptr<Loaded>> loaded_;
  Registry registry_;
  std::vector<LoadError> errors_;
  std::vector<Mistake> mistakes_;
};

}  // namespace pillard::loader
