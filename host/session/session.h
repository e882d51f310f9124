#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "session/credential.h"

namespace pillard::session {

/// A login that succeeded. Immutable and shared; a later find() may hand over a newer one of the same id.
struct Session {
  std::string id;  // the token: who has it is the user. Logs get log_id() of it, never a part
  Credential credential;
  std::int64_t last_accessed_ms = 0;  // Unix time
};
using SessionPtr = std::shared_ptr<const Session>;

/// [any] A version 4 UUID with 122 random bits: "b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b42".
std::string new_token();

/// [any] Whether `token` is a lower- or upper-case version 4 UUID. Anything else is not worth asking a store for.
bool valid_token(std::string_view token) noexcept;

/// [any] Twelve characters that name a session in logs. Derived with this process's key: equal for one token while the
/// daemon runs, and no help in guessing it.
std::string log_id(std::string_view token);

}  // namespace pillard::session
