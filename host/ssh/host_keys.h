#pragma once
// Whether the machine that answers is the one it was last time: trust on first use, in OpenSSH's own file format.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/problem.h"

namespace pillard::ssh {

class KnownHosts;

/// [ssh] host_keys
enum class HostKeyMode {
  kAcceptNew,  ///< "accept-new": an unknown node is trusted once its login succeeded; a changed key is refused
  kStrict,     ///< "strict": only keys that stand in known_hosts
  kOff,        ///< "off": any key but a revoked one, and nothing is written
};
std::optional<HostKeyMode> parse_host_key_mode(std::string_view text) noexcept;

enum class HostKeyVerdict { kMatch, kUnknown, kChanged, kRevoked };

struct HostKeyCheck {
  HostKeyVerdict verdict = HostKeyVerdict::kUnknown;
  std::string fingerprint;       // "SHA256:..." as ssh-keygen -l shows it
  std::optional<Error> refusal;  // set: go no further, whatever the verdict. For the user: fingerprint and remedy
};

/// The known_hosts file. All functions are [any] but the constructor, and wait for the disk: call them from a worker.
/// The file may be edited at any time; a change is seen by the next call. Understood are plain, hashed, listed and
/// `[host]:port` entries. A key marked @revoked is refused for every host, whatever pattern stands with it. Entries
/// with wildcards and @cert-authority are left out, with a warning.
class HostKeys {
 public:
  struct Options {
    std::string file;  // created with its directory at the first pin, mode 0600; empty keeps pins in memory only
    HostKeyMode mode = HostKeyMode::kAcceptNew;
    std::size_t most = 20'000;  // keys; further ones are not pinned. Those that an operator writes are not limited
    /// Told what an operator must know: lines left out, a file that can't be written. Once each, from any thread.
    std::function<void(const std::string& warning)> warn = [](const std::string&) {};
  };
  explicit HostKeys(Options options);  // [setup]
  HostKeys(const HostKeys&) = delete;
  ~HostKeys();

  /// `blob` is the key in SSH's binary form, as libssh2_session_hostkey() gives it. A host that is known by keys of
  /// other types only has changed. A file that exists and can't be read refuses everyone.
  HostKeyCheck check(std::string_view host, std::uint16_t port, std::string_view blob);

  /// Remembers the key of a node. Only to be called when authentication has succeeded: until then anybody could have
  /// answered. Whole lines, on disk when it returns; nothing is written for a key that is known already. If the file
  /// can't be written the key is kept in memory, with one warning. kConflict: meanwhile the host became known by
  /// another key (or this key was revoked): drop the connection. kOverloaded: so many keys are known that no further
  /// one is taken on: drop it, too.
  std::optional<Error> pin(std::string_view host, std::uint16_t port, std::string_view blob);

  /// For LIBSSH2_METHOD_HOSTKEY: all types, those that this host is known by first. Without it a server that has
  /// several keys may answer with one that is not known, which then reads as a changed key.
  std::string preferred_types(std::string_view host, std::uint16_t port);

 private:
  HostKeyCheck judge(const std::string& name, std::string_view blob);
  std::optional<Error> pin_locked(const std::string& name, std::string_view blob);
  void refresh();
  void remember(const std::string& line, const std::string& why_not_written);
  void tell(std::unique_lock<std::mutex> lock);

  const Options options_;
  std::mutex mutex_;  // guards all below
  std::unique_ptr<KnownHosts> known_;
  std::vector<std::string> in_memory_;  // lines that could not be written
  std::vector<std::string> untold_;     // warnings for when the mutex is free
  std::set<std::string> told_;
};

/// [any] "SHA256:" and the unpadded base64 of the key's hash.
std::string fingerprint(std::string_view blob);

}  // namespace pillard::ssh
