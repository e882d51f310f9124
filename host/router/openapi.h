#pragma once
// OpenAPI 3.1 of what can be asked for by HTTP.
#include <string>
#include <string_view>

#include "loader/registry.h"

namespace pillard::router {

/// [any] The document for what is registered: its calls and streams, the REST calls, problems, how to authenticate.
/// `base`: what stands before every path, or nothing.
std::string openapi(const loader::Registry& registry, std::string_view base = {});

/// [any] JSON Schemas of what POST /api/ssh/connect takes, and of its failures.
std::string connect_request_schema();
std::string connect_failure_schema();

}  // namespace pillard::router
