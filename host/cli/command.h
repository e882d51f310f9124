#pragma once
// What the executable does besides serving: `pillard new-plugin ...`, and what is said about it.
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pillard::cli {

/// The words behind a command cannot be understood; what() says which and why.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The words behind a command, taken apart: `--name VALUE` or `--name=VALUE` for the options that there are, and all
/// others in their order. Behind `--` nothing is an option.
class Words {
 public:
  struct Known {
    std::set<std::string_view> once;
    std::set<std::string_view> repeated = {};  // may stand more than once
  };
  /// Throws UsageError for an option that is not known, that has no value or that stands twice.
  Words(const std::vector<std::string>& words, const Known& known);

  const std::vector<std::string>& plain() const noexcept { return plain_; }
  std::optional<std::string> option(std::string_view name) const;
  std::vector<std::string> options(std::string_view name) const;
  /// Throws UsageError when it is missing.
  std::string required(std::string_view name) const;
  /// Throws UsageError for what is no integer from `min` to `max`.
  std::optional<long> integer(std::string_view name, long min, long max) const;

 private:
  std::vector<std::string> plain_;
  std::map<std::string, std::vector<std::string>, std::less<>> options_;
};

/// Runs the command that the first word names, and returns the exit status of the process (of <sysexits.h>); nothing if
/// it names none: then the words are for the daemon.
std::optional<int> run_command(const std::vector<std::string>& words);

/// What `--help` says of the commands.
extern const char* const kCommandHelp;

}  // namespace pillard::cli
