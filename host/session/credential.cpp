#include "session/credential.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "session/digest.h"

namespace pillard::session {

namespace {

constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxUsername = 64;
constexpr std::size_t kMaxPassword = 1024;
constexpr std::size_t kMaxPrivateKey = 64 * 1024;

// Not the C library's: theirs depend on the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

Error bad(const char* message) { return {Code::kBadRequest, message}; }

/// The address in its shortest spelling, or nothing if `text` is none of this family.
std::optional<std::string> canonical_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  if (!inet_ntop(family, bytes.data(), out.data(), out.size())) return std::nullopt;
  return out.data();
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

/// "127", "0x7f": what inet_aton() would read as a part of an address.
bool is_number(std::string_view label) {
  if (label.starts_with("0x")) return true;
  return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_dns_name(std::string_view name) {
  if (name.size() > kMaxHost) return false;
  for (;;) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !is_number(label);
    name.remove_prefix(dot + 1);
  }
}

/// The host as all keys spell it, or nothing.
std::optional<std::string> canonical_host(std::string host) {
  if (host.find('\0') != std::string::npos) return std::nullopt;
  std::transform(host.begin(), host.end(), host.begin(), lower);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return canonical_address(AF_INET6, host.substr(1, host.size() - 2));
  }
  if (host.find(':') != std::string::npos) return canonical_address(AF_INET6, host);
  if (auto address = canonical_address(AF_INET, host)) return address;
  if (!host.empty() && host.back() == '.') host.pop_back();
  if (!is_dns_name(host)) return std::nullopt;
  return host;
}

bool is_username(std::string_view name) {
  return !name.empty() && name.size() <= kMaxUsername && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter(c) || is_digit(c) || std::string_view("._-+@$\\").find(c) != std::string_view::npos;
         });
}

/// The key alone, its lines as OpenSSL and libssh2 want them; empty if there is none in the text.
Secret armoured(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kPrivate = "PRIVATE KEY-----";
  auto begin = text.find(kBegin);
  for (; begin != std::string_view::npos; begin = text.find(kBegin, begin + 1))
    if (text.substr(begin, text.find_first_of("\r\n", begin) - begin).ends_with(kPrivate)) break;
  if (begin == std::string_view::npos) return {};
  const auto label = text.substr(begin + kBegin.size(), text.find(kPrivate, begin) - begin - kBegin.size());
  const auto footer = "-----END " + std::string(label) + std::string(kPrivate);
  const auto end = text.find(footer, begin);
  if (end == std::string_view::npos) return {};
  std::string lines;
  lines.reserve(end - begin + footer.size() + 1);
  for (const char c : text.substr(begin, end - begin + footer.size()))
    if (c != '\r') lines += c;
  lines += '\n';
  return Secret::take(lines);
}

std::optional<Error> refusal_of_key(Secret& key) {
  const auto text = key.reveal();
  if (text.size() > kMaxPrivateKey) return bad("The private key is longer than 64 KiB.");
  if (text.find('\0') != std::string_view::npos) return bad("The private key has a zero byte in it.");
  if (text.starts_with("PuTTY-User-Key-File"))
    return bad(
        "The private key is in PuTTY's format. Convert it with PuTTYgen (Conversions, Export OpenSSH key) or with "
        "\"puttygen key.ppk -O private-openssh-new -o key\".");
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-"))
    return bad("This is a public key. The private key is in the file of the same name without \".pub\".");
  auto lines = armoured(text);
  if (lines.empty())
    return bad(
        "This is no private key. Paste the whole file, from the line \"-----BEGIN ... PRIVATE KEY-----\" to the line "
        "\"-----END ... PRIVATE KEY-----\".");
  key = std::move(lines);
  return std::nullopt;
}

/// Also puts the private key into its one spelling.
std::optional<Error> refusal_of_secrets(Credential& credential) {
  const auto password = credential.password.reveal();
  if (password.empty() && credential.private_key.empty()) return bad("The password is missing.");
  if (password.size() > kMaxPassword) return bad("The password is longer than 1024 bytes.");
  if (password.find('\0') != std::string_view::npos) return bad("The password has a zero byte in it.");
  const auto passphrase = credential.passphrase.reveal();
  if (passphrase.size() > kMaxPassword) return bad("The passphrase is longer than 1024 bytes.");
  if (passphrase.find('\0') != std::string_view::npos) return bad("The passphrase has a zero byte in it.");
  if (!credential.private_key.empty()) return refusal_of_key(credential.private_key);
  if (!passphrase.empty()) return bad("There is a passphrase, but no private key that it belongs to.");
  return std::nullopt;
}

}  // namespace

Result<Credential> validate(Credential credential) {
  if (credential.host.empty()) return bad("The host is missing.");
  auto host = canonical_host(std::move(credential.host));
  if (!host) return bad("The host is neither a DNS name nor an IP address.");
  credential.host = std::move(*host);
  if (credential.port == 0) return bad("The port is not between 1 and 65535.");
  if (credential.username.empty()) return bad("The username is missing.");
  if (!is_username(credential.username)) {
    return bad("The username is not one of 1 to 64 letters, digits and . _ - + @ $ \\ that does not begin with \"-\".");
  }
  if (auto error = refusal_of_secrets(credential)) return *error;
  return credential;
}

std::string lane_key(const Credential& credential) {
  return keyed_digest(
      "lane", {credential.host, std::to_string(credential.port), credential.username, credential.password.reveal(),
               credential.private_key.reveal(), credential.passphrase.reveal()});
}

std::string node_key(std::string_view host, std::uint16_t port) {
  const bool brackets = host.find(':') != std::string_view::npos && !host.starts_with('[');
  std::string key;
  key.reserve(host.size() + 8);
  if (brackets) key.push_back('[');
  std::transform(host.begin(), host.end(), std::back_inserter(key), lower);
  if (brackets) key.push_back(']');
  key.push_back(':');
  return key + std::to_string(port);
}

}  // namespace pillard::session
