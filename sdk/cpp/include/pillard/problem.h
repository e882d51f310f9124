#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

#include "pillard/export.h"

namespace pillard {

/// Why something did not work: a closed list, for dashboards switch on it. Names on the wire are those of name().
enum class Code {
  kBadRequest,       ///< the request itself is wrong; asking again will not help
  kUnauthenticated,  ///< no session, or the node refused the credential
  kAccessDenied,     ///< known, but not allowed: rights on the node, egress rules, origins
  kNotFound,         ///< no such unit, file or message type
  kConflict,         ///< not in this state: a changed host key, a subscription that exists
  kTimeout,          ///< no answer in time
  kDisconnected,     ///< the node is away
  kOverloaded,       ///< a limit was reached; less, or later
  kUnsupported,      ///< the node or the daemon cannot do this
  kInternal,         ///< a defect here; the log says more
};

/// [any] "bad_request", "unauthenticated", "access_denied", "not_found", "conflict", "timeout", "disconnected",
/// "overloaded", "unsupported", "internal".
PILLARD_API std::string_view name(Code code) noexcept;

/// [any] Whether the same may work later without anybody doing anything: timeout, disconnected, overloaded, internal.
/// The host rebuilds a Source that failed so; after any other failure the stream ends.
PILLARD_API bool passing(Code code) noexcept;

/// A Problem: a code for programs, and a message for the person at the dashboard that says what to do. The message
/// never holds a secret, a path of the daemon's machine or a stack; clients get 2048 bytes of it at most.
class PILLARD_API Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ~Error() override;  // NOLINT: the key function: one type_info for host and plugins
  /// A copy shares nothing with the original: it may go to another thread.
  Error(const Error& other) : std::runtime_error(other.what()), code_(other.code_) {}
  Error& operator=(const Error& other) {
    if (this != &other) {
      std::runtime_error::operator=(std::runtime_error(other.what()));
      code_ = other.code_;
    }
    return *this;
  }
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

}  // namespace pillard
