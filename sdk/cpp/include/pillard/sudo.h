#pragma once
#include <string>
#include <vector>

#include "pillard/export.h"
#include "pillard/function.h"
#include "pillard/handle.h"
#include "pillard/node.h"

namespace pillard {

/// [any] The argv that runs `argv` with its messages in English: {"env", "LC_ALL=C", ...}. What tells refusals below
/// goes by these words.
PILLARD_API std::vector<std::string> with_c_locale(std::vector<std::string> argv);

/// [any] The argv that runs `argv` as root by sudo, without ever asking for a password: {"sudo", "-n", ...}. What a
/// program needs in its environment goes in front of sudo, as in with_c_locale(with_sudo(...)): rules in /etc/sudoers
/// name programs, and env is none of them.
PILLARD_API std::vector<std::string> with_sudo(std::vector<std::string> argv);

/// [any] Whether a program that was run so did not run at all: there is no sudo, it wants a password, or its rules do
/// not let this user run that. False for what the program itself failed with.
PILLARD_API bool refused_by_sudo(const Exit& exit);

/// [any] Whether a program failed because its user may not do that on the node, as systemctl, journalctl and the C
/// library word it: "Access denied", "Permission denied", ...
PILLARD_API bool refused_by_node(const Exit& exit);

/// Runs one program after the other as the user; from the first one on that the node refuses, by sudo. For programs
/// that do nothing when they are refused, so that trying is safe: root, and who has rights by polkit or by group, need
/// no sudo then. Keep it as long as a Handle, and beside them: destroyed, it ends what runs. [lane]
class PILLARD_API SudoRunner {
 public:
  explicit SudoRunner(Node& node) : node_(node) {}
  SudoRunner(const SudoRunner&) = delete;  // what runs comes back to it
  SudoRunner& operator=(const SudoRunner&) = delete;

  /// Runs `command` in the C locale; ends what ran before. `done` gets the Exit of the run that counts: of the one by
  /// sudo, where the user was refused. Each of the two has the command's timeout. Throws as Node::exec().
  void run(Command command, Function<void(const Exit&)> done);

  /// Whether `exit`, of the last command, is a refusal: the node's, or sudo's.
  bool refused(const Exit& exit) const;
  /// The last command line as it was run, for people: without quotes, and without the locale.
  std::string command_line() const;
  /// Whether programs are run by sudo by now.
  bool with_sudo() const noexcept { return with_sudo_; }
  /// The next one is tried as the user again, whatever was refused before.
  void without_sudo() noexcept { with_sudo_ = false; }

 private:
  void start();
  std::vector<std::string> argv() const;

  Node& node_;
  Command command_;
  Function<void(const Exit&)> done_;
  bool with_sudo_ = false;
  Handle running_;
};

}  // namespace pillard
