#pragma once
// The plugin that a test is linked with, and the files of its folder.
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "pillard/plugin.h"

namespace pillard_plugin {
extern const pillard::Manifest manifest;  // NOLINT(readability-identifier-naming): the name of a contract
}

namespace pillard::testing {

/// What the loader would get: a new object of the class in PILLARD_PLUGIN.
inline std::unique_ptr<Plugin> new_plugin() { return std::unique_ptr<Plugin>(pillard_plugin::manifest.create()); }

#ifdef PILLARD_PLUGIN_FOLDER  // pillard_add_plugin_test() sets it
/// Where `path` is, which is written from the plugin's folder.
inline std::string path_of(const std::string& path) { return std::string(PILLARD_PLUGIN_FOLDER "/") + path; }

/// All of a file. Throws std::runtime_error when it cannot be read.
inline std::string read_file(const std::string& path) {
  std::ifstream in(path_of(path), std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path_of(path));
  return {std::istreambuf_iterator<char>(in), {}};
}
#endif

}  // namespace pillard::testing
