#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "session/result.h"
#include "session/secret.h"

namespace pillard::session {

/// One user's login to one node.
struct Credential {
  std::string host;         // DNS name or IP address; after validate() lower-case, without brackets and final dot
  std::uint16_t port = 22;  // of its sshd
  std::string username;
  Secret password;
  Secret private_key{};  // the text of its file: PEM or OpenSSH's armour; empty: none
  Secret passphrase{};   // of the private key; empty: none
};

/// [any] The credential with its host in the one spelling that all keys use, or kBadRequest naming the field:
/// host:     an IPv4 address in four decimal parts; an IPv6 address, in brackets or not, without a zone; or a DNS name
///           of letters, digits, '-' and '_' in labels of 1-63, 253 in all, no label beginning or ending with '-', the
///           last one not a number (so that "127.1" and "0x7f.1", which the C library takes for addresses, are none);
/// port:     1-65535;
/// username: 1-64 of letters, digits and . _ - + @ $ \ , not beginning with '-';
/// a password, a private key or both (for nodes that ask for both);
/// password, passphrase: at most 1024 bytes without NUL, a passphrase only with a private key;
/// private key: at most 64 KiB without NUL, from a line "-----BEGIN ... PRIVATE KEY-----" to its END. What stands
///           around these is cut off, and lines end with "\n" and nothing else. Which kinds a node can be logged in to
///           with is for ssh::inspect_key() to say.
Result<Credential> validate(Credential credential);

/// [any] Stands for host, port, username and all secrets wherever connections are shared: equal exactly for equal
/// credentials, worthless outside this process. 64 hexadecimal digits.
std::string lane_key(const Credential& credential);

/// [any] "node.example:22", "[2001:db8::1]:22": names the node in limits, logs and metrics.
std::string node_key(std::string_view host, std::uint16_t port);
inline std::string node_key(const Credential& credential) { return node_key(credential.host, credential.port); }

}  // namespace pillard::session
