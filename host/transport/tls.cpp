#include "transport/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include "session/secret.h"

namespace pillard::transport {

namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// Thrown inside read_identity() only.
struct Wrong {
  TlsMistake mistake;
};
[[noreturn]] void wrong(const char* key, const std::filesystem::path& file, const std::string& why) {
  ERR_clear_error();
  throw Wrong{{key, file.native() + ": " + why}};
}

/// OpenSSL's words for what went wrong last.
std::string reason() {
  const auto* const words = ERR_reason_error_string(ERR_peek_last_error());
  return words ? words : "unknown reason";
}

/// A file's text, which is wiped.
class FileText {
 public:
  FileText(const char* key, const std::filesystem::path& file) {
    constexpr std::size_t kMost = 1024 * 1024;
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) wrong(key, file, std::generic_category().message(errno));
    struct stat status {};
    ::fstat(fd, &status);
    mode_ = status.st_mode;
    // In one piece, so that growing leaves no copies behind.
    const bool regular = S_ISREG(mode_) && static_cast<std::size_t>(status.st_size) <= kMost;
    if (regular) text_.resize(static_cast<std::size_t>(status.st_size));
    std::size_t size = 0;
    ssize_t got = 0;
    while (size < text_.size() && (got = ::read(fd, text_.data() + size, text_.size() - size)) > 0)
      size += static_cast<std::size_t>(got);
    const int error = errno;
    ::close(fd);
    if (!regular) wrong(key, file, "is no file of 1 MiB at most");
    if (got < 0) wrong(key, file, std::generic_category().message(error));
    text_.resize(size);
  }
  FileText(const FileText&) = delete;
  ~FileText() { session::wipe(text_); }
  Owned<BIO> open() const { return Owned<BIO>(BIO_new_mem_buf(text_.data(), static_cast<int>(text_.size()))); }
  mode_t mode() const { return mode_; }

 private:
  std::string text_;
  mode_t mode_ = 0;
};

int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Owned<X509> read_certificates(const std::filesystem::path& file, SSL_CTX& context) {
  constexpr auto kKey = "tls.certificate";
  const FileText text(kKey, file);
  const auto bio = text.open();
  Owned<X509> leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!leaf) wrong(kKey, file, "holds no PEM certificate (" + reason() + ")");
  if (SSL_CTX_use_certificate(&context, leaf.get()) != 1) wrong(kKey, file, "cannot be used: " + reason());
  while (auto* const issuer = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    if (SSL_CTX_add0_chain_cert(&context, issuer) != 1) {
      X509_free(issuer);
      wrong(kKey, file, "a certificate behind the first one cannot be used: " + reason());
    }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    wrong(kKey, file, "a certificate behind the first one cannot be read: " + reason());
  ERR_clear_error();
  return leaf;
}

void read_key(const config::Tls& files, X509& leaf, SSL_CTX& context, std::vector<std::string>& warnings) {
  constexpr auto kKey = "tls.key";
  const FileText text(kKey, files.key);
  const auto bio = text.open();
  bool asked = false;
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked));
  if (asked) wrong(kKey, files.key, "is encrypted, and nobody is there to be asked for its passphrase");
  if (!key) wrong(kKey, files.key, "holds no PEM private key (" + reason() + ")");
  if (X509_check_private_key(&leaf, key.get()) != 1)
    wrong(kKey, files.key, "does not belong to the certificate in " + files.certificate.native());
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1) wrong(kKey, files.key, "cannot be used: " + reason());
  if ((text.mode() & S_IRWXO) != 0) warnings.push_back("tls.key: " + files.key.native() + " is open to everybody here");
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

std::string date(std::chrono::sys_seconds time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&seconds, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// Of the protocols that a client offers there is one that is spoken here.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  auto* chosen = const_cast<unsigned char*>(*out);
  const int found = SSL_select_next_proto(&chosen, size, kHttp.data(), kHttp.size(), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::shared_ptr<SSL_CTX> new_context() {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) throw std::runtime_error("OpenSSL makes no TLS context: " + reason());
  auto* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // HTTP and WebSocket say themselves where a message ends: a client that leaves without close_notify cuts off nothing.
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // What waits is kept here and not at a fixed place; an idle client costs no buffers.
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Of TLS 1.2 what keeps the past secret; those of 1.3 all do.
  if (SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    throw std::runtime_error("OpenSSL has none of the ciphers that are used here: " + reason());
  // Clients keep their sessions themselves, in tickets.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(raw, reinterpret_cast<const unsigned char*>("pillard"), 7);
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  return context;
}

}  // namespace

std::variant<TlsIdentity, TlsMistake> read_identity(const config::Tls& files) {
  TlsIdentity identity{.context = new_context(), .expires = {}, .warnings = {}};
  try {
    const auto leaf = read_certificates(files.certificate, *identity.context);
    read_key(files, *leaf, *identity.context, identity.warnings);
    const auto now = std::chrono::system_clock::now();
    identity.expires = time_of(X509_get0_notAfter(leaf.get()));
    const auto begins = time_of(X509_get0_notBefore(leaf.get()));
    const auto about = "tls.certificate: " + files.certificate.native();
    if (identity.expires <= now) identity.warnings.push_back(about + " expired at " + date(identity.expires));
    if (begins > now) identity.warnings.push_back(about + " is not valid before " + date(begins));
    return identity;
  } catch (Wrong& wrong) {
    return std::move(wrong.mistake);
  }
}

Tls::Tls(const config::Tls& files, observe::Log& log, observe::Metrics& metrics)
    : files_(files),
      log_(log),
      metrics_(metrics),
      reloads_(metrics.counter("pillard_tls_reloads_total", "Times that a certificate was read anew and taken.")),
      reload_failures_(metrics.counter("pillard_tls_reload_failures_total",
                                       "Times that a certificate that was to be read anew could not be used.")),
      expiry_(metrics.gauge("pillard_tls_certificate_expiry_seconds", "When the certificate expires, in Unix time.")) {
  auto identity = read_identity(files_);
  if (const auto* mistake = std::get_if<TlsMistake>(&identity))
    throw std::runtime_error(mistake->key + ": " + mistake->message);
  take(std::get<TlsIdentity>(std::move(identity)));
}

void Tls::take(TlsIdentity identity) {
  for (const auto& warning : identity.warnings) log_.warning("transport", "certificate", {{"warning", warning}});
  log_.info("transport", "certificate in use",
            {{"file", files_.certificate.native()}, {"expires", date(identity.expires)}});
  expiry_.set(identity.expires.time_since_epoch().count());
  const std::lock_guard lock(mutex_);
  context_ = std::move(identity.context);
}

bool Tls::reload() {
  auto identity = [&]() -> std::variant<TlsIdentity, TlsMistake> {
    try {
      return read_identity(files_);
    } catch (const std::exception& error) {
      return TlsMistake{"tls.certificate", error.what()};
    }
  }();
  if (const auto* mistake = std::get_if<TlsMistake>(&identity)) {
    reload_failures_.add();
    log_.error("transport", "certificate not reloaded: the old one stays in use",
               {{"key", mistake->key}, {"why", mistake->message}});
    return false;
  }
  take(std::get<TlsIdentity>(std::move(identity)));
  reloads_.add();
  return true;
}

std::unique_ptr<TlsStream> Tls::accept(int fd) {
  std::shared_ptr<SSL_CTX> context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  return std::make_unique<TlsStream>(*context, fd, metrics_);  // which keeps the context
}

}  // namespace pillard::transport
