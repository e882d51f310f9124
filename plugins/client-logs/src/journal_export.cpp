#include "journal_export.h"

#include <algorithm>
#include <cstring>

#include "pillard/text.h"

namespace client_logs {

using pillard::to_number;

const char* const kFields = "MESSAGE,PRIORITY,_LINE_BREAK,_STREAM_ID,N_DROPPED";

namespace {

constexpr std::size_t kMaxValue = 256;                      // of what is not MESSAGE
constexpr std::size_t kMaxKept = kMaxLine + 16;             // "MESSAGE=" and a whole line
constexpr std::uint64_t kMaxField = 1024ULL * 1024 * 1024;  // journald takes 768 MiB at most
constexpr std::uint32_t kMaxFields = 4096;                  // journald takes 1024 at most
constexpr std::size_t kMaxName = 64;

bool is_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// The length of the longest beginning of `text` of at most `size` bytes that cuts no UTF-8 character.
std::size_t whole_characters(std::string_view text, std::size_t size) noexcept {
  if (size >= text.size()) return text.size();
  std::size_t end = size;
  while (end > 0 && size - end < 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return size - end < 4 ? end : size;
}

}  // namespace

void Entry::clear() noexcept {
  cursor.clear();
  message.clear();
  stream.clear();
  realtime = lost = 0;
  priority = 6;
  has_message = is_part = tells_of_drops = false;
}

bool ExportParser::step(std::string_view& piece) {
  switch (state_) {
    case State::kLine: return line_step(piece);
    case State::kLength: length_step(piece); break;
    case State::kData: data_step(piece); break;
    case State::kEnd:
      if (piece.front() != '\n') throw FormatError("a binary field is longer than it says");
      piece.remove_prefix(1);
      state_ = State::kLine;
  }
  return false;
}

bool ExportParser::line_step(std::string_view& piece) {
  const auto* end = static_cast<const char*>(std::memchr(piece.data(), '\n', piece.size()));
  if (end == nullptr) {
    keep(piece, piece.size());
    return false;
  }
  const auto size = static_cast<std::size_t>(end - piece.data());
  if (partial_.empty()) {  // the usual case: nothing is copied
    const auto line = piece.substr(0, size);
    piece.remove_prefix(size + 1);
    return end_line(line, 0);
  }
  keep(piece, size);
  piece.remove_prefix(1);
  const bool ended = end_line(partial_, dropped_);
  partial_.clear();
  dropped_ = 0;
  return ended;
}

/// A whole line without its end: a field, the name of a binary field, or the end of an entry.
bool ExportParser::end_line(std::string_view line, std::uint64_t lost) {
  if (line.empty()) return fields_ != 0;
  if (++fields_ > kMaxFields) throw FormatError("an entry has too many fields");
  const auto equals = line.find('=');
  const auto name = line.substr(0, equals);
  if (!is_name(name)) throw FormatError("a field has no name");
  if (equals != std::string_view::npos) {
    set(name_of(name), line.substr(equals + 1), lost);
  } else {
    name_ = name_of(name);
    state_ = State::kLength;
  }
  return false;
}

void ExportParser::length_step(std::string_view& piece) {
  keep(piece, std::min(piece.size(), 8 - partial_.size()));
  if (partial_.size() < 8) return;
  left_ = 0;
  for (int byte = 7; byte >= 0; --byte) left_ = left_ << 8U | static_cast<unsigned char>(partial_[byte]);
  partial_.clear();
  if (left_ > kMaxField) throw FormatError("a binary field is too long");
  state_ = State::kData;
  if (left_ == 0) {
    set(name_, {}, 0);
    state_ = State::kEnd;
  }
}

void ExportParser::data_step(std::string_view& piece) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left_));
  left_ -= size;
  if (left_ == 0 && partial_.empty()) {
    set(name_, piece.substr(0, size), 0);
    piece.remove_prefix(size);
  } else {
    keep(piece, size);
    if (left_ != 0) return;
    set(name_, partial_, dropped_);
    partial_.clear();
    dropped_ = 0;
  }
  state_ = State::kEnd;
}

/// Moves `size` bytes to the partial field, as far as they are kept.
void ExportParser::keep(std::string_view& piece, std::size_t size) {
  const auto kept = std::min(size, kMaxKept - std::min(kMaxKept, partial_.size()));
  partial_.append(piece.substr(0, kept));
  dropped_ += size - kept;
  piece.remove_prefix(size);
}

ExportParser::Name ExportParser::name_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 7: return name == "MESSAGE" ? Name::kMessage : Name::kOther;
    case 8: return name == "PRIORITY" ? Name::kPriority : name == "__CURSOR" ? Name::kCursor : Name::kOther;
    case 9: return name == "N_DROPPED" ? Name::kDropped : Name::kOther;
    case 10: return name == "_STREAM_ID" ? Name::kStream : Name::kOther;
    case 11: return name == "_LINE_BREAK" ? Name::kLineBreak : Name::kOther;
    case 20: return name == "__REALTIME_TIMESTAMP" ? Name::kRealtime : Name::kOther;
    default: return Name::kOther;
  }
}

void ExportParser::set(Name name, std::string_view value, std::uint64_t lost) {
  switch (name) {
    case Name::kMessage: set_message(value, lost); break;
    case Name::kCursor: entry_.cursor = value.substr(0, kMaxValue); break;
    case Name::kStream: entry_.stream = value.substr(0, kMaxValue); break;
    case Name::kRealtime: entry_.realtime = to_number<std::uint64_t>(value).value_or(0); break;
    case Name::kPriority:
      entry_.priority = static_cast<int>(std::min<std::uint64_t>(to_number<std::uint64_t>(value).value_or(6), 7));
      break;
    case Name::kLineBreak: entry_.is_part = value == "line-max"; break;
    case Name::kDropped: entry_.tells_of_drops = true; break;
    case Name::kOther: break;
  }
}

void ExportParser::set_message(std::string_view value, std::uint64_t lost) {
  if (entry_.has_message) return;  // an entry may have a field twice; the first one is the message
  const auto kept = whole_characters(value, kMaxLine);
  entry_.message = value.substr(0, kept);
  entry_.lost = lost + (value.size() - kept);
  entry_.has_message = true;
}

}  // namespace client_logs
