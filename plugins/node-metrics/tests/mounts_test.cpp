#include "mounts.h"

#include <gmock/gmock.h>

namespace node_metrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Mount mount(std::string device, std::string root, std::string point, std::string filesystem = "ext4") {
  Mount made;
  made.device = std::move(device);
  made.root = std::move(root);
  made.point = std::move(point);
  made.filesystem = std::move(filesystem);
  return made;
}

std::vector<std::string> chosen(const std::vector<Mount>& mounts) {
  std::vector<std::string> points;
  for (const auto& shown : choose_mounts(mounts)) points.push_back(shown.point);
  return points;
}

TEST(ParseMount, ReadsALine) {
  const auto read =
      parse_mount("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->device, "98:0");
  EXPECT_EQ(read->root, "/mnt1");
  EXPECT_EQ(read->point, "/mnt2");
  EXPECT_EQ(read->filesystem, "ext3");
  EXPECT_EQ(read->source, "/dev/root");
  EXPECT_FALSE(read->read_only);
}

TEST(ParseMount, ReadsBlanksAndBackslashesOfAPath) {
  EXPECT_EQ(parse_mount(R"(1 1 8:1 / /a\040b\134c rw - ext4 /dev/x rw)")->point, R"(/a b\c)");
  EXPECT_EQ(parse_mount(R"(1 1 8:1 / /a\9\04 rw - ext4 /dev/x rw)")->point, R"(/a\9\04)");
}

TEST(ParseMount, TellsAMountThatIsReadOnlyAndAFilesystemThatTurnedSo) {
  EXPECT_TRUE(parse_mount("1 1 8:1 / / ro,noatime - ext4 /dev/x rw")->read_only);
  EXPECT_TRUE(parse_mount("1 1 8:1 / / rw - ext4 /dev/x ro,errors=remount-ro")->read_only);
  EXPECT_FALSE(parse_mount("1 1 8:1 / / rw,errors=remount-ro - ext4 /dev/x rw,prot")->read_only);
}

TEST(ParseMount, RefusesAPathThatDoesNotFitALine) {
  EXPECT_FALSE(parse_mount(R"(1 1 8:1 / /a\012b rw - ext4 /dev/x rw)"));
  EXPECT_FALSE(parse_mount(R"(1 1 8:1 / /a\000 rw - ext4 /dev/x rw)"));
  EXPECT_FALSE(parse_mount("1 1 8:1 / /" + std::string(1024, 'a') + " rw - ext4 /dev/x rw"));
  EXPECT_FALSE(parse_mount("1 1 8:1 / relative rw - ext4 /dev/x rw"));
}

TEST(ParseMount, RefusesOtherLines) {
  for (const auto* line : {"", "1", "1 1", "1 1 8 / / rw - ext4 x rw", "1 1 8:x / / rw - ext4 x rw",
                           "a 1 8:1 / / rw - ext4 x rw", "1 1 8:1 / / rw ext4 x rw", "1 1 8:1 / / rw -"})
    EXPECT_FALSE(parse_mount(line)) << line;
}

TEST(ParseSpace, CountsInBytes) {
  const auto space = parse_space("4096 1000 400 300 50 20 /a b");
  ASSERT_TRUE(space);
  EXPECT_EQ(space->point, "/a b");
  EXPECT_EQ(space->size, 4096000U);
  EXPECT_EQ(space->free, 400UL * 4096);
  EXPECT_EQ(space->available, 300UL * 4096);
  EXPECT_EQ(space->inodes, 50U);
  EXPECT_EQ(space->inodes_free, 20U);
}

TEST(ParseSpace, HoldsOddFiguresWithinTheSize) {
  const auto space = parse_space("4096 10 99 99 5 9 /");
  ASSERT_TRUE(space);
  EXPECT_EQ(space->free, space->size);
  EXPECT_EQ(space->available, space->size);
  EXPECT_EQ(space->inodes_free, 5U);
  EXPECT_EQ(parse_space("18446744073709551615 18446744073709551615 1 1 1 1 /")->size, UINT64_MAX);
}

TEST(ChooseMounts, ShowsADeviceOnce) {
  EXPECT_THAT(chosen({mount("8:1", "/", "/data"), mount("8:1", "/sub", "/x"), mount("8:2", "/", "/other")}),
              ElementsAre("/data", "/other"));
}

TEST(ChooseMounts, PrefersTheRootThenTheWholeThenTheShortest) {
  EXPECT_THAT(chosen({mount("8:1", "/", "/mnt"), mount("8:1", "/@", "/", "btrfs")}), ElementsAre("/"));
  EXPECT_THAT(chosen({mount("8:1", "/part", "/a"), mount("8:1", "/", "/long/path")}), ElementsAre("/long/path"));
  EXPECT_THAT(chosen({mount("8:1", "/", "/long/path"), mount("8:1", "/", "/a")}), ElementsAre("/a"));
}

TEST(ChooseMounts, NeverShowsWhatIsNotALocalFilesystem) {
  for (const auto* type : {"nfs", "nfs4", "cifs", "fuse.sshfs", "9p", "tmpfs", "proc", "squashfs", "autofs", "ceph",
                           "glusterfs", "fuse", "fuseblk"})
    EXPECT_THAT(chosen({mount("0:50", "/", "/mnt", type)}), IsEmpty()) << type;
}

TEST(ChooseMounts, ShowsAnOverlayOnlyAsTheRoot) {
  EXPECT_THAT(chosen({mount("0:50", "/", "/", "overlay"), mount("0:51", "/", "/var/lib/docker/x/merged", "overlay")}),
              ElementsAre("/"));
}

TEST(ChooseMounts, LeavesOutWhatIsMountedOver) {
  EXPECT_THAT(chosen({mount("8:1", "/", "/data"), mount("8:2", "/", "/data")}), ElementsAre("/data"));
  EXPECT_EQ(choose_mounts({mount("8:1", "/", "/data"), mount("8:2", "/", "/data")}).front().device, "8:2");
  EXPECT_THAT(chosen({mount("8:1", "/", "/data"), mount("0:9", "/", "/data", "nfs")}), IsEmpty());
}

TEST(ChooseMounts, ShowsWhatArgumentsHaveRoomFor) {
  std::vector<Mount> many;
  for (int at = 0; at < 300; ++at) many.push_back(mount("8:" + std::to_string(at), "/", "/m" + std::to_string(at)));
  EXPECT_THAT(chosen(many), SizeIs(256));
  many.clear();
  for (int at = 0; at < 20; ++at)
    many.push_back(mount("8:" + std::to_string(at), "/", "/" + std::string(1000, static_cast<char>('a' + at))));
  EXPECT_THAT(chosen(many), SizeIs(16));
}

TEST(ChooseMounts, ReckonsWithWhatQuotesTakeInACommand) {
  std::vector<Mount> many;
  for (int at = 0; at < 4; ++at)
    many.push_back(mount("8:" + std::to_string(at), "/", "/" + std::to_string(at) + std::string(1000, '\'')));
  EXPECT_THAT(chosen(many), SizeIs(2));
}

}  // namespace
}  // namespace node_metrics
