#pragma once
// Certificates as operators have them: two PEM files, made for one test.
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "config.h"

namespace pillard::test {

class Certificates {
 public:
  Certificates() {
    char name[] = "/tmp/pillard-tls-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  Certificates(const Certificates&) = delete;
  ~Certificates() { std::filesystem::remove_all(directory_); }

  config::Tls files() const { return {.certificate = directory_ / "cert.pem", .key = directory_ / "key.pem"}; }
  /// Writes a new pair. `from`, `to`: seconds from now.
  const Certificates& write(const std::string& name, long from = -60, long to = 86400) const {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), to);
    X509_set_pubkey(made.get(), key.get());
    auto* const subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(made.get(), subject);
    X509_sign(made.get(), key.get(), EVP_sha256());
    put(files().certificate, [&](BIO* out) { PEM_write_bio_X509(out, made.get()); });
    put(files().key,
        [&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    put(directory_ / "encrypted.pem", [&](BIO* out) {
      PEM_write_bio_PrivateKey(out, key.get(), EVP_aes_256_cbc(), nullptr, 0, nullptr, const_cast<char*>("secret"));
    });
    return *this;
  }
  void write_text(const std::filesystem::path& file, const std::string& text) const {
    std::ofstream(file, std::ios::binary) << text;
  }
  std::filesystem::path encrypted_key() const { return directory_ / "encrypted.pem"; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  template <class Write>
  static void put(const std::filesystem::path& file, Write write) {
    auto* const out = BIO_new_file(file.c_str(), "w");
    write(out);
    BIO_free(out);
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  std::filesystem::path directory_;
};

}  // namespace pillard::test
