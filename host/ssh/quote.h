#pragma once
// From argv to the one string that an SSH exec request carries, and back unchanged on the other side.
#include <span>
#include <string>
#include <string_view>

namespace pillard::ssh {

/// [any] `argv` as words of a shell line. Each element, whatever bytes it holds but NUL, arrives as it is under sh,
/// dash, bash, ksh, zsh and fish; under csh and tcsh all but elements with a newline. Give it to tethered(), which
/// lifts that too; on its own a login shell could take argv[0] for one of its builtins. Throws Error(kBadRequest) for
/// an empty argv, for a NUL, and for an argv[0] that is empty or begins with '-'.
std::string shell_line(std::span<const std::string> argv);

/// [any] An exec request that runs `line` (of shell_line()) and ends it when standard input closes: keep the channel's
/// input open, without writing to it, for as long as the command is wanted; close the channel, send EOF or drop the
/// connection to end it. It is run by `sh -c`, in such a spelling that it works whatever the user's login shell is
/// (POSIX shells, csh, tcsh, fish), and by PATH: a builtin of sh is never taken for the program.
///
/// The command gets /dev/null as standard input, and a session and process group of its own (where the node has
/// setsid, as util-linux and busybox do). When input closes the group gets TERM and, two seconds later, KILL.
/// The exit status is the command's; 128 + n when signal n ended it; 127 when it was not found, 126 when it could not
/// be run. What the command leaves behind in its process group is killed when it ends; what made itself a session of
/// its own (a daemon) is not, and neither is what runs as another user (sudo): that ends by the loss of its output.
std::string tethered(std::string_view line);

}  // namespace pillard::ssh
