#include "ssh/key_file.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "ssh/bcrypt.h"
#include "ssh/freed.h"
#include "wire/base64.h"

namespace pillard::ssh {

namespace {

constexpr std::size_t kMostText = 16 * 1024;  // an RSA key of 8192 bits takes 6500
// Beyond these a login would hold a worker for more than a few seconds.
constexpr std::uint32_t kMostRounds = 256;   // of bcrypt; ssh-keygen's default is 16
constexpr long kMostIterations = 1'000'000;  // of PBKDF2; OpenSSL's and ssh-keygen's default is 2048

Error unsupported(const std::string& what) { return {Code::kUnsupported, what}; }

/// What Base64 there is between the lines of the armour.
std::optional<session::Secret> decoded(std::string_view body) {
  std::string text;
  text.reserve(body.size());
  std::copy_if(body.begin(), body.end(), std::back_inserter(text),
               [](char c) { return c != '\n' && c != ' ' && c != '\t'; });
  auto bytes = wire::decode_base64(text);
  session::wipe(text);
  if (!bytes) return std::nullopt;
  return session::Secret::take(*bytes);
}

struct Cipher {
  std::string_view name;
  const EVP_CIPHER* (*get)();
};
constexpr std::array<std::string_view, 5> kTypes = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                                    "ecdsa-sha2-nistp521", "ssh-rsa"};
constexpr std::array<Cipher, 6> kCiphers = {{{"aes256-ctr", EVP_aes_256_ctr},
                                             {"aes192-ctr", EVP_aes_192_ctr},
                                             {"aes128-ctr", EVP_aes_128_ctr},
                                             {"aes256-cbc", EVP_aes_256_cbc},
                                             {"aes192-cbc", EVP_aes_192_cbc},
                                             {"aes128-cbc", EVP_aes_128_cbc}}};

const Cipher* cipher_of(std::string_view name) {
  const auto* const found =
      std::find_if(kCiphers.begin(), kCiphers.end(), [name](const Cipher& cipher) { return cipher.name == name; });
  return found == kCiphers.end() ? nullptr : found;
}

std::optional<session::Secret> decrypted(const EVP_CIPHER& cipher, const session::Secret& part,
                                         std::string_view passphrase, std::string_view salt, std::uint32_t rounds) {
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  const auto key_size = static_cast<std::size_t>(EVP_CIPHER_get_key_length(&cipher));
  const auto vector_size = static_cast<std::size_t>(EVP_CIPHER_get_iv_length(&cipher));
  const auto key = bcrypt_pbkdf(passphrase, salt, rounds, key_size + vector_size);
  const Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> work(EVP_CIPHER_CTX_new());
  const auto from = part.reveal();
  std::string plain(from.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  int size = 0;
  int rest = 0;
  const bool done =
      work &&
      EVP_DecryptInit_ex(work.get(), &cipher, nullptr, bytes(key.reveal()), bytes(key.reveal()) + key_size) == 1 &&
      EVP_CIPHER_CTX_set_padding(work.get(), 0) == 1 &&
      EVP_DecryptUpdate(work.get(), reinterpret_cast<unsigned char*>(plain.data()), &size, bytes(from),
                        static_cast<int>(from.size())) == 1 &&
      EVP_DecryptFinal_ex(work.get(), reinterpret_cast<unsigned char*>(plain.data()) + size, &rest) == 1;
  session::Secret secret(
      std::string_view(plain).substr(0, static_cast<std::size_t>(size) + static_cast<std::size_t>(rest)));
  session::wipe(plain);
  if (!done) return std::nullopt;
  return secret;
}

using Envelope = Owned<X509_SIG, X509_SIG_free>;
using Scheme = Owned<PBE2PARAM, PBE2PARAM_free>;
using Derivation = Owned<PBKDF2PARAM, PBKDF2PARAM_free>;

/// The iterations of a PKCS #8 envelope's key derivation; nothing if they are not PBKDF2's, 0 if it is no envelope.
std::optional<long> iterations_of(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Envelope envelope(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!envelope) return 0;
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OBJECT* id = nullptr;
  const void* parameter = nullptr;
  int kind = 0;
  X509_SIG_get0(envelope.get(), &algorithm, nullptr);
  X509_ALGOR_get0(&id, &kind, &parameter, algorithm);
  if (OBJ_obj2nid(id) != NID_pbes2 || kind != V_ASN1_SEQUENCE) return std::nullopt;
  const Scheme scheme(
      static_cast<PBE2PARAM*>(ASN1_item_unpack(static_cast<const ASN1_STRING*>(parameter), ASN1_ITEM_rptr(PBE2PARAM))));
  if (!scheme) return 0;
  X509_ALGOR_get0(&id, &kind, &parameter, scheme->keyfunc);
  if (OBJ_obj2nid(id) != NID_id_pbkdf2 || kind != V_ASN1_SEQUENCE) return std::nullopt;
  const Derivation derivation(static_cast<PBKDF2PARAM*>(
      ASN1_item_unpack(static_cast<const ASN1_STRING*>(parameter), ASN1_ITEM_rptr(PBKDF2PARAM))));
  // -1 if it does not fit.
  return derivation ? ASN1_INTEGER_get(derivation->iter) : 0;
}

/// What is in a PKCS #8 envelope whose iterations were looked at; nothing if the passphrase is wrong.
std::optional<session::Secret> out_of_envelope(const session::Secret& der, std::string_view passphrase) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.reveal().data());
  const Envelope envelope(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!envelope) return std::nullopt;
  const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> key(
      PKCS8_decrypt(envelope.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  const int size = key ? i2d_PKCS8_PRIV_KEY_INFO(key.get(), nullptr) : 0;
  if (size <= 0) return std::nullopt;
  std::string text(static_cast<std::size_t>(size), '\0');
  auto* to = reinterpret_cast<unsigned char*>(text.data());
  i2d_PKCS8_PRIV_KEY_INFO(key.get(), &to);
  return session::Secret::take(text);
}

int give_passphrase(char* to, int size, int, void* from) {
  const auto text = *static_cast<const std::string_view*>(from);
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return static_cast<int>(text.size());
}

/// What OpenSSL's older way encrypted, one round of MD5 over the passphrase. Nothing if that is wrong.
std::optional<session::Secret> out_of_headers(std::string headers, const session::Secret& part,
                                              std::string_view passphrase) {
  EVP_CIPHER_INFO cipher{};
  if (PEM_get_EVP_CIPHER_INFO(headers.data(), &cipher) != 1) return std::nullopt;
  std::string text(part.reveal());
  auto size = static_cast<long>(text.size());
  const bool done =
      PEM_do_header(&cipher, reinterpret_cast<unsigned char*>(text.data()), &size, &give_passphrase, &passphrase) == 1;
  session::Secret plain(std::string_view(text).substr(0, done ? static_cast<std::size_t>(size) : 0));
  session::wipe(text);
  if (!done) return std::nullopt;
  return plain;
}

}  // namespace

Error damaged_key() {
  return {Code::kBadRequest,
          "The private key is damaged. Paste the whole file again, from the BEGIN line to the END line."};
}

Error unsupported_keys(const std::string& what) {
  return unsupported(what +
                     " are not supported. Make a key with \"ssh-keygen -t ed25519\" and add its public part to "
                     "~/.ssh/authorized_keys on the node.");
}

std::optional<std::string_view> SshFields::bytes(std::size_t size) {
  if (rest_.size() < size) return std::nullopt;
  const auto part = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return part;
}

std::optional<std::uint32_t> SshFields::number() {
  const auto four = bytes(4);
  if (!four) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : *four) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

std::optional<std::string_view> SshFields::string() {
  const auto size = number();
  return size ? bytes(*size) : std::nullopt;
}

Result<KeyFile> KeyFile::read(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kPrivate = "PRIVATE KEY-----\n";
  const auto end_of_label = text.find(kPrivate);
  const auto end = text.rfind("-----END ");
  if (!text.starts_with(kBegin) || end_of_label == std::string_view::npos || end == std::string_view::npos ||
      end < end_of_label + kPrivate.size())
    return damaged_key();
  if (text.size() > kMostText)
    return unsupported(
        "The private key is larger than any that is supported. Make one with \"ssh-keygen -t ed25519\".");
  auto label = text.substr(kBegin.size(), end_of_label - kBegin.size());
  if (label.ends_with(' ')) label.remove_suffix(1);
  const auto body = text.substr(end_of_label + kPrivate.size(), end - end_of_label - kPrivate.size());
  // One key: what was looked at here must not be another one than what is used.
  if (body.find("-----") != std::string_view::npos) return damaged_key();
  return label == "OPENSSH" ? read_openssh(body) : read_pem(label, body);
}

Result<KeyFile> KeyFile::read_openssh(std::string_view body) {
  constexpr std::string_view kMagic("openssh-key-v1\0", 15);
  const auto bytes = decoded(body);
  if (!bytes) return damaged_key();
  SshFields fields(bytes->reveal());
  if (fields.bytes(kMagic.size()) != kMagic) return damaged_key();
  const auto cipher = fields.string();
  const auto derivation = fields.string();
  const auto options = fields.string();
  const auto count = fields.number();
  const auto open_part = fields.string();
  const auto part = fields.string();
  if (!cipher || !derivation || !options || !open_part || !part || count != 1U) return damaged_key();

  const auto type = SshFields(*open_part).string();
  if (!type) return damaged_key();
  if (type->starts_with("sk-"))
    return unsupported(
        "This key works only together with its security key (a hardware token), which cannot be asked from here. Use "
        "another key, or a password.");
  if (*type == "ssh-dss") return unsupported_keys("DSA keys");
  if (std::find(kTypes.begin(), kTypes.end(), *type) == kTypes.end())
    return unsupported_keys("Private keys of this kind");

  KeyFile file;
  file.format_ = Format::kOpenSsh;
  file.type_ = *type;
  file.encrypted_ = *cipher != "none";
  file.part_ = session::Secret(*part);
  if (!file.encrypted_) return file;
  file.cipher_ = *cipher;
  constexpr std::string_view kAgain = " Encrypt it again with \"ssh-keygen -p -f KEYFILE\".";
  if (!cipher_of(*cipher) || derivation != "bcrypt")
    return unsupported("The private key is encrypted in a way that is not supported." + std::string(kAgain));
  SshFields parameters(*options);
  const auto salt = parameters.string();
  const auto rounds = parameters.number();
  if (!salt || !rounds || *rounds == 0 || !parameters.done()) return damaged_key();
  if (*rounds > kMostRounds)
    return unsupported("Opening the private key would take too long: " + std::to_string(*rounds) + " rounds where " +
                       std::to_string(kMostRounds) + " are the most." + std::string(kAgain));
  file.salt_ = *salt;
  file.rounds_ = *rounds;
  return file;
}

Result<KeyFile> KeyFile::read_pem(std::string_view label, std::string_view body) {
  if (label == "DSA") return unsupported_keys("DSA keys");
  const bool older = label == "RSA" || label == "EC";
  if (!older && !label.empty() && label != "ENCRYPTED") return unsupported_keys("Private keys of this kind");
  KeyFile file;
  file.format_ = label == "RSA" ? Format::kRsa : label == "EC" ? Format::kEc : Format::kPkcs8;
  if (older && body.find(':') != std::string_view::npos) {
    const auto end = body.find("\n\n");
    if (end == std::string_view::npos) return damaged_key();
    file.headers_ = std::string(body.substr(0, end + 1));
    file.encrypted_ = true;
    body.remove_prefix(end);
  }
  auto der = decoded(body);
  if (!der || der->empty()) return damaged_key();
  if (label == "ENCRYPTED") return read_envelope(std::move(*der));
  file.part_ = std::move(*der);
  return file;
}

Result<KeyFile> KeyFile::read_envelope(session::Secret der) {
  const auto iterations = iterations_of(der.reveal());
  ERR_clear_error();  // of this thread, for whoever looks there next
  constexpr std::string_view kAgain = " Encrypt it again with \"ssh-keygen -p -m PKCS8 -f KEYFILE\".";
  if (iterations == 0) return damaged_key();
  if (!iterations)
    return unsupported("The private key is encrypted in a way that is not supported." + std::string(kAgain));
  if (*iterations < 0 || *iterations > kMostIterations)
    return unsupported("Opening the private key would take too long." + std::string(kAgain));
  KeyFile file;
  file.format_ = Format::kPkcs8;
  file.encrypted_ = true;
  file.part_ = std::move(der);
  return file;
}

std::optional<session::Secret> KeyFile::open(std::string_view passphrase) const {
  if (format_ == Format::kOpenSsh) return open_openssh(passphrase);
  if (!encrypted_) return part_;
  return format_ == Format::kPkcs8 ? out_of_envelope(part_, passphrase) : out_of_headers(headers_, part_, passphrase);
}

std::optional<session::Secret> KeyFile::open_openssh(std::string_view passphrase) const {
  session::Secret plain = part_;
  if (encrypted_) {
    const auto* const cipher = cipher_of(cipher_);
    if (!cipher) return std::nullopt;
    auto opened = decrypted(*cipher->get(), part_, passphrase, salt_, rounds_);
    if (!opened) return std::nullopt;
    plain = std::move(*opened);
  }
  // Two numbers at its beginning are equal only if the passphrase was right.
  SshFields fields(plain.reveal());
  const auto check = fields.number();
  if (!check || check != fields.number()) return std::nullopt;
  return session::Secret(plain.reveal().substr(8));
}

}  // namespace pillard::ssh
