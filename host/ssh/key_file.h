#pragma once
// What can be seen of a private key's file without its passphrase, and taking OpenSSH's format apart.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/result.h"
#include "session/secret.h"

namespace pillard::ssh {

/// The strings and numbers of RFC 4251, section 5, one after the other. What was handed out lives as long as the text.
class SshFields {
 public:
  explicit SshFields(std::string_view rest) : rest_(rest) {}
  /// Each gives nothing if there is less left.
  std::optional<std::string_view> bytes(std::size_t size);
  std::optional<std::uint32_t> number();
  std::optional<std::string_view> string();
  bool done() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

class KeyFile {
 public:
  enum class Format { kOpenSsh, kPkcs8, kRsa, kEc };  // the last two: of RFC 8017 and RFC 5915, as OpenSSL wrote them

  /// `text` is as validate() leaves it. kBadRequest if it is damaged; kUnsupported for kinds of keys, of ciphers or of
  /// key derivations that no login can be made with here, or not within seconds; the words say what to do instead.
  static Result<KeyFile> read(std::string_view text);

  Format format() const noexcept { return format_; }
  /// "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"; empty if only who opens it can tell.
  const std::string& type() const noexcept { return type_; }
  bool encrypted() const noexcept { return encrypted_; }

  /// The part that holds the key, decrypted. Of OpenSSH's format: its type, then its fields, a comment and padding; of
  /// the others: DER, which may not be what it is said to be. Nothing if the passphrase is wrong or the part damaged.
  /// May take some seconds.
  std::optional<session::Secret> open(std::string_view passphrase) const;

 private:
  KeyFile() = default;
  static Result<KeyFile> read_openssh(std::string_view body);
  static Result<KeyFile> read_pem(std::string_view label, std::string_view body);
  static Result<KeyFile> read_envelope(session::Secret der);
  std::optional<session::Secret> open_openssh(std::string_view passphrase) const;

  Format format_ = Format::kOpenSsh;
  std::string type_;
  bool encrypted_ = false;
  std::string cipher_;
  std::string salt_;
  std::uint32_t rounds_ = 0;
  std::string headers_;  // that say how OpenSSL encrypted
  session::Secret part_;
};

/// [any] What a person is told of a key that ends in the middle, or whose parts don't fit together: kBadRequest.
Error damaged_key();

/// [any] "<what> are not supported. ...", with how to make a key that is: kUnsupported.
Error unsupported_keys(const std::string& what);

}  // namespace pillard::ssh
