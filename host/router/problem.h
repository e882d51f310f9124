#pragma once
// Problems as clients read them: in a message, and as the answer to an HTTP request (RFC 9457).
#include <string>

#include "pillard/problem.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::router {

/// [any] `{"message":...,"code":...}`
std::string problem_json(const Error& error);

/// [any] 400, 401, 403, 404, 409, 429, 500, 501, 502 or 504.
int status_of(Code code) noexcept;

/// How a call by HTTP is answered. [any]
struct Wording {
  wire::HttpResponse (*success)(std::string json) = nullptr;                // may throw Error instead
  wire::HttpResponse (*problem)(const Error& error, int status) = nullptr;  // `status` 0: that of the code
};

/// [any] application/problem+json: type, title, status, detail, code. `status` 0: that of the code.
wire::HttpResponse problem_response(const Error& error, int status = 0);
/// [any] The same for what HTTP itself refuses; the code is the nearest one.
wire::HttpResponse problem_response(const wire::HttpError& error);

}  // namespace pillard::router
