#include "pillard/sudo.h"

#include <string_view>

#include "pillard/text.h"

namespace pillard {

namespace {
/// Lines of sudo's that refuse nothing: of a machine whose own name is in no hosts file, of containers.
bool is_mere_warning(std::string_view line) {
  return line.starts_with("sudo: unable to resolve host") || line.starts_with("sudo: setrlimit(") ||
         line.starts_with("sudo: unable to send audit message");
}

std::string without_warnings(std::string_view said) {
  std::string rest;
  while (!said.empty()) {
    const auto line = take_line(said);
    if (!is_mere_warning(line)) rest.append(line).append("\n");
  }
  return rest;
}
}  // namespace

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
  const auto said = without_warnings(exit.err);
  const auto says = [&](std::string_view words) { return said.find(words) != std::string::npos; };
  // "sudo: a password is required", "env: 'sudo': No such file or directory", "Sorry, user x is not allowed to execute
  // ...", "x is not in the sudoers file."
  return said.starts_with("sudo: ") || (exit.status == 127 && says("sudo")) || says("is not allowed to execute") ||
         says("sudoers");
}

bool refused_by_node(const Exit& exit) {
  if (exit.ok()) return false;
  const auto said = without_warnings(exit.err);
  for (const std::string_view words : {"Access denied", "Interactive authentication required", "Permission denied",
                                       "Operation not permitted", "insufficient permissions"})
    if (said.find(words) != std::string::npos) return true;
  return false;
}

}  // namespace pillard
