#include "loader/plugin_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/dll/library_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <system_error>

#include "loader/elf_section.h"

namespace pillard::loader {

namespace {
namespace fs = std::filesystem;

constexpr std::size_t kMostStamp = 4096;  // bytes

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const noexcept { return fd_; }
  void keep() noexcept { fd_ = -1; }

 private:
  int fd_;
};

std::string reason(int error) { return std::generic_category().message(error); }

struct stat examine(const fs::path& file, int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) throw LoadError(file, "open", "cannot be examined: " + reason(errno));
  return status;
}

/// Whoever may write here may run code as this daemon.
void check_rights(const fs::path& file, const char* what, const struct stat& status) {
  const auto refuse = [&](const std::string& why) { throw LoadError(file, "permissions", std::string(what) + why); };
  const uid_t us = geteuid();
  if (status.st_uid != 0 && status.st_uid != us)
    refuse(fmt::format(" belongs to user {}; it must belong to root or to user {} (chown root)", status.st_uid, us));
  if ((status.st_mode & S_IWOTH) != 0) refuse(" can be written by everyone (chmod o-w)");
  if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != 0 && status.st_gid != getegid())
    refuse(fmt::format(" can be written by group {} (chmod g-w)", status.st_gid));
}

/// The file behind `directory/name.so`, opened once. O_NONBLOCK: a FIFO of that name must not stop the daemon.
int open_checked(const fs::path& directory, const fs::path& file) {
  const Descriptor folder(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0)
    throw LoadError(file, "open",
                    fmt::format("the directory {} cannot be opened: {}", directory.string(), reason(errno)));
  check_rights(file, "its directory", examine(file, folder.get()));
  const int fd = openat(folder.get(), file.filename().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) throw LoadError(file, "open", "cannot be opened: " + reason(errno));
  return fd;
}

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

FileIdentity check_file(const fs::path& file, int fd) {
  const auto status = examine(file, fd);
  if (!S_ISREG(status.st_mode)) throw LoadError(file, "permissions", "is no regular file");
  check_rights(file, "the file", status);
  return identity_of(status);
}

std::vector<std::string> sections_of(const fs::path& file, const fs::path& opened) {
  try {
    return boost::dll::library_info(opened).sections();
  } catch (const std::exception&) {
    throw LoadError(file, "section", "is no shared library of this system (ELF, 64 bit)");
  }
}

/// The ABI major stands in the name of a section, so it is known before any code of the file is mapped.
void check_section(const fs::path& file, const fs::path& opened) {
  constexpr std::string_view kPrefix = "pillard";
  std::string found;
  for (const auto& section : sections_of(file, opened)) {
    if (!section.starts_with(kPrefix)) continue;
    const std::string major = section.substr(kPrefix.size());
    if (major == PILLARD_TEXT(PILLARD_ABI_MAJOR)) return;
    found = major;
  }
  if (found.empty())
    throw LoadError(file, "section",
                    "is a shared library, but no pillard plugin: PILLARD_PLUGIN(...) is missing in it");
  throw LoadError(file, "section",
                  fmt::format("was built for ABI major {}; this daemon has {}. Rebuild it with the SDK of this daemon",
                              found, PILLARD_ABI_MAJOR));
}

void check_stamp(const fs::path& file, const std::string& plugin, const char* daemon) {
  if (plugin == daemon) return;
  throw LoadError(file, "stamp",
                  fmt::format("was built differently from this daemon ({}). Rebuild it with the SDK "
                              "of this daemon.\n  plugin: {}\n  daemon: {}",
                              differing(daemon, plugin), plugin, daemon));
}

const Manifest* map(const fs::path& file, const fs::path& opened) {
  // Static constructors run in here. RTLD_NODELETE: nothing takes the code away again, so the object may go.
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                    static_cast<boost::dll::load_mode::type>(RTLD_NODELETE);
  try {
    boost::dll::shared_library library(opened, mode);
    return &library.get_alias<const Manifest>("pillard_manifest");
  } catch (const std::exception& error) {
    throw LoadError(file, "map", std::string("cannot be loaded: ") + error.what());
  }
}
}  // namespace

std::optional<FileIdentity> FileIdentity::of(const fs::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_of(status);
}

std::string differing(std::string_view one, std::string_view other) {
  using Entry = std::pair<std::string, std::string>;
  const auto entries = [](std::string_view stamp) {
    std::vector<Entry> found;
    while (!stamp.empty()) {
      const auto word = stamp.substr(0, stamp.find(' '));
      stamp.remove_prefix(std::min(word.size() + 1, stamp.size()));
      // A compiler's version has words of its own.
      if (const auto equals = word.find('='); equals != std::string_view::npos) {
        found.emplace_back(word.substr(0, equals), word.substr(equals + 1));
      } else if (!found.empty()) {
        found.back().second.append(" ").append(word);
      }
    }
    return found;
  };
  const auto theirs = entries(other);
  std::string names;
  for (const auto& entry : entries(one))
    if (std::find(theirs.begin(), theirs.end(), entry) == theirs.end())
      names += (names.empty() ? "" : ", ") + entry.first;
  return names;
}

bool valid_plugin_name(std::string_view name) noexcept {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

PluginFile::PluginFile(const fs::path& directory, const std::string& name, const char* stamp)
    : path_(directory / (name + ".so")) {
  if (!valid_plugin_name(name))
    throw LoadError(path_, "name", "a plugin's name has 1 to 64 characters from a-z, 0-9 and '-'");
  Descriptor fd(open_checked(directory, path_));
  identity_ = check_file(path_, fd.get());
  const fs::path opened = fmt::format("/proc/self/fd/{}", fd.get());
  check_section(path_, opened);
  if (const auto text = read_section(fd.get(), PILLARD_STAMP_SECTION, kMostStamp))
    check_stamp(path_, text->substr(0, text->find('\0')), stamp);
  // From here on the loader knows the library by this path: it must never come to mean another file.
  fd.keep();
  manifest_ = map(path_, opened);
  check_stamp(path_, manifest_->stamp, stamp);  // the section is only a copy of it
  check_names(name);
}

void PluginFile::check_names(const std::string& name) const {
  if (name != manifest_->name)
    throw LoadError(
        path_, "name",
        fmt::format("calls itself \"{}\": the file has to be named {}.so", manifest_->name, manifest_->name));
}

}  // namespace pillard::loader
