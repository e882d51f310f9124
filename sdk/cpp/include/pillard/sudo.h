#pragma once
#include <string>
#include <vector>

#include "pillard/export.h"
#include "pillard/node.h"

namespace pillard {

/// [any] The argv that runs `argv` as root by sudo, without ever asking for a password: {"sudo", "-n", ...}. What a
/// program needs in its environment goes in front of sudo ({"env", "LC_ALL=C", "sudo", ...}): rules in /etc/sudoers
/// name programs, and env is none of them.
PILLARD_API std::vector<std::string> with_sudo(std::vector<std::string> argv);

/// [any] Whether a program that was run so did not run at all: there is no sudo, it wants a password, or its rules do
/// not let this user run that. False for what the program itself failed with. Needs LC_ALL=C in front of sudo.
PILLARD_API bool refused_by_sudo(const Exit& exit);

}  // namespace pillard
