#include "pillard/sudo.h"

#include <algorithm>
#include <string_view>

namespace pillard {

std::vector<std::string> with_c_locale(std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"env", "LC_ALL=C"});
  return argv;
}

std::vector<std::string> with_sudo(std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"sudo", "-n"});
  return argv;
}

bool refused_by_sudo(const Exit& exit) {
  if (exit.ok()) return false;
  std::string_view said = exit.err;
  // A mere warning, of a machine whose own name is in no hosts file.
  while (said.starts_with("sudo: unable to resolve host"))
    said.remove_prefix(std::min(said.find('\n'), said.size() - 1) + 1);
  const auto says = [&](std::string_view words) { return said.find(words) != std::string_view::npos; };
  // "sudo: a password is required", "env: 'sudo': No such file or directory", "Sorry, user x is not allowed to execute
  // ...", "x is not in the sudoers file."
  return said.starts_with("sudo: ") || (exit.status == 127 && says("sudo")) || says("is not allowed to execute") ||
         says("sudoers");
}

bool refused_by_node(const Exit& exit) {
  if (exit.ok()) return false;
  for (const std::string_view words : {"Access denied", "Interactive authentication required", "Permission denied",
                                       "Operation not permitted", "insufficient permissions"})
    if (exit.err.find(words) != std::string::npos) return true;
  return false;
}

}  // namespace pillard
