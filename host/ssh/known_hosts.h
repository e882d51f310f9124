#pragma once
// One reading of a known_hosts file, and writing a line to it.
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <libssh2.h>

namespace pillard::ssh {

/// What a file said when it was read. Not thread-safe.
class KnownHosts {
 public:
  /// By which it is seen that a file has changed.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1: there is no file
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& file);

  enum class Match { kMatch, kUnknown, kOther };  // kOther: the host is known, by other keys

  /// Reads `file` (none is as good as an empty one; "" is none), then `more` lines.
  KnownHosts(const std::string& file, const std::vector<std::string>& more);

  /// `name` is name_in_file(); `blob` a key in SSH's binary form.
  Match match(const std::string& name, std::string_view blob) const;
  bool revoked(std::string_view blob) const;
  /// Whether the host is known by any key of this type (a LIBSSH2_KNOWNHOST_KEY_ constant).
  bool knows_type(const std::string& name, int type) const;

  const Stamp& stamp() const noexcept { return stamp_; }
  /// How many keys it holds.
  std::size_t size() const noexcept { return size_; }
  /// False when there is a file and it could not be read.
  bool readable() const noexcept { return readable_; }
  /// What was left out, and why, with line numbers.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  void read(const std::string& file);
  void add(std::string_view line, const std::string& place);

  std::unique_ptr<LIBSSH2_SESSION, int (*)(LIBSSH2_SESSION*)> session_;
  std::unique_ptr<LIBSSH2_KNOWNHOSTS, void (*)(LIBSSH2_KNOWNHOSTS*)> hosts_;
  std::vector<std::string> revoked_;  // keys in base64
  Stamp stamp_;
  std::size_t size_ = 0;
  bool readable_ = true;
  std::vector<std::string> warnings_;
};

/// "node.example", "[node.example]:2222", in lower case.
std::string name_in_file(std::string_view host, std::uint16_t port);

/// "ssh-ed25519": what the key calls itself, or "" if `blob` is no key.
std::string type_of(std::string_view blob);

std::string base64(std::string_view bytes);

/// A known_hosts file open for appending, created with its directory if need be, and locked against other daemons.
/// Waits for the lock a fifth of a second at most: for workers' threads.
class KnownHostsWriter {
 public:
  explicit KnownHostsWriter(const std::string& file);
  KnownHostsWriter(const KnownHostsWriter&) = delete;
  ~KnownHostsWriter();
  /// Why the file can't be written; empty if it can.
  const std::string& problem() const noexcept { return problem_; }
  /// Adds a whole line, on disk when it returns true; else nothing was added and problem() says why.
  bool append(const std::string& line);

 private:
  bool open(const std::string& file);
  bool lock();
  bool fail(const std::string& what);

  int fd_ = -1;
  std::string problem_;
};

}  // namespace pillard::ssh
