#include "pillard/testing/recording.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "pillard/json.h"

namespace pillard::testing {

namespace {
constexpr std::string_view kFirstLine = "pillard-recording 1";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::int64_t kLongest = 1'000'000'000;  // ms

bool is_utf8(std::string_view text) {
  std::string quoted;
  json::append_string(quoted, text);  // what is ill-formed comes back as something else
  return json::Reader(quoted).read_string() == text;
}

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
  const bool readable = is_utf8(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 0x20 && byte < 0x7F) || c == '\t' || (byte >= 0x80 && readable);
    if (c == '\\' || (in_quotes && c == '"')) {
      out.append({'\\', c});
    } else if (plain) {
      out += c;
    } else {
      out.append({'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xFU]});
    }
  }
}

void append_output(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    out += '|';
    append_escaped(out, bytes.substr(0, newline), false);
    out += newline == std::string_view::npos ? "\\\n" : "\n";
    bytes.remove_prefix(newline == std::string_view::npos ? bytes.size() : newline + 1);
  }
}

void append_run(std::string& out, const RecordedRun& run) {
  const auto ms = [](Milliseconds time) { return std::to_string(time.count()); };
  out += "\nrun ";
  out += run.streams ? "stream" : "exec";
  out += " at " + ms(run.started) + "\nargv";
  for (const auto& word : run.argv) {
    out += " \"";
    append_escaped(out, word, true);
    out += '"';
  }
  out += '\n';
  for (const auto& piece : run.out) {
    out += "out at " + ms(piece.at) + '\n';
    append_output(out, piece.bytes);
  }
  if (!run.err.empty()) {
    out += "err\n";
    append_output(out, run.err);
  }
  if (!run.took) {
    out += "end open";
  } else {
    out += "end at " + ms(*run.took);
    if (run.timed_out) {
      out += " timed-out";
    } else {
      out += run.signal.empty() ? " status " + std::to_string(run.status) : " signal " + run.signal;
    }
  }
  out += run.truncated ? " truncated\n" : "\n";
}

/// Line by line, each of which says by its first word what it is.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Recording parse() {
    if (!next() || line_ != kFirstLine) fail("expected \"" + std::string(kFirstLine) + "\"");
    while (next()) {
      if (line_.empty() || line_.front() == '#') continue;
      if (line_.front() == '|') {
        output();
      } else {
        statement();
      }
    }
    if (state_ != State::kBetween) fail("the last run has no end");
    return std::move(recording_);
  }

 private:
  enum class State { kBetween, kArgv, kRun, kOut, kErr };

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("line " + std::to_string(number_) + ": " + what);
  }

  bool next() {
    ++number_;
    if (rest_.empty()) return false;
    line_ = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(std::min(line_.size() + 1, rest_.size()));
    return true;
  }

  std::string_view word() {
    const auto found = line_.substr(0, line_.find(' '));
    line_.remove_prefix(std::min(found.size() + 1, line_.size()));
    return found;
  }

  std::int64_t number(std::string_view text, std::int64_t most) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most)
      fail("expected a number from 0 to " + std::to_string(most));
    return value;
  }

  Milliseconds at() {
    if (word() != "at") fail("expected \"at\" and a time");
    return Milliseconds(number(word(), kLongest));
  }

  void done() const {
    if (!line_.empty()) fail("something stands behind the end of the line");
  }

  RecordedRun& run() { return recording_.runs.back(); }

  void statement() {
    const auto what = word();
    if (what == "run" && state_ == State::kBetween) return begin();
    if (what == "argv" && state_ == State::kArgv) return argv();
    const bool inside = state_ == State::kRun || state_ == State::kOut || state_ == State::kErr;
    if (what == "out" && inside && state_ != State::kErr) {
      const auto when = at();
      if (!run().out.empty() && when < run().out.back().at) fail("the pieces are not in the order of their times");
      run().out.push_back({.at = when, .bytes = {}});
      state_ = State::kOut;
      return done();
    }
    if (what == "err" && inside && state_ != State::kErr) {
      state_ = State::kErr;
      return done();
    }
    if (what == "end" && inside) return end();
    constexpr std::array<std::string_view, 5> kExpected{"\"run\"", "\"argv\"", "\"out\", \"err\" or \"end\"",
                                                        "output, \"out\", \"err\" or \"end\"", "output or \"end\""};
    fail("expected " + std::string(kExpected.at(static_cast<std::size_t>(state_))));
  }

  void begin() {
    const auto kind = word();
    if (kind != "exec" && kind != "stream") fail("expected \"exec\" or \"stream\"");
    const auto when = at();
    done();
    recording_.runs.push_back({.streams = kind == "stream", .started = when});
    state_ = State::kArgv;
  }

  void argv() {
    while (!line_.empty()) {
      if (line_.front() != '"') fail("expected an argument in quotes");
      const auto close = closing_quote();
      run().argv.push_back(unescaped(line_.substr(1, close - 1), true));
      line_.remove_prefix(close + 1);
      if (line_.empty()) break;
      if (line_.front() != ' ' || line_.size() == 1) fail("expected a space and an argument, or the end of the line");
      line_.remove_prefix(1);
    }
    if (run().argv.empty()) fail("expected at least one argument");
    state_ = State::kRun;
  }

  std::size_t closing_quote() const {
    for (std::size_t i = 1; i < line_.size(); ++i) {
      if (line_[i] == '"') return i;
      if (line_[i] == '\\') ++i;
    }
    fail("the closing quotation mark is missing");
  }

  void output() {
    if (state_ != State::kOut && state_ != State::kErr) fail("output stands here without \"out\" or \"err\" before it");
    auto text = line_.substr(1);
    const auto backslashes = text.size() - std::min(text.size(), text.find_last_not_of('\\') + 1);
    const bool ends = backslashes % 2 == 0;
    if (!ends) text.remove_suffix(1);
    auto& to = state_ == State::kOut ? run().out.back().bytes : run().err;
    to += unescaped(text, false);
    if (ends) to += '\n';
  }

  void end() {
    if (line_.starts_with("open")) {
      word();
    } else {
      run().took = at();
      const auto how = word();
      if (how == "status") {
        run().status = static_cast<int>(number(word(), 255));
      } else if (how == "signal") {
        run().signal = word();
        if (run().signal.empty()) fail("expected the name of a signal");
      } else if (how == "timed-out") {
        run().timed_out = true;
      } else {
        fail("expected \"status\", \"signal\" or \"timed-out\"");
      }
    }
    if (line_ == "truncated") {
      word();
      run().truncated = true;
    }
    done();
    state_ = State::kBetween;
  }

  std::string unescaped(std::string_view text, bool in_quotes) const {
    std::string out;
    while (!text.empty()) {
      const char c = text.front();
      text.remove_prefix(1);
      if (c != '\\') {
        out += c;
        continue;
      }
      const char kind = text.empty() ? '\0' : text.front();
      if (kind == '\\' || (kind == '"' && in_quotes)) {
        out += kind;
        text.remove_prefix(1);
      } else {
        const auto high = kind == 'x' && text.size() > 2 ? kHex.find(text[1]) : std::string_view::npos;
        const auto low = high == std::string_view::npos ? high : kHex.find(text[2]);
        if (low == std::string_view::npos)
          fail(R"(a "\" stands here that is no escape: expected "\\" or "\x" and two of 0-9a-f)");
        out += static_cast<char>(high * 16 + low);
        text.remove_prefix(3);
      }
    }
    return out;
  }

  std::string_view rest_;
  std::string_view line_;
  int number_ = 0;
  State state_ = State::kBetween;
  Recording recording_;
};
}  // namespace

std::string to_text(const Recording& recording) {
  std::string out(kFirstLine);
  out += '\n';
  for (const auto& run : recording.runs) append_run(out, run);
  return out;
}

Recording parse_recording(std::string_view text) { return Parser(text).parse(); }

Recording read_recording(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) throw std::runtime_error(path + ": cannot be read");
  try {
    return parse_recording(text);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

}  // namespace pillard::testing
