#include "mounts.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include "pillard/text.h"

namespace node_metrics {

using pillard::take_number;
using pillard::take_until;
using pillard::take_word;
using pillard::to_number;

namespace {

constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kMaxWord = 128;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// The kernel writes blanks and backslashes of a path as \040 and the like.
std::string unescaped(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape = text[at] == '\\' && text.size() - at > 3 && text[at + 1] <= '3' && is_octal(text[at + 1]) &&
                        is_octal(text[at + 2]) && is_octal(text[at + 3]);
    if (!escape) {
      plain += text[at];
      continue;
    }
    plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
    at += 3;
  }
  return plain;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool can_be_asked(std::string_view point) {
  return !point.empty() && point.front() == '/' && point.size() <= kMaxPath &&
         std::none_of(point.begin(), point.end(), is_control);
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty())
    if (take_until(options, ',') == wanted) return true;
  return false;
}

bool is_real(const Mount& mount) {
  if (mount.filesystem == "overlay") return mount.point == "/";
  if (std::find(kRealFilesystems.begin(), kRealFilesystems.end(), mount.filesystem) == kRealFilesystems.end())
    return false;
  return mount.point != "/etc/hosts" && mount.point != "/etc/hostname" && mount.point != "/etc/resolv.conf";
}

/// Which of two mounts of one device is shown.
bool better(const Mount& a, const Mount& b) {
  if ((a.point == "/") != (b.point == "/")) return a.point == "/";
  if ((a.root == "/") != (b.root == "/")) return a.root == "/";
  return a.point.size() < b.point.size();
}

/// Bytes that it takes in a command: it is quoted for two shells.
std::size_t cost(std::string_view point) {
  const auto escaped = [](char c) { return c == '\'' || c == '\\' || c == '!'; };
  return point.size() + 7 * static_cast<std::size_t>(std::count_if(point.begin(), point.end(), escaped));
}

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  return b != 0 && a > kMost / b ? kMost : a * b;
}

}  // namespace

std::optional<Mount> parse_mount(std::string_view line) {
  if (!take_number<std::uint64_t>(line) || !take_number<std::uint64_t>(line)) return std::nullopt;  // ids
  Mount mount;
  const auto device = take_word(line);
  auto minor = device;
  if (!to_number<std::uint32_t>(take_until(minor, ':')) || !to_number<std::uint32_t>(minor)) return std::nullopt;
  mount.device = device;
  mount.root = unescaped(take_word(line).substr(0, 4 * kMaxPath));
  mount.point = unescaped(take_word(line).substr(0, 4 * kMaxPath + 4));
  if (!can_be_asked(mount.point)) return std::nullopt;
  mount.read_only = has_option(take_word(line), "ro");
  for (auto tag = take_word(line); tag != "-"; tag = take_word(line))
    if (tag.empty()) return std::nullopt;
  mount.filesystem = take_word(line).substr(0, kMaxWord);
  mount.source = unescaped(take_word(line).substr(0, kMaxWord));
  if (mount.filesystem.empty()) return std::nullopt;
  // The filesystem itself turns so when it finds an error.
  mount.read_only = mount.read_only || has_option(take_word(line), "ro");
  return mount;
}

std::optional<Space> parse_space(std::string_view line) {
  std::array<std::uint64_t, 6> figures{};
  for (auto& figure : figures) {
    const auto number = take_number<std::uint64_t>(line);
    if (!number) return std::nullopt;
    figure = *number;
  }
  const auto [block, blocks, free, available, inodes, inodes_free] = figures;
  if (line.empty() || !can_be_asked(line.substr(1))) return std::nullopt;
  Space space;
  space.point = line.substr(1);
  space.size = product(blocks, block);
  space.free = std::min(product(free, block), space.size);
  space.available = std::min(product(available, block), space.size);
  space.inodes = inodes;
  space.inodes_free = std::min(inodes_free, inodes);
  return space;
}

std::vector<Mount> choose_mounts(const std::vector<Mount>& mounts) {
  std::unordered_map<std::string_view, const Mount*> topmost;  // by point
  for (const auto& mount : mounts) topmost[mount.point] = &mount;
  std::unordered_map<std::string_view, const Mount*> best;  // by device
  for (const auto& mount : mounts) {
    if (!is_real(mount) || topmost[mount.point] != &mount) continue;
    auto& chosen = best[mount.device];
    if (!chosen || better(mount, *chosen)) chosen = &mount;
  }
  std::vector<Mount> shown;
  std::size_t bytes = 0;
  for (const auto& mount : mounts) {
    const auto found = best.find(mount.device);
    if (found == best.end() || found->second != &mount) continue;
    bytes += cost(mount.point);
    if (shown.size() == kMaxMounts || bytes > kMaxPathBytes) break;
    shown.push_back(mount);
  }
  return shown;
}

}  // namespace node_metrics
