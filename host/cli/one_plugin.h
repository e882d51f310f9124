#pragma once
// One plugin by its file, as the loader takes it, for commands that serve nobody.
#include <filesystem>
#include <memory>
#include <string>

#include "loader/guard.h"
#include "loader/plugin_file.h"
#include "loader/registry.h"

namespace pillard::cli {

/// Steps that fail throw loader::LoadError, as those of the daemon do. Destroyed, it takes the plugin down; nothing
/// that it registered may run any more.
class OnePlugin {
 public:
  /// Checks and maps the file. `services` outlive this.
  OnePlugin(const std::filesystem::path& file, const loader::Services& services);
  OnePlugin(const OnePlugin&) = delete;
  ~OnePlugin();

  void create();
  /// Mistakes of its configuration are left in `config` for the caller, who then should not use the plugin.
  void set_up(const Config& config);

  const Manifest& manifest() const noexcept { return file_.manifest(); }
  const loader::Registry& registry() const noexcept { return registry_; }

 private:
  template <class Fn>
  void attempt(const char* step, Fn&& fn);

  const loader::PluginFile file_;
  loader::PluginRecord record_;
  loader::Registry registry_;
  std::shared_ptr<loader::Generation> generation_;
};

/// The plugin's own configuration; without a path the one that gives it its defaults. Throws std::runtime_error when it
/// cannot be read.
Config read_configuration(const std::filesystem::path& file);

}  // namespace pillard::cli
