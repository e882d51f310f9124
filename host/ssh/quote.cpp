#include "ssh/quote.h"

#include "pillard/problem.h"

namespace pillard::ssh {

namespace {

/// `text` as one word of sh, csh and fish alike. Single quotes hold everything literally but for what the dialects
/// disagree on there: fish reads \\ and \' as escapes, csh expands ! even there. These stand outside, with an escape
/// that all read in the same way.
void append_word(std::string& line, std::string_view text) {
  bool quoted = false;
  const auto quote = [&](bool wanted) {
    if (quoted != wanted) line.push_back('\'');
    quoted = wanted;
  };
  if (text.empty()) line += "''";
  for (const char c : text) {
    if (c == '\'' || c == '\\' || c == '!') {
      quote(false);
      line.push_back('\\');
    } else {
      quote(true);
    }
    line.push_back(c);
  }
  quote(false);
}

/// `text` as printf's %b wants it, on one line: csh has no word with a newline in it.
std::string escape_newlines(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
    } else {
      if (c == '\\') escaped.push_back('\\');
      escaped.push_back(c);
    }
  }
  return escaped;
}

// Descriptors 3 and 4 keep input and error output: sh gives /dev/null to what runs in the background, and its own
// notices ("Terminated") must not be mixed with the command's errors. The watcher reads with a builtin: a cat would
// survive it, and so would a sleep that it does not end. A group that is not there yet (setsid has not run) is reached
// through its first process.
constexpr std::string_view kBefore =
    "exec 3<&0 4>&2 2>/dev/null </dev/null; "
    "if command -v setsid >/dev/null; then s=setsid g=-; else s= g=; fi; "
    "exec $s ";
constexpr std::string_view kAfter =
    " 2>&4 3<&- 4>&- & p=$!; "
    "(while read -r x; do :; done; kill -s TERM -- $g$p || kill -s TERM $p; "
    "trap 'kill -s KILL $!; exit' TERM; sleep 2 & wait $!; kill -s KILL -- $g$p) <&3 >/dev/null 3<&- 4>&- & c=$!; "
    "exec 3<&-; wait $p; r=$?; kill $c; "
    "test -z \"$g\" || kill -s KILL -- -$p; exit $r";

}  // namespace

std::string shell_line(std::span<const std::string> argv) {
  if (argv.empty() || argv.front().empty()) throw Error(Code::kBadRequest, "There is no command to run.");
  if (argv.front().front() == '-') throw Error(Code::kBadRequest, "A command's name does not begin with \"-\".");
  std::string line;
  for (const auto& argument : argv) {
    if (argument.find('\0') != std::string::npos) {
      throw Error(Code::kBadRequest, "A command's arguments hold no zero bytes.");
    }
    if (!line.empty()) line.push_back(' ');
    append_word(line, argument);
  }
  return line;
}

std::string tethered(std::string_view line) {
  std::string script(kBefore);
  script.append(line).append(kAfter);
  if (script.find('\n') != std::string::npos) {
    std::string printed = "eval \"$(printf %b ";
    append_word(printed, escape_newlines(script));
    script = printed + ")\"";
  }
  std::string command = "sh -c ";
  append_word(command, script);
  return command;
}

}  // namespace pillard::ssh
