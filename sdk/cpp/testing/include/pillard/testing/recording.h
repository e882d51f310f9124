#pragma once
// What a real node answered, as a file for testdata/: written by `pillard record`, played by FakeNode::replay().
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/node.h"
#include "pillard/testing/fake_node.h"

namespace pillard::testing {

/// One program that ran on the node.
struct RecordedRun {
  bool streams = false;     // started by bytes() or lines(); else by exec()
  Argv argv = {};           // any bytes but NUL
  Milliseconds started{0};  // since the recording began
  std::vector<Piece> out = {};
  std::string err = {};
  std::optional<Milliseconds> took = {};  // nothing: it still ran when the recording ended
  int status = 0;
  std::string signal = {};  // when not empty: it was ended by this signal
  bool timed_out = false;
  bool truncated = false;  // not all of what it printed is here
};

struct Recording {
  std::vector<RecordedRun> runs;  // in the order in which they were started
};

/// As text, made for eyes and for `diff`:
///
///     pillard-recording 1
///
///     run exec at 0
///     argv "cat" "/proc/loadavg"
///     out at 12
///     |0.42 0.31 0.28 1/213 4711
///     end at 12 status 0
///
/// Times are milliseconds: of `run` since the recording began, of all else since the run did. `run stream` is a program
/// whose output came in pieces, an `out` for each; `err` is what it wrote to standard error. It ends with `status N`,
/// `signal NAME` or `timed-out`, then perhaps `truncated`; `end open` says that it still ran.
///
/// A line behind "|" is a line of output, its newline included; a "\" at its end says that there was none. "\\" is a
/// backslash and "\x1b" a byte; all that is no printable UTF-8 is written so, and within the quotes of `argv` also `"`
/// as `\"`. Lines that begin with "#" and empty ones say nothing.
std::string to_text(const Recording& recording);

/// The other way. Throws std::runtime_error that names the line: "line 7: expected ...".
Recording parse_recording(std::string_view text);

/// Throws std::runtime_error that names the file, when it cannot be read or is no recording.
Recording read_recording(const std::string& path);

}  // namespace pillard::testing
