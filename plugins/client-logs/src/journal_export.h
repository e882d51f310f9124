#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace client_logs {

/// The longest line that is kept, in bytes.
inline constexpr std::size_t kMaxLine = 1024 * 1024;

/// One entry of the journal: what a line needs. The parser reuses it; take what has to last.
struct Entry {
  std::string cursor;          // names the entry, see journalctl --cursor
  std::string message;         // exact bytes, kMaxLine of them at most
  std::string stream;          // which standard output it came from, as 32 hexadecimal digits; empty for others
  std::uint64_t realtime = 0;  // microseconds since 1970, when journald got it
  std::uint64_t lost = 0;      // bytes that `message` was cut by
  int priority = 6;            // 0 (emergency) to 7 (debug)
  bool has_message = false;
  bool is_part = false;         // a longer line goes on in the next entry of the same stream
  bool tells_of_drops = false;  // journald says how many messages it suppressed

  void clear() noexcept;
  std::int64_t unix_ms() const noexcept { return static_cast<std::int64_t>(realtime / 1000); }
};

/// The `--output-fields=` list that the parser reads.
extern const char* const kFields;

/// Bytes that are no journal export.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads the journal export format (`journalctl --output=export`) as it comes, in pieces of any size: a field is
/// "NAME=text\n" or, for any bytes, "NAME\n", a 64-bit little-endian length, the bytes and "\n"; an entry ends with an
/// empty line. Holds at most one entry, and of that kMaxLine bytes of MESSAGE and 256 of each other field it knows.
class ExportParser {
 public:
  /// Calls `sink(Entry&)` for every entry that ends in `piece`. Throws FormatError; the parser is then of no more use.
  template <class Sink>
  void feed(std::string_view piece, Sink&& sink) {
    while (!piece.empty())
      if (step(piece)) {
        sink(entry_);
        entry_.clear();
        fields_ = 0;
      }
  }

 private:
  enum class State { kLine, kLength, kData, kEnd };
  enum class Name { kCursor, kRealtime, kMessage, kPriority, kLineBreak, kStream, kDropped, kOther };

  bool step(std::string_view& piece);
  bool line_step(std::string_view& piece);
  bool end_line(std::string_view line, std::uint64_t lost);
  void length_step(std::string_view& piece);
  void data_step(std::string_view& piece);
  void keep(std::string_view& piece, std::size_t size);
  void set(Name name, std::string_view value, std::uint64_t lost);
  void set_message(std::string_view value, std::uint64_t lost);
  static Name name_of(std::string_view name) noexcept;

  Entry entry_;
  State state_ = State::kLine;
  std::string partial_;        // of the field that the last piece cut
  std::uint64_t dropped_ = 0;  // bytes of that field that were too many to keep
  std::uint64_t left_ = 0;     // bytes of a binary field to come
  Name name_ = Name::kOther;   // of a binary field
  std::uint32_t fields_ = 0;   // of this entry so far
};

}  // namespace client_logs
