#pragma once
// What plugins offer to clients, read from their files.
#include <filesystem>
#include <string>
#include <vector>

#include "pillard/registrar.h"

namespace pillard::cli {

struct StreamOffer {
  StreamOptions options;
  std::string params;  // JSON Schema
  std::string event;   // the same, of what is published
};
struct CallOffer {
  CallOptions options;
  std::string params;
  std::string response;
};

/// Of one plugin, in the order of their names.
struct Offer {
  std::string plugin;
  std::vector<StreamOffer> streams;
  std::vector<CallOffer> calls;
};

/// Loads the plugin as the daemon would and takes it down again. `configuration` is its own; empty: it gets its
/// defaults. Throws std::runtime_error when the daemon would not load it.
Offer read_offer(const std::filesystem::path& plugin, const std::filesystem::path& configuration);

}  // namespace pillard::cli
