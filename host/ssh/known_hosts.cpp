#include "ssh/known_hosts.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fmt/format.h>

namespace pillard::ssh {

namespace {

constexpr int kLockTries = 20;
constexpr std::chrono::milliseconds kLockPause(10);
constexpr off_t kMaxFile = 64 * 1024 * 1024;
// In base64, a key that nobody has: asked with it, an entry of the right type is a mismatch.
constexpr std::string_view kNobody = "AAAA";

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (auto& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

/// Takes the first word, and the blanks around it, off `line`.
std::string_view next_word(std::string_view& line) {
  const auto begin = std::min(line.find_first_not_of(" \t"), line.size());
  const auto end = std::min(line.find_first_of(" \t", begin), line.size());
  const auto word = line.substr(begin, end - begin);
  line.remove_prefix(std::min(line.find_first_not_of(" \t", end), line.size()));
  return word;
}

/// "|1|salt|hash" with a hash of SHA-1's size. libssh2 takes others as well and then leaks at every look at them.
bool is_hashed_name(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!text.starts_with("|1|")) return false;
  const auto bar = text.find('|', 3);
  if (bar == 3 || bar == std::string_view::npos) return false;
  const auto hash = text.substr(bar + 1);
  return hash.size() == 28 && hash.find_first_not_of(kAlphabet) == 27 && hash.back() == '=';
}

struct Names {
  std::string plain;  // a list without the patterns
  bool patterns = false;
};

Names without_patterns(std::string_view list) {
  if (list.starts_with('|')) return {std::string(list)};  // hashed
  Names names;
  for (;;) {
    const auto comma = list.find(',');
    const auto name = list.substr(0, comma);
    if (name.find_first_of("*?!") != std::string_view::npos) {
      names.patterns = true;
    } else if (!name.empty() && !name.starts_with('|')) {  // a hashed one stands alone
      if (!names.plain.empty()) names.plain.push_back(',');
      names.plain += lower(name);
    }
    if (comma == std::string_view::npos) return names;
    list.remove_prefix(comma + 1);
  }
}

/// The whole file, or the errno of what went wrong.
int read_file(const std::string& file, std::string& text) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  struct stat info {};
  int error = fstat(fd, &info) == 0 ? 0 : errno;
  if (error == 0 && (!S_ISREG(info.st_mode) || info.st_size > kMaxFile)) error = EINVAL;
  std::array<char, 65536> buffer{};
  while (error == 0) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  close(fd);
  return error;
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

KnownHosts::Stamp KnownHosts::stamp_of(const std::string& file) {
  struct stat info {};
  if (file.empty() || stat(file.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

KnownHosts::KnownHosts(const std::string& file, const std::vector<std::string>& more)
    : session_(libssh2_session_init(), libssh2_session_free),
      hosts_(session_ ? libssh2_knownhost_init(session_.get()) : nullptr, libssh2_knownhost_free) {
  if (!hosts_) throw std::bad_alloc();
  // Before the file is read: a change in between is then seen as one the next time.
  stamp_ = stamp_of(file);
  if (!file.empty()) read(file);
  for (const auto& line : more) add(line, "memory");
}

void KnownHosts::read(const std::string& file) {
  std::string text;
  const int error = read_file(file, text);
  if (error == ENOENT || error == ENOTDIR) return;
  if (error != 0) {
    readable_ = false;
    warnings_.push_back(fmt::format("{} can't be read: {}. No node can be connected to until it can.", file,
                                    std::system_category().message(error)));
    return;
  }
  std::string_view rest = text;
  for (unsigned number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    add(rest.substr(0, end), fmt::format("{}:{}", file, number));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void KnownHosts::add(std::string_view line, const std::string& place) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto rest = line;
  auto first = next_word(rest);
  if (first.empty() || first.starts_with('#')) return;
  if (first == "@revoked") {
    next_word(rest);  // the hosts: a key that somebody else may hold is good for none
    next_word(rest);
    auto key = next_word(rest);
    key = key.substr(0, key.find('='));
    if (key.empty()) {
      warnings_.push_back(place + ": @revoked without a key is left out.");
    } else {
      revoked_.emplace_back(key);
    }
    return;
  }
  if (first.starts_with('@')) {
    warnings_.push_back(fmt::format("{}: {} is not supported: the line is left out.", place, first));
    return;
  }
  if (first.starts_with('|') && !is_hashed_name(first)) {
    warnings_.push_back(place + ": this is no hashed name: the line is left out.");
    return;
  }
  const auto names = without_patterns(first);
  if (names.patterns) warnings_.push_back(place + ": wildcards are not supported: the patterns are left out.");
  if (names.plain.empty()) return;
  auto key = rest;
  next_word(key);  // its type
  // libssh2 would take what stands before a zero byte; and an entry with nobody's key would hide others of its type.
  if (line.find('\0') != std::string_view::npos || next_word(key) == kNobody) {
    warnings_.push_back(place + ": this is no host key: the line is left out.");
    return;
  }
  const auto entry = fmt::format("{} {}", names.plain, rest);
  if (libssh2_knownhost_readline(hosts_.get(), entry.data(), entry.size(), LIBSSH2_KNOWNHOST_FILE_OPENSSH) != 0) {
    warnings_.push_back(place + ": this is no host key: the line is left out.");
    return;
  }
  ++size_;
}

KnownHosts::Match KnownHosts::match(const std::string& name, std::string_view blob) const {
  // No key type: keys of all types are compared, so that one of another type is a mismatch.
  const int found = libssh2_knownhost_check(hosts_.get(), name.c_str(), blob.data(), blob.size(),
                                            LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW, nullptr);
  if (found == LIBSSH2_KNOWNHOST_CHECK_MATCH) return Match::kMatch;
  if (found == LIBSSH2_KNOWNHOST_CHECK_NOTFOUND) return Match::kUnknown;
  return Match::kOther;
}

bool KnownHosts::revoked(std::string_view blob) const {
  auto key = base64(blob);
  key.erase(std::min(key.find('='), key.size()));
  return std::find(revoked_.begin(), revoked_.end(), key) != revoked_.end();
}

bool KnownHosts::knows_type(const std::string& name, int type) const {
  const int mask = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64 | type;
  return libssh2_knownhost_check(hosts_.get(), name.c_str(), kNobody.data(), kNobody.size(), mask, nullptr) ==
         LIBSSH2_KNOWNHOST_CHECK_MISMATCH;
}

std::string name_in_file(std::string_view host, std::uint16_t port) {
  return port == 22 ? lower(host) : fmt::format("[{}]:{}", lower(host), port);
}

std::string type_of(std::string_view blob) {
  if (blob.size() < 4) return {};
  std::size_t length = 0;
  for (const char c : blob.substr(0, 4)) length = length << 8U | static_cast<unsigned char>(c);
  blob.remove_prefix(4);
  if (length == 0 || length > 64 || length >= blob.size()) return {};
  const auto type = blob.substr(0, length);
  const bool printable = std::all_of(type.begin(), type.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return printable ? std::string(type) : std::string();
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

KnownHostsWriter::KnownHostsWriter(const std::string& file) {
  // A file that was replaced while we waited for its lock (ssh-keygen -R does) is not the one to write to.
  for (int tries = 0; tries < 5; ++tries) {
    if (!open(file)) return;
    struct stat named {};
    struct stat ours {};
    if (stat(file.c_str(), &named) == 0 && fstat(fd_, &ours) == 0 && named.st_ino == ours.st_ino &&
        named.st_dev == ours.st_dev) {
      return;
    }
    close(fd_);
    fd_ = -1;
  }
  problem_ = "it is replaced all the time";
}

KnownHostsWriter::~KnownHostsWriter() {
  if (fd_ >= 0) close(fd_);
}

bool KnownHostsWriter::open(const std::string& file) {
  const auto directory = std::filesystem::absolute(file).parent_path();
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  const bool is_new = access(file.c_str(), F_OK) != 0;
  fd_ = ::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd_ < 0) return fail("open");
  if (!lock()) return false;
  if (is_new) {
    const int parent = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
      fsync(parent);
      close(parent);
    }
  }
  return true;
}

/// Who holds the lock writes a line and lets go. One that does not must not keep all logins waiting.
bool KnownHostsWriter::lock() {
  for (int tries = 1; flock(fd_, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail("lock");
    if (tries >= kLockTries) {
      fail("lock");
      problem_ = "another program keeps it locked";
      return false;
    }
    std::this_thread::sleep_for(kLockPause);
  }
  return true;
}

bool KnownHostsWriter::append(const std::string& line) {
  if (fd_ < 0) return false;
  struct stat before {};
  if (fstat(fd_, &before) != 0) return fail("stat");
  char last = '\n';
  if (before.st_size > 0 && pread(fd_, &last, 1, before.st_size - 1) != 1) return fail("read");
  // A line that somebody left open is closed first.
  const auto text = (last == '\n' ? "" : "\n") + line + "\n";
  const auto written = write(fd_, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size()) && fsync(fd_) == 0) return true;
  fail("write");
  if (ftruncate(fd_, before.st_size) != 0) problem_ += ", and half a line may be left";
  return false;
}

bool KnownHostsWriter::fail(const std::string& what) {
  problem_ = what + ": " + std::system_category().message(errno);
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  return false;
}

}  // namespace pillard::ssh
