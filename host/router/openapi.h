#pragma once
// OpenAPI 3.1 of what can be asked for by HTTP.
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "loader/registry.h"

namespace pillard::router {

/// [any] The document for what is registered: its calls and streams, the REST calls, problems, how to authenticate.
/// `base`: what stands before every path, or nothing.
std::string openapi(const loader::Registry& registry, std::string_view base = {});

/// [any] JSON Schemas of what POST /api/ssh/connect takes, and of its failures.
std::string connect_request_schema();
std::string connect_failure_schema();

/// The same as long as nothing changes. [any]
class OpenApi {
 public:
  OpenApi(const loader::Registry& registry, std::string base) : registry_(registry), base_(std::move(base)) {}
  std::shared_ptr<const std::string> document();

 private:
  const loader::Registry& registry_;
  const std::string base_;
  std::mutex mutex_;  // guards both
  std::shared_ptr<const std::string> document_;
  std::uint64_t version_ = 0;
};

}  // namespace pillard::router
