// The journal's export format and what joins its parts: the same entries and the same end in any cut; no byte of a
// message is lost uncounted on the way through the joiner.
#include <vector>

#include "fuzz/fuzz.h"
#include "joiner.h"
#include "journal_export.h"

namespace pillard::fuzz {

namespace {

using client_logs::Entry;

struct Seen {
  std::vector<Entry> entries;
  std::string refusal;
};

bool feed(client_logs::ExportParser& parser, std::string_view piece, Seen& seen) {
  try {
    parser.feed(piece, [&](const Entry& entry) { seen.entries.push_back(entry); });
    return true;
  } catch (const client_logs::FormatError& error) {
    seen.refusal = error.what();
    return false;
  }
}

bool same(const Entry& a, const Entry& b) {
  return a.cursor == b.cursor && a.message == b.message && a.stream == b.stream && a.realtime == b.realtime &&
         a.lost == b.lost && a.priority == b.priority && a.has_message == b.has_message && a.is_part == b.is_part &&
         a.tells_of_drops == b.tells_of_drops;
}

void check(const Entry& entry) {
  FUZZ_REQUIRE(entry.message.size() <= client_logs::kMaxLine);
  FUZZ_REQUIRE(entry.cursor.size() <= 256 && entry.stream.size() <= 256);
  FUZZ_REQUIRE(entry.priority >= 0 && entry.priority <= 7);
  FUZZ_REQUIRE(entry.has_message || (entry.message.empty() && entry.lost == 0));
  FUZZ_REQUIRE(entry.unix_ms() >= 0);
}

void check_joined(const std::vector<Entry>& entries) {
  client_logs::Joiner joiner;
  std::size_t in = 0;
  std::size_t out = 0;
  const auto count = [&](const std::vector<Entry>& lines) {
    for (const auto& line : lines) {
      FUZZ_REQUIRE(line.message.size() <= client_logs::kMaxLine);
      out += line.message.size() + line.lost;
    }
  };
  std::int64_t now = 0;
  for (const auto& entry : entries) {
    in += entry.message.size() + entry.lost;
    const bool passes = joiner.passes(entry);
    const auto lines = joiner.add(entry, ++now);
    if (passes) FUZZ_REQUIRE(lines.size() == 1 && same(lines.front(), entry));
    count(lines);
  }
  count(joiner.flush(now));
  FUZZ_REQUIRE(!joiner.holding());
  FUZZ_REQUIRE(in == out);
}

}  // namespace

void run(std::string_view input) {
  Seen whole;
  client_logs::ExportParser at_once;
  feed(at_once, input, whole);
  Seen cut;
  client_logs::ExportParser bit_by_bit;
  bool going = true;
  in_pieces(input, [&](std::string_view piece) { going = going && feed(bit_by_bit, piece, cut); });
  FUZZ_REQUIRE(whole.refusal == cut.refusal);
  FUZZ_REQUIRE(std::equal(whole.entries.begin(), whole.entries.end(), cut.entries.begin(), cut.entries.end(), same));
  for (const auto& entry : whole.entries) check(entry);
  check_joined(whole.entries);
}

}  // namespace pillard::fuzz
