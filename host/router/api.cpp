#include "router/api.h"

#include <fmt/format.h>

#include "router/problem.h"
#include "router/rest.h"

namespace pillard::router {

bool is_api(std::string_view path) noexcept { return path.starts_with(kCallPath) || path.starts_with(kStreamPath); }

const Wording& api_wording() noexcept {
  static constexpr Wording kWording{
      .success = [](std::string json) { return json_response(200, std::move(json)); },
      .problem = [](const Error& error, int status) { return problem_response(error, status); }};
  return kWording;
}

std::string_view api_type(std::string_view path) noexcept {
  return path.substr(path.starts_with(kCallPath) ? kCallPath.size() : kStreamPath.size());
}

std::optional<wire::HttpResponse> refuse_api(const loader::Registry& registry, const wire::HttpRequest& request) {
  const bool call = request.path.starts_with(kCallPath);
  const auto type = api_type(request.path);
  const auto not_found = [](const std::string& words) { return problem_response(Error(Code::kNotFound, words)); };
  const auto* const stream = registry.find_subscribe(type);
  if (registry.find_unsubscribe(type))
    return not_found("A stream ends with its connection; there is nothing to ask for at this address.");
  if (call && stream) return not_found(fmt::format("{} is a stream: GET {}{}", type, kStreamPath, type));
  if (!call && registry.find_call(type))
    return not_found(fmt::format("{} is a call: POST {}{}", type, kCallPath, type));
  if (call ? !registry.find_call(type) : !stream)
    return not_found("There is no message type of this name here; GET /api/openapi.json lists them.");
  const std::string_view method = call ? "POST" : "GET";
  if (request.method == method) return std::nullopt;
  auto response = problem_response(wire::HttpError{405, fmt::format("This address takes {} only.", method)});
  response.headers.emplace_back("Allow", method);
  return response;
}

}  // namespace pillard::router
