#pragma once
#include <string>
#include <vector>

#include "cli/offer.h"

namespace pillard::cli {

/// Declarations (a .d.ts) for clients of these plugins: the params, events and answers of each, maps of them by
/// message, those that socket.io-client takes, and what both WebSocket doors and HTTP have in common. The same for the
/// same plugins in any order. Throws std::runtime_error where two of them offer the same message.
std::string typescript(std::vector<Offer> offers);

}  // namespace pillard::cli
