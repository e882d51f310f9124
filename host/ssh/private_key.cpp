#include "ssh/private_key.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ssh/key_file.h"

namespace pillard::ssh {

namespace {

constexpr int kMostRsaBits = 8192;                           // a signature takes some 100 ms
constexpr std::size_t kMostRsaBytes = kMostRsaBits / 8 + 1;  // of each number; the sign has a bit, too

using Handle = Owned<EVP_PKEY, EVP_PKEY_free>;
using Number = Owned<BIGNUM, BN_clear_free>;

/// What SSH and OpenSSL call the same curve.
struct Curve {
  std::string_view type;
  std::string_view ssh;
  const char* openssl;
  std::size_t point;  // bytes of one, uncompressed
  const EVP_MD* (*digest)();
};
constexpr std::array<Curve, 3> kCurves = {{
    {"ecdsa-sha2-nistp256", "nistp256", "prime256v1", 65, EVP_sha256},
    {"ecdsa-sha2-nistp384", "nistp384", "secp384r1", 97, EVP_sha384},
    {"ecdsa-sha2-nistp521", "nistp521", "secp521r1", 133, EVP_sha512},
}};

const Curve* curve_of(const EVP_PKEY& key) {
  std::array<char, 64> name{};
  EVP_PKEY_get_utf8_string_param(&key, OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size(), nullptr);
  const auto* const found = std::find_if(
      kCurves.begin(), kCurves.end(), [&](const Curve& curve) { return std::strcmp(curve.openssl, name.data()) == 0; });
  return found == kCurves.end() ? nullptr : found;
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

Error wrong_passphrase() {
  return {Code::kUnauthenticated, "Authentication failed: the passphrase does not open the private key."};
}

void append_string(std::string& out, std::string_view text) {
  for (unsigned shift = 32; shift != 0; shift -= 8) out += static_cast<char>(text.size() >> (shift - 8) & 0xffU);
  out += text;
}

void append_number(std::string& out, const BIGNUM& number) {
  // A leading zero bit marks it as positive.
  std::string text(BN_is_zero(&number) == 0 ? static_cast<std::size_t>(BN_num_bits(&number) / 8 + 1) : 0, '\0');
  BN_bn2binpad(&number, bytes(text), static_cast<int>(text.size()));
  append_string(out, text);
}

/// The public part, or nothing if the key lacks it.
std::string public_part_of(const EVP_PKEY& key) {
  std::string part;
  std::array<unsigned char, 160> point{};
  auto size = point.size();
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_ED25519) {
    if (EVP_PKEY_get_raw_public_key(&key, point.data(), &size) != 1) return {};
    append_string(part, "ssh-ed25519");
    append_string(part, {reinterpret_cast<const char*>(point.data()), size});
  } else if (const auto* const curve = curve_of(key)) {
    if (EVP_PKEY_get_octet_string_param(&key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) != 1 ||
        size != curve->point || point[0] != POINT_CONVERSION_UNCOMPRESSED)
      return {};
    append_string(part, curve->type);
    append_string(part, curve->ssh);
    append_string(part, {reinterpret_cast<const char*>(point.data()), size});
  } else {
    BIGNUM* modulus = nullptr;
    BIGNUM* exponent = nullptr;
    EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_N, &modulus);
    EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_E, &exponent);
    const Number held(modulus);
    const Number too(exponent);
    if (!held || !too) return {};
    // By the name of the algorithm that signs, which sshd takes for the key's type as well: libssh2 asks for the
    // signature by the name that it finds here.
    append_string(part, "rsa-sha2-256");
    append_number(part, *exponent);
    append_number(part, *modulus);
  }
  return part;
}

/// A key of the parts in `builder`.
Handle made_of(const char* kind, OSSL_PARAM_BLD& builder) {
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parts(OSSL_PARAM_BLD_to_param(&builder));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> making(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parts || !making || EVP_PKEY_fromdata_init(making.get()) != 1 ||
      EVP_PKEY_fromdata(making.get(), &key, EVP_PKEY_KEYPAIR, parts.get()) != 1)
    return {};
  return Handle(key);
}

Number number_of(std::string_view text) {
  // A "secure" one: its copies are wiped, too.
  Number number(BN_secure_new());
  if (!number || !BN_bin2bn(bytes(text), static_cast<int>(text.size()), number.get())) return {};
  return number;
}

Error too_large() { return unsupported_keys("RSA keys of more than 8192 bits"); }

Result<Handle> read_rsa(SshFields fields) {
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  std::array<Number, 3> numbers;
  std::size_t at = 0;
  for (const auto* name : {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D}) {
    const auto text = fields.string();
    if (!text || !builder) return damaged_key();
    if (text->size() > kMostRsaBytes) return too_large();
    numbers[at] = number_of(*text);
    if (!numbers[at] || OSSL_PARAM_BLD_push_BN(builder.get(), name, numbers[at].get()) != 1) return damaged_key();
    ++at;
  }
  return made_of("RSA", *builder);
}

Handle read_ecdsa(SshFields fields, std::string_view type) {
  const auto* const curve =
      std::find_if(kCurves.begin(), kCurves.end(), [type](const Curve& known) { return known.type == type; });
  const auto name = fields.string();
  const auto point = fields.string();
  const auto secret = fields.string();
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (curve == kCurves.end() || !secret || name != curve->ssh || !builder) return {};
  const auto number = number_of(*secret);
  if (!number || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point->data(), point->size()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) != 1)
    return {};
  return made_of("EC", *builder);
}

Handle read_ed25519(SshFields fields) {
  constexpr std::size_t kSeed = 32;
  fields.string();  // the public part: OpenSSL makes its own
  const auto both = fields.string();
  if (!both || both->size() != 2 * kSeed) return {};
  return Handle(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(*both), kSeed));
}

/// The key in the open part of OpenSSH's format, null if that is damaged.
Result<Handle> read_openssh(const session::Secret& part, const std::string& type) {
  SshFields fields(part.reveal());
  if (fields.string() != type) return damaged_key();
  if (type == "ssh-ed25519") return read_ed25519(fields);
  if (type == "ssh-rsa") return read_rsa(fields);
  return read_ecdsa(fields, type);
}

/// One element of DER after the other, looked at without making anything of it.
class Der {
 public:
  explicit Der(std::string_view rest) : rest_(rest) {}
  /// What is in the next element; nothing, and nothing is taken, if it is of another kind, cut off or without a length.
  std::optional<std::string_view> next(int tag, int of_class = V_ASN1_UNIVERSAL) {
    const auto* at = bytes(rest_);
    long size = 0;
    int found = 0;
    int found_class = 0;
    if (rest_.empty()) return std::nullopt;
    const int flags = ASN1_get_object(&at, &size, &found, &found_class, static_cast<long>(rest_.size()));
    if ((flags & 0x81) != 0 || found != tag || found_class != of_class) return std::nullopt;
    const auto begin = static_cast<std::size_t>(at - bytes(rest_));
    const auto content = rest_.substr(begin, static_cast<std::size_t>(size));
    rest_.remove_prefix(begin + content.size());
    return content;
  }
  bool done() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Why this RSAPrivateKey (RFC 8017) is not computed with.
std::optional<Error> refusal_of_rsa(std::string_view der) {
  constexpr int kNumbers = 8;
  Der outside(der);
  const auto inside = outside.next(V_ASN1_SEQUENCE);
  if (!inside || !outside.done()) return damaged_key();
  Der numbers(*inside);
  if (numbers.next(V_ASN1_INTEGER) != std::string_view("\0", 1)) return damaged_key();  // of two primes
  for (int i = 0; i < kNumbers; ++i) {
    const auto number = numbers.next(V_ASN1_INTEGER);
    if (!number) return damaged_key();
    if (number->size() > kMostRsaBytes) return too_large();
  }
  if (!numbers.done()) return damaged_key();
  return std::nullopt;
}

bool is_curve(const ASN1_OBJECT* id) {
  const int found = OBJ_obj2nid(id);
  return std::any_of(kCurves.begin(), kCurves.end(),
                     [found](const Curve& curve) { return OBJ_sn2nid(curve.openssl) == found; });
}

/// Why this ECPrivateKey (RFC 5915) is not computed with. It may name its curve even where that stands outside.
std::optional<Error> refusal_of_ec(std::string_view der, bool named_outside) {
  constexpr std::size_t kMostSecret = 66;
  Der outside(der);
  const auto inside = outside.next(V_ASN1_SEQUENCE);
  if (!inside || !outside.done()) return damaged_key();
  Der parts(*inside);
  const auto version = parts.next(V_ASN1_INTEGER);
  const auto secret = parts.next(V_ASN1_OCTET_STRING);
  if (version != "\1" || !secret || secret->size() > kMostSecret) return damaged_key();
  const auto curve = parts.next(0, V_ASN1_CONTEXT_SPECIFIC);
  parts.next(1, V_ASN1_CONTEXT_SPECIFIC);  // the point
  if (!parts.done() || (!curve && !named_outside)) return damaged_key();
  if (!curve) return std::nullopt;
  const auto* at = bytes(*curve);
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> id(d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(curve->size())));
  // One that is described instead of named can be of any size.
  if (!id || !is_curve(id.get())) return unsupported_keys("Private keys on this elliptic curve");
  return std::nullopt;
}

Result<Handle> read_older(const session::Secret& der, int type) {
  const auto error = type == EVP_PKEY_RSA ? refusal_of_rsa(der.reveal()) : refusal_of_ec(der.reveal(), false);
  if (error) return *error;
  const auto* at = bytes(der.reveal());
  return Handle(d2i_PrivateKey(type, nullptr, &at, static_cast<long>(der.size())));
}

Result<Handle> read_pkcs8(const session::Secret& der) {
  const auto* at = bytes(der.reveal());
  const auto* const end = at + der.size();
  const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  const ASN1_OBJECT* id = nullptr;
  const unsigned char* key = nullptr;
  int size = 0;
  const X509_ALGOR* algorithm = nullptr;
  if (!info || at != end || PKCS8_pkey_get0(&id, &key, &size, &algorithm, info.get()) != 1) return damaged_key();
  const std::string_view inside(reinterpret_cast<const char*>(key), static_cast<std::size_t>(size));
  std::optional<Error> error;
  switch (OBJ_obj2nid(id)) {
    case NID_ED25519: break;
    case NID_rsaEncryption: error = refusal_of_rsa(inside); break;
    case NID_X9_62_id_ecPublicKey: {
      int kind = 0;
      const void* curve = nullptr;
      X509_ALGOR_get0(nullptr, &kind, &curve, algorithm);
      if (kind != V_ASN1_OBJECT || !is_curve(static_cast<const ASN1_OBJECT*>(curve)))
        return unsupported_keys("Private keys on this elliptic curve");
      error = refusal_of_ec(inside, true);
      break;
    }
    default: return unsupported_keys("Private keys of this kind");
  }
  if (error) return *error;
  return Handle(EVP_PKCS82PKEY(info.get()));
}

/// The key in what open() gave, null or refused if it is damaged. Nothing is computed with what was not looked at.
Result<Handle> read_part(const KeyFile& file, const session::Secret& part) {
  switch (file.format()) {
    case KeyFile::Format::kPkcs8: return read_pkcs8(part);
    case KeyFile::Format::kRsa: return read_older(part, EVP_PKEY_RSA);
    case KeyFile::Format::kEc: return read_older(part, EVP_PKEY_EC);
    case KeyFile::Format::kOpenSsh: break;
  }
  return read_openssh(part, file.type());
}

std::optional<Error> refusal_of(const EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_ED25519: return std::nullopt;
    case EVP_PKEY_EC:
      if (curve_of(key)) return std::nullopt;
      return unsupported_keys("Private keys on this elliptic curve");
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(&key) <= kMostRsaBits) return std::nullopt;
      return too_large();
    default: return unsupported_keys("Private keys of this kind");
  }
}

/// OpenSSL's list of a thread's errors stays for whoever looks there next.
struct ForgetErrors {
  ~ForgetErrors() { ERR_clear_error(); }
};

}  // namespace

std::optional<Error> inspect_key(const session::Credential& credential) {
  if (credential.private_key.empty()) return std::nullopt;
  const auto file = KeyFile::read(credential.private_key.reveal());
  if (!file) return file.error();
  if (file->encrypted() && credential.passphrase.empty())
    return Error(Code::kBadRequest,
                 "Authentication failed: the private key is protected by a passphrase. Enter it as well.");
  return std::nullopt;
}

Result<std::unique_ptr<PrivateKey>> PrivateKey::open(const session::Credential& credential) {
  const ForgetErrors forget;
  if (auto error = inspect_key(credential)) return *error;
  const auto file = KeyFile::read(credential.private_key.reveal());
  const auto part = file->open(credential.passphrase.reveal());
  if (!part) return file->encrypted() ? wrong_passphrase() : damaged_key();
  auto read = read_part(*file, *part);
  // A wrong passphrase can pass OpenSSL's own test: what it opens makes no sense then.
  const bool guessed = file->encrypted() && file->format() != KeyFile::Format::kOpenSsh;
  if (!read) return guessed && read.error().code() == Code::kBadRequest ? wrong_passphrase() : read.error();
  auto key = std::move(read).value();
  if (!key) return guessed ? wrong_passphrase() : damaged_key();
  if (auto error = refusal_of(*key)) return *error;
  auto shown = public_part_of(*key);
  if (shown.empty()) return damaged_key();
  return std::unique_ptr<PrivateKey>(new PrivateKey(std::move(key), std::move(shown)));
}

int PrivateKey::authenticate(Transport& transport, const std::string& username) {
  transport_ = &transport;
  void* self = this;
  return libssh2_userauth_publickey(transport.session(), username.c_str(), bytes(public_), public_.size(), &on_sign,
                                    &self);
}

std::string PrivateKey::sign(std::string_view data) const {
  const ForgetErrors forget;
  const int type = EVP_PKEY_get_base_id(key_.get());
  const auto* const curve = type == EVP_PKEY_EC ? curve_of(*key_) : nullptr;
  const auto* const digest = curve ? curve->digest() : type == EVP_PKEY_RSA ? EVP_sha256() : nullptr;
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> work(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!work || EVP_DigestSignInit(work.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(work.get(), nullptr, &size, bytes(data), data.size()) != 1)
    return {};
  std::string signature(size, '\0');
  if (EVP_DigestSign(work.get(), bytes(signature), &size, bytes(data), data.size()) != 1) return {};
  signature.resize(size);
  if (!curve) return signature;
  // Two numbers, in the frame of SSH instead of DER's.
  const auto* at = bytes(std::as_const(signature));
  const Owned<ECDSA_SIG, ECDSA_SIG_free> numbers(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  if (!numbers) return {};
  std::string framed;
  append_number(framed, *ECDSA_SIG_get0_r(numbers.get()));
  append_number(framed, *ECDSA_SIG_get0_s(numbers.get()));
  return framed;
}

int PrivateKey::on_sign(LIBSSH2_SESSION*, unsigned char** signature, std::size_t* size, const unsigned char* data,
                        std::size_t data_size, void** self) {
  auto& key = *static_cast<PrivateKey*>(*self);
  const auto made = key.sign({reinterpret_cast<const char*>(data), data_size});
  auto* const space = made.empty() ? nullptr : key.transport_->allocate(made.size());  // libssh2 frees it
  if (!space) return -1;
  std::memcpy(space, made.data(), made.size());
  *signature = static_cast<unsigned char*>(space);
  *size = made.size();
  return 0;
}

}  // namespace pillard::ssh
