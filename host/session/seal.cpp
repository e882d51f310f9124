#include "session/seal.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <stdexcept>
#include <system_error>

#include "session/digest.h"
#include "wire/base64.h"

namespace pillard::session {

namespace {

constexpr std::string_view kVersion = "v1.";
constexpr std::string_view kPurpose = "pillard: sealed session records, version 1";
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kMaxFile = 16 * 1024;
constexpr std::string_view kHint = "; \"openssl rand -hex 32\" makes a key";

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Error bad(const std::string& message) { return {Code::kBadRequest, message}; }

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() != 2 * Sealer::kKeyBytes) return std::nullopt;
  std::string out;
  out.reserve(Sealer::kKeyBytes);
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const int high = nibble(text[at]);
    const int low = nibble(text[at + 1]);
    if (high < 0 || low < 0) {
      wipe(out);
      return std::nullopt;
    }
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

/// The key that seals, so that the file's own bytes serve nothing directly; or nothing if the line is no key.
std::optional<Secret> key_of(std::string_view line) {
  auto raw = from_hex(line);
  if (!raw) raw = wire::decode_base64(line);
  if (!raw) return std::nullopt;
  auto key = Secret::take(*raw);
  if (key.size() != Sealer::kKeyBytes) return std::nullopt;
  std::string derived(Sealer::kKeyBytes, '\0');
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), key.reveal().data(), static_cast<int>(key.size()), bytes(kPurpose), kPurpose.size(),
            bytes(derived), &length) ||
      length != derived.size())
    throw std::runtime_error("HMAC-SHA256 failed");
  return Secret::take(derived);
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const auto first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

std::optional<Secret> open_with(const Secret& key, std::string_view blob, std::string_view context) {
  const auto nonce = blob.substr(0, kNonce);
  const auto text = blob.substr(kNonce, blob.size() - kNonce - kTag);
  std::string tag(blob.substr(blob.size() - kTag));
  std::string plain(text.size() + 1, '\0');  // the cipher wants an address even for nothing
  int size = 0;
  const Context cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool opened =
      cipher && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key.reveal()), bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes(plain), &size, bytes(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTag), tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes(plain) + text.size(), &size) == 1;
  Secret secret(std::string_view(plain).substr(0, opened ? text.size() : 0));
  wipe(plain);
  if (!opened) return std::nullopt;
  return secret;
}

/// All of the file, from a descriptor whose owner and mode were looked at: another file can't slip in between.
Result<Secret> read_private(const std::filesystem::path& file) {
  struct Descriptor {
    int fd;
    ~Descriptor() {
      if (fd >= 0) ::close(fd);
    }
  } const opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (opened.fd < 0)
    return bad(file.native() + " cannot be read: " + std::generic_category().message(errno) + kHint.data());
  struct stat status {};
  if (::fstat(opened.fd, &status) != 0 || !S_ISREG(status.st_mode)) return bad(file.native() + " is no regular file");
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return bad(file.native() + " belongs to another user; it has to be root's or the daemon's own");
  if ((status.st_mode & (S_IWGRP | S_IROTH | S_IWOTH)) != 0)
    return bad(file.native() + " can be read or changed by others; chmod 600 it (640 for a group of the daemon alone)");
  std::string text(kMaxFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(opened.fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const auto why = std::generic_category().message(errno);
      wipe(text);
      return bad(file.native() + " cannot be read: " + why);
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  Secret secret(std::string_view(text).substr(0, size));
  wipe(text);
  if (size > kMaxFile) return bad(file.native() + " is too long for a file of keys");
  return secret;
}

}  // namespace

Result<Sealer> Sealer::from_file(const std::filesystem::path& file) {
  const auto text = read_private(file);
  if (!text) return text.error();
  auto sealer = from_text(text->reveal());
  if (!sealer) return bad(file.native() + ": " + sealer.error().what());
  return sealer;
}

Result<Sealer> Sealer::from_text(std::string_view text) {
  Sealer sealer;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    auto key = key_of(line);
    if (!key)
      return bad("line " + std::to_string(number) + " is no key of 32 bytes in hexadecimal or Base64" + kHint.data());
    if (sealer.keys_.size() == kMaxKeys) return bad("more than " + std::to_string(kMaxKeys) + " keys");
    sealer.keys_.push_back(std::move(*key));
  }
  if (sealer.keys_.empty()) return bad(std::string("no key in it") + kHint.data());
  return sealer;
}

std::string Sealer::seal(std::string_view plain, std::string_view context) const {
  std::string blob(kNonce + plain.size() + kTag, '\0');
  fill_random(std::as_writable_bytes(std::span(blob)).first(kNonce));
  const auto nonce = bytes(blob);
  const auto text = nonce + kNonce;
  const auto tag = text + plain.size();
  int size = 0;
  const Context cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  if (!cipher ||
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(keys_.front().reveal()), nonce) != 1 ||
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes(context), static_cast<int>(context.size())) != 1 ||
      EVP_EncryptUpdate(cipher.get(), text, &size, bytes(plain), static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(cipher.get(), tag, &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTag), tag) != 1)
    throw std::runtime_error("AES-256-GCM failed");
  std::string sealed(kVersion);
  wire::append_base64(sealed, blob);
  return sealed;
}

std::optional<Secret> Sealer::open(std::string_view sealed, std::string_view context) const {
  if (!sealed.starts_with(kVersion)) return std::nullopt;
  const auto blob = wire::decode_base64(sealed.substr(kVersion.size()));
  if (!blob || blob->size() < kNonce + kTag) return std::nullopt;
  for (const auto& key : keys_)
    if (auto plain = open_with(key, *blob, context)) return plain;
  return std::nullopt;
}

}  // namespace pillard::session
