#pragma once
// Logging in with a private key. libssh2 1.10 signs with RSA keys as no server has accepted since 2021 (SHA-1), forgets
// memory that held a key, and decrypts a key for each step of a login: so keys are opened and used here, by OpenSSL,
// and libssh2 only asks for signatures.
#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pillard/problem.h"
#include "session/credential.h"
#include "session/result.h"
#include "ssh/freed.h"
#include "ssh/transport.h"

namespace pillard::ssh {

/// [any] Why no node can be logged in to with this credential's key, told from what can be seen without opening it: it
/// is damaged, of a kind that is not supported, or its passphrase is missing. Nothing for a credential without a key.
/// kBadRequest or kUnsupported, in words that say what to do. Quick: nothing is decrypted.
std::optional<Error> inspect_key(const session::Credential& credential);

/// A key that is open: ed25519, ECDSA (P-256, P-384, P-521), or RSA up to 8192 bits, which signs with SHA-256.
/// Used by one thread at a time.
class PrivateKey {
 public:
  /// Takes up to some seconds if the key is encrypted: for a worker. Besides what inspect_key() finds: kUnauthenticated
  /// if the passphrase is wrong.
  static Result<std::unique_ptr<PrivateKey>> open(const session::Credential& credential);

  /// One step of logging in, to be repeated while it returns LIBSSH2_ERROR_EAGAIN: 0 once the node took the key;
  /// LIBSSH2_ERROR_AUTHENTICATION_FAILED if it is not authorised; LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED if the node saw it
  /// proved and wants something else too.
  int authenticate(Transport& transport, const std::string& username);

  /// The public part as SSH writes it, under the name of the signature's algorithm.
  const std::string& public_part() const noexcept { return public_; }
  /// The signature alone, as SSH writes it; empty if there is none.
  std::string sign(std::string_view data) const;

 private:
  using Handle = Owned<EVP_PKEY, EVP_PKEY_free>;
  PrivateKey(Handle key, std::string public_part) : key_(std::move(key)), public_(std::move(public_part)) {}
  static int on_sign(LIBSSH2_SESSION*, unsigned char** signature, std::size_t* size, const unsigned char* data,
                     std::size_t data_size, void** self);

  const Handle key_;
  const std::string public_;
  Transport* transport_ = nullptr;  // during authenticate()
};

}  // namespace pillard::ssh
