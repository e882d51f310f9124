#pragma once
// A session as one JSON text: how it stands in Redis, for this daemon, others and the old dashboards' server.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "session/result.h"
#include "session/seal.h"
#include "session/session.h"

namespace pillard::session {

/// [any] Whether the credential holds more than a password: it may leave this process only sealed.
bool needs_sealing(const Credential& credential) noexcept;

/// [any] What a login is told whose credential can't be kept: kUnsupported.
Error sealing_missing();

/// [any] Without a sealer, exactly what the old server writes:
///   {"host":"...","username":"...","password":"...","port":22,"lastAccessed":1732100000000}
/// with one, password, key and passphrase in one blob that only this token, host, port and username open:
///   {"host":"...","username":"...","port":22,"lastAccessed":1732100000000,"sealed":"v1...."}
/// Throws sealing_missing() for a credential that needs_sealing() without a sealer. Holds secrets: wipe() it.
std::string encode_record(const Session& session, const Sealer* sealer);

/// [any] Reads either form, whatever the sealer. Unknown fields are skipped; the port may be a number or a string of
/// digits, a missing one is 22; a missing lastAccessed is 0. The credential has passed validate().
/// kUnauthenticated, in words that tell to log in again, if it is no such record or can't be opened: asking again will
/// not help, so a store takes it for a session that is over, and says so in the log.
Result<Session> decode_record(std::string token, std::string_view json, const Sealer* sealer);

/// [any] The record with another lastAccessed and everything else as it was, unopened; nothing if it is no JSON object.
/// Holds secrets: wipe() it.
std::optional<std::string> with_last_accessed(std::string_view json, std::int64_t unix_ms);

}  // namespace pillard::session
