#pragma once
// What the operator is told of the plugins.
#include <string>

#include "loader/plugins.h"

namespace pillard::router {

/// [any] JSON of all that ever ran or should have, by name: the answer of GET /plugins of the admin listener.
std::string plugins_json(const loader::Plugins& plugins);

}  // namespace pillard::router
