#pragma once
// What the old server's dashboards ask of a node by HTTP: calls of plugins, answered in the old server's words.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/registry.h"
#include "router/problem.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::router {

/// One call of the old server.
struct OldCall {
  std::string_view path = {};         // "/api/ssh/controlService"
  std::string_view type = {};         // of the plugin's call behind it: "control_service"; empty: there is none
  std::string_view instead = {};      // for people: what to do where nothing answers
  Wording wording = {};               // of its answers
  std::string (*schema)() = nullptr;  // JSON Schema of a success
  std::string (*failed)() = nullptr;  // and of what was carried out and failed, if it is told otherwise than a Problem
};

/// [any] All of them, whatever is loaded.
const std::vector<OldCall>& old_calls();
/// [any] Null: it is none of them.
const OldCall* find_old_call(std::string_view path) noexcept;

/// [any] The refusal of a request to `call`: another method than POST, or nothing loaded that answers it. Empty: go on.
std::optional<wire::HttpResponse> refuse_old_call(const OldCall& call, const loader::Registry& registry,
                                                  const wire::HttpRequest& request);

/// [any] JSON Schema of their failures.
std::string old_failure_schema();

}  // namespace pillard::router
