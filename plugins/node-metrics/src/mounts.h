#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace node_metrics {

/// A line of /proc/self/mountinfo.
struct Mount {
  std::string device;      // "8:1": equal for all mounts of one filesystem
  std::string root;        // what of the filesystem is mounted: "/", "/@home"
  std::string point;       // where
  std::string filesystem;  // "ext4"
  std::string source;      // "/dev/sda1"
  bool read_only = false;
};

/// What `stat -f` tells of the filesystem at a mount point.
struct Space {
  std::string point;
  std::uint64_t size = 0, free = 0, available = 0;  // bytes; `available` to users without privileges
  std::uint64_t inodes = 0, inodes_free = 0;        // 0 where they are made as needed
};

/// Local filesystems with a size of their own. What is not here is never measured: asking a server that is away, or a
/// FUSE program that hangs, would take for ever. Overlays count only as "/".
inline constexpr std::array<std::string_view, 17> kRealFilesystems = {
    "ext2",     "ext3",   "ext4", "xfs",   "btrfs", "zfs",   "f2fs",  "bcachefs", "jfs",
    "reiserfs", "nilfs2", "vfat", "exfat", "ntfs",  "ntfs3", "ubifs", "hfsplus"};

/// Of paths to measure: their number, and the bytes of all together in a command, where quotes and backslashes take
/// eight.
inline constexpr std::size_t kMaxMounts = 256;
inline constexpr std::size_t kMaxPathBytes = 16 * 1024;

/// Nothing for a line of another form, and for a mount point that could not be told in a line (control characters) or
/// is longer than 1024 bytes.
std::optional<Mount> parse_mount(std::string_view line);

/// "blocksize blocks free available inodes inodesfree point"; nothing for anything else.
std::optional<Space> parse_space(std::string_view line);

/// Of `mounts`, in their order, what is a real filesystem of the node's own: one mount for each device ("/" before
/// others, a whole filesystem before a part of it, then the shortest path), the topmost of each mount point; network
/// and pseudo filesystems never, overlays only as "/". Files that a container runtime mounts into /etc are no
/// filesystems to watch.
std::vector<Mount> choose_mounts(const std::vector<Mount>& mounts);

}  // namespace node_metrics
