#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/export.h"
#include "pillard/function.h"
#include "pillard/handle.h"

namespace pillard {

using Milliseconds = std::chrono::milliseconds;

/// A program and its arguments. Never a shell line: the host quotes each element for the node's shell, so that any byte
/// but NUL arrives as it is.
struct Command {
  std::vector<std::string> argv;         // argv[0] is looked up in the node's PATH; at least one element
  Milliseconds timeout{10'000};          // exec only: then the program is ended and Exit::timed_out is set
  std::size_t max_output = 1024 * 1024;  // bytes kept of standard output (exec) and, a tenth of it, of standard error
};

/// How a program ended.
struct Exit {
  int status = -1;         ///< 0-255; -1 when it was ended by a signal, timed out or could not be started
  std::string signal{};    ///< "TERM", "KILL", ... or empty
  std::string out{};       ///< standard output (exec only), cut at max_output
  std::string err{};       ///< standard error, cut
  bool truncated = false;  ///< something was cut
  bool timed_out = false;

  bool ok() const noexcept { return status == 0; }
};

/// The machine at the other end, reached with one user's credential. All functions are [lane]; their callbacks run on
/// the same lane, never from inside the call that started them, and never after their Handle is gone. When the
/// connection is lost no callback runs: the host destroys the Source and builds a new one when the node is back.
/// Throw Error(overloaded) when 100 Handles of commands are held, those of ended ones included.
class PILLARD_API Node {
 public:
  virtual ~Node();

  /// Runs `command` to its end and hands over what it printed.
  [[nodiscard]] virtual Handle exec(Command command, Function<void(Exit)> done) = 0;

  /// Streams standard output as it comes, in pieces of any size; what a view points to is gone after the call.
  /// The program is ended on the node when the Handle goes, also one that is silent.
  [[nodiscard]] virtual Handle bytes(Command command, Function<void(std::string_view)> data,
                                     Function<void(Exit)> done) = 0;

  /// Streams lines of standard output, without their end ("\n" only: a "\r" before it stays), each whole however it was
  /// sent. A last line without an end is handed over before `done`. Lines over `max_line` bytes are handed over in
  /// pieces of that size.
  [[nodiscard]] Handle lines(Command command, Function<void(std::string_view)> line, Function<void(Exit)> done,
                             std::size_t max_line = 1024 * 1024);
};

}  // namespace pillard
