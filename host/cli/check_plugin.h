#pragma once
// `pillard --check-plugin`: all that the loader checks of one plugin, in words.
#include <filesystem>
#include <iosfwd>

namespace pillard::cli {

struct CheckPlugin {
  std::filesystem::path file;           // the .so, wherever it lies
  std::filesystem::path configuration;  // its own; empty: it gets its defaults
};

/// Loads the plugin as the daemon would, without serving it: tells each check that it passed, the keys of its
/// configuration, its streams and calls on `out`, and what is wrong on `err`. Values of its configuration are not
/// repeated: one may be a secret. Returns 0, or EX_CONFIG when the daemon would not load it.
int check_plugin(const CheckPlugin& wanted, std::ostream& out, std::ostream& err);

}  // namespace pillard::cli
