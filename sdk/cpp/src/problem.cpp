#include "pillard/problem.h"

namespace pillard {

std::string_view name(Code code) noexcept {
  switch (code) {
    case Code::kBadRequest: return "bad_request";
    case Code::kUnauthenticated: return "unauthenticated";
    case Code::kAccessDenied: return "access_denied";
    case Code::kNotFound: return "not_found";
    case Code::kConflict: return "conflict";
    case Code::kTimeout: return "timeout";
    case Code::kDisconnected: return "disconnected";
    case Code::kOverloaded: return "overloaded";
    case Code::kUnsupported: return "unsupported";
    case Code::kInternal: break;
  }
  return "internal";
}

bool passing(Code code) noexcept {
  return code == Code::kTimeout || code == Code::kDisconnected || code == Code::kOverloaded || code == Code::kInternal;
}

Error::~Error() = default;

}  // namespace pillard
