#pragma once
// From a file to a plugin, with every check before any of its code runs.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "pillard/plugin.h"

namespace pillard::loader {

/// Why a plugin was not loaded, in words for the operator.
class LoadError : public std::runtime_error {
 public:
  /// `step`: "open", "permissions", "section", "map", "stamp", "name", "create", "configuration" or "setup": how far it
  /// came.
  LoadError(std::filesystem::path file, std::string step, const std::string& message)
      : std::runtime_error(file.string() + ": " + message),
        file_(std::move(file)),
        step_(std::move(step)),
        message_(message) {}
  const std::filesystem::path& file() const noexcept { return file_; }
  const std::string& step() const noexcept { return step_; }
  const std::string& message() const noexcept { return message_; }  ///< what() without the file

 private:
  std::filesystem::path file_;
  std::string step_;
  std::string message_;
};

/// Which file it is, and whether it was changed.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  // since 1970
  bool operator==(const FileIdentity&) const = default;
  /// Whether it is the file that `former` was, but not its content.
  bool written_over(const FileIdentity& former) const noexcept {
    return device == former.device && inode == former.inode && *this != former;
  }
  /// Of the file that a path leads to now; nothing if there is none.
  static std::optional<FileIdentity> of(const std::filesystem::path& path);
};

/// A plugin's library, checked and mapped. It stays mapped, and its descriptor open, to the end of the process: nothing
/// that points into its code can go stale.
class PluginFile {
 public:
  /// Opens `directory/name.so` once, and checks and maps what that descriptor refers to, whatever becomes of the path.
  /// A symbolic link is followed; what it points to is what is checked. Throws LoadError. `stamp` is what the plugin
  /// must have been built with.
  PluginFile(const std::filesystem::path& directory, const std::string& name, const char* stamp = kStamp);

  const std::filesystem::path& path() const noexcept { return path_; }
  const FileIdentity& identity() const noexcept { return identity_; }
  const Manifest& manifest() const noexcept { return *manifest_; }

 private:
  void check_names(const std::string& name) const;

  std::filesystem::path path_;
  FileIdentity identity_;
  const Manifest* manifest_ = nullptr;
};

/// Which of the entries of a stamp ("key=value key=value ...") stand otherwise in `other`: "compiler, sanitize".
std::string differing(std::string_view one, std::string_view other);

/// [a-z0-9-]{1,64}: no path, no option, safe in metrics and file names.
bool valid_plugin_name(std::string_view name) noexcept;

}  // namespace pillard::loader
