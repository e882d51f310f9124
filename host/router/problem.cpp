#include "router/problem.h"

#include "pillard/fields.h"

namespace pillard::router {

namespace {
struct Short {
  std::string_view message;
  std::string_view code;
  PILLARD_FIELDS(Short, PILLARD_FIELD(message), PILLARD_FIELD(code))
};

struct Details {
  std::string_view type = "about:blank";  // the code says more than an address could
  std::string_view title;
  int status = 0;
  std::string_view detail;
  std::string_view code;
  PILLARD_FIELDS(Details, PILLARD_FIELD(type), PILLARD_FIELD(title), PILLARD_FIELD(status), PILLARD_FIELD(detail),
                 PILLARD_FIELD(code))
};

Code code_of(int status) noexcept {
  switch (status) {
    case 401: return Code::kUnauthenticated;
    case 403: return Code::kAccessDenied;
    case 404: return Code::kNotFound;
    case 408: return Code::kTimeout;
    case 429:
    case 503: return Code::kOverloaded;
    case 500: return Code::kInternal;
    case 501:
    case 505: return Code::kUnsupported;
    default: return Code::kBadRequest;
  }
}
}  // namespace

std::string problem_json(const Error& error) {
  return encoded(Short{.message = error.what(), .code = name(error.code())});
}

int status_of(Code code) noexcept {
  switch (code) {
    case Code::kBadRequest: return 400;
    case Code::kUnauthenticated: return 401;
    case Code::kAccessDenied: return 403;
    case Code::kNotFound: return 404;
    case Code::kConflict: return 409;
    case Code::kTimeout: return 504;
    case Code::kDisconnected: return 502;
    case Code::kOverloaded: return 429;
    case Code::kUnsupported: return 501;
    case Code::kInternal: break;
  }
  return 500;
}

wire::HttpResponse problem_response(const Error& error, int status) {
  if (status == 0) status = status_of(error.code());
  wire::HttpResponse response{.status = status,
                              .headers = {{"Content-Type", "application/problem+json"}, {"Cache-Control", "no-store"}},
                              .body = encoded(Details{.title = wire::standard_reason(status),
                                                      .status = status,
                                                      .detail = error.what(),
                                                      .code = name(error.code())})};
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

wire::HttpResponse problem_response(const wire::HttpError& error) {
  return problem_response(Error(code_of(error.status), error.reason), error.status);
}

}  // namespace pillard::router
