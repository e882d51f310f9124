#pragma once
// The key derivation of OpenSSH's private key files, which OpenSSL does not have.
#include <cstddef>
#include <string_view>

#include "session/secret.h"

namespace pillard::ssh {

/// [any] `size` bytes (1 to 1024) of key from a passphrase, as ssh-keygen derives them (bcrypt_pbkdf of OpenBSD).
/// A round takes some 4 ms for each 32 bytes: for a worker. The first call of a process takes some 100 ms more.
session::Secret bcrypt_pbkdf(std::string_view passphrase, std::string_view salt, unsigned rounds, std::size_t size);

}  // namespace pillard::ssh
