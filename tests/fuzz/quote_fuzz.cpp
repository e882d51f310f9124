// Commands: whatever the arguments hold, a shell reads the line as exactly these words.
#include <optional>
#include <vector>

#include "fuzz/fuzz.h"
#include "pillard/problem.h"
#include "ssh/quote.h"

namespace pillard::fuzz {

namespace {

using Words = std::vector<std::string>;

/// What a POSIX shell makes of a line of plain, '...'-quoted and \-escaped characters. Nothing if the shell would see
/// anything else in it: a variable, a pattern, an operator.
std::optional<Words> words_of(std::string_view line) {
  Words words;
  bool in_word = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == ' ') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\'') {
      const auto end = line.find('\'', at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      words.back().append(line.substr(at + 1, end - at - 1));
      at = end;
    } else if (c == '\\') {
      if (++at == line.size() || line[at] == '\n') return std::nullopt;
      words.back() += line[at];
    } else if (c == '"') {  // only of what is the same between double quotes
      const auto end = line.find('"', at + 1);
      const auto inner = line.substr(at + 1, end - at - 1);
      if (end == std::string_view::npos || inner.find_first_of("$`\\\n!") != std::string_view::npos)
        return std::nullopt;
      words.back().append(inner);
      at = end;
    } else if (std::string_view("|&;<>()$`\n\t*?[]#~!{}^").find(c) != std::string_view::npos) {
      return std::nullopt;
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

/// The input: the arguments, parted by 0x1E.
void run(std::string_view input) {
  Words argv;
  while (!input.empty()) argv.emplace_back(take_until(input, '\x1e'));
  std::string line;
  try {
    line = ssh::shell_line(argv);
  } catch (const Error& error) {
    FUZZ_REQUIRE(error.code() == Code::kBadRequest);
    return;
  }
  FUZZ_REQUIRE(!argv.front().starts_with('-') && !argv.front().empty());
  FUZZ_REQUIRE(words_of(line) == argv);
  FUZZ_REQUIRE(ssh::tethered(line).find('\0') == std::string::npos);
}

}  // namespace pillard::fuzz
