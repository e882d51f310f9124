#pragma once
// What plugins offer, by HTTP: POST /api/call/<type>, GET /api/stream/<type>.
#include <optional>
#include <string_view>

#include "loader/registry.h"
#include "router/problem.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::router {

inline constexpr std::string_view kCallPath = "/api/call/";
inline constexpr std::string_view kStreamPath = "/api/stream/";

/// [any] Whether refusals of this path are problems of RFC 9457.
bool is_api(std::string_view path) noexcept;
/// [any] How calls below kCallPath are answered: the JSON as it is, or a Problem.
const Wording& api_wording() noexcept;

/// [any] The message type that a path below one of the two names.
std::string_view api_type(std::string_view path) noexcept;

/// [any] Before a body is read: no such type, the wrong one of the two, or another method. Empty: go on.
std::optional<wire::HttpResponse> refuse_api(const loader::Registry& registry, const wire::HttpRequest& request);

}  // namespace pillard::router
