#pragma once
#include <string>

#include "cli/offer.h"

namespace pillard::cli {

/// Tables of a plugin's messages for its README: what clients send, with ranges and defaults, and what they get. Fields
/// that stand inside others are written as paths: `disks[].name`.
std::string markdown(const Offer& offer);

}  // namespace pillard::cli
