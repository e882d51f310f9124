#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "pillard/pillard.h"
#include "pillard/testing/fake_host.h"

namespace pillard_plugin {
extern const pillard::Manifest manifest;  // NOLINT(readability-identifier-naming): the name of a contract
}

inline std::unique_ptr<pillard::Plugin> new_plugin() {
  return std::unique_ptr<pillard::Plugin>(pillard_plugin::manifest.create());
}

/// `path` is relative to the plugin's folder.
inline std::string read_file(const std::string& path) {
  std::ifstream in(std::string(PLUGIN_DIR "/") + path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}
