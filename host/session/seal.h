#pragma once
// Sealing: what is written elsewhere (Redis, its dump on a disk) is worth nothing without the daemon's key file.
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/result.h"
#include "session/secret.h"

namespace pillard::session {

/// Seals with AES-256-GCM under a key derived from 32 random bytes. Immutable: all functions are [any].
class Sealer {
 public:
  static constexpr std::size_t kKeyBytes = 32;
  static constexpr std::size_t kMaxKeys = 16;

  /// A key file: one key a line, of 32 random bytes as 64 hexadecimal digits or in Base64; empty lines and those that
  /// begin with '#' are skipped. The first key seals, all of them open: keys change by putting a new one in front and
  /// dropping the old one when the sessions of its time are over. `openssl rand -hex 32` makes one.
  /// The file belongs to root or to the daemon's user, and nobody else may write it. Its group may
  /// read it (640), for that is how a daemon without rights reads a file of root's: nobody else belongs in that group.
  /// Others may not. kBadRequest, in words
  /// for the operator that never repeat a key, for anything else.
  [[nodiscard]] static Result<Sealer> from_file(const std::filesystem::path& file);
  /// The same of what stands in such a file.
  [[nodiscard]] static Result<Sealer> from_text(std::string_view text);

  /// "v1." and Base64 of nonce, ciphertext and tag. `context` is not in it, but open() needs the same one: what was
  /// sealed for one use can't be passed off as another. Throws std::runtime_error if the cipher fails.
  [[nodiscard]] std::string seal(std::string_view plain, std::string_view context) const;

  /// What was sealed; nothing if no key opens it, the context is another one or a single bit has changed.
  [[nodiscard]] std::optional<Secret> open(std::string_view sealed, std::string_view context) const;

 private:
  Sealer() = default;
  std::vector<Secret> keys_;  // derived; the first one seals
};

}  // namespace pillard::session
