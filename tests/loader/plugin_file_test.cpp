#include <sys/stat.h>

#include "loader_fixture.h"

namespace pillard::loader {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PluginFileTest : public LoaderTest {};

TEST_F(PluginFileTest, LoadsAGoodPlugin) {
  place("good");
  const PluginFile file(directory, "good");
  EXPECT_STREQ(file.manifest().name, "good");
  EXPECT_STREQ(file.manifest().version, "1.2.3");
}

TEST_F(PluginFileTest, LoadsAStrippedPlugin) {
  place("stripped", "good");
  EXPECT_STREQ(PluginFile(directory, "good").manifest().name, "good");
}

TEST_F(PluginFileTest, FollowsASymbolicLinkAndChecksWhatItMeans) {
  const auto target = place("good", "elsewhere");
  std::filesystem::create_symlink(target, directory / "good.so");
  EXPECT_STREQ(PluginFile(directory, "good").manifest().name, "good");
  ::chmod(target.c_str(), 0666);
  EXPECT_THAT(refusal("good"), StartsWith("permissions: "));
}

TEST_F(PluginFileTest, NeverTakesOneFileForAnother) {
  place("good");
  place("stripped", "second");
  const PluginFile first(directory, "good");
  // Its descriptor, and so its path for the dynamic loader, is not free again.
  EXPECT_THAT(refusal("second"), StartsWith("name: calls itself \"good\""));
  EXPECT_NE(first.manifest().create, nullptr);
}

TEST_F(PluginFileTest, SaysWhatIsMissing) {
  EXPECT_THAT(refusal("absent"), StartsWith("open: cannot be opened: No such file"));
  std::filesystem::remove_all(directory);
  EXPECT_THAT(refusal("absent"), AllOf(StartsWith("open: the directory"), HasSubstr("No such file")));
}

TEST_F(PluginFileTest, RefusesNamesThatAreNoPluginNames) {
  for (const std::string name : {"", "../good", "a/b", "Good", "good.so", "-_-", ".", "a b"})
    EXPECT_THROW(PluginFile(directory, name), LoadError) << name;
  EXPECT_THROW(PluginFile(directory, std::string(65, 'a')), LoadError);
}

TEST_F(PluginFileTest, RefusesWhatIsNoElfFile) {
  write("text.so", "#!/bin/sh\n");
  EXPECT_THAT(refusal("text"), StartsWith("section: is no shared library"));
  write("empty.so", "");
  EXPECT_THAT(refusal("empty"), StartsWith("section: is no shared library"));
  write("cut.so",
        "\x7F"
        "ELF\x02\x01\x01");
  EXPECT_THAT(refusal("cut"), StartsWith("section: is no shared library"));
}

TEST_F(PluginFileTest, RefusesADirectoryAndAFifo) {
  std::filesystem::create_directory(directory / "folder.so");
  EXPECT_EQ(refusal("folder"), "permissions: is no regular file");
  ASSERT_EQ(::mkfifo((directory / "pipe.so").c_str(), 0644), 0);
  EXPECT_EQ(refusal("pipe"), "permissions: is no regular file");
}

TEST_F(PluginFileTest, RefusesAFileThatOthersCanWrite) {
  const auto file = place("good");
  ::chmod(file.c_str(), 0646);
  EXPECT_EQ(refusal("good"), "permissions: the file can be written by everyone (chmod o-w)");
}

TEST_F(PluginFileTest, RefusesADirectoryThatOthersCanWrite) {
  place("good");
  ::chmod(directory.c_str(), 01777);
  EXPECT_EQ(refusal("good"), "permissions: its directory can be written by everyone (chmod o-w)");
}

TEST_F(PluginFileTest, RefusesAnotherOwnerOrAWritingGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const auto file = place("good");
  ::chmod(file.c_str(), 0664);
  ASSERT_EQ(::chown(file.c_str(), 0, 4321), 0);
  EXPECT_EQ(refusal("good"), "permissions: the file can be written by group 4321 (chmod g-w)");
  ::chmod(file.c_str(), 0644);
  ASSERT_EQ(::chown(file.c_str(), 4321, 4321), 0);
  EXPECT_THAT(refusal("good"), StartsWith("permissions: the file belongs to user 4321"));
  ASSERT_EQ(::chown(file.c_str(), 0, 4321), 0);
  EXPECT_EQ(refusal("good"), "not refused");
}

TEST_F(PluginFileTest, RefusesALibraryThatIsNoPluginWithoutRunningIt) {
  place("no-section");
  EXPECT_THAT(refusal("no-section"), StartsWith("section: is a shared library, but no pillard plugin"));
}

TEST_F(PluginFileTest, RefusesAnotherAbiWithoutRunningIt) {
  place("other-abi");
  EXPECT_EQ(refusal("other-abi"),
            "section: was built for ABI major 7; this daemon has 0. Rebuild it with the SDK of this daemon");
}

TEST_F(PluginFileTest, RefusesAnotherStampWithoutCreatingThePlugin) {
  place("wrong-stamp");
  EXPECT_THAT(refusal("wrong-stamp"),
              AllOf(StartsWith("stamp: "), HasSubstr("Rebuild it with the SDK of this daemon"),
                    HasSubstr("plugin: sdk=0.0.1 compiler=another"), HasSubstr(std::string("daemon: ") + kStamp)));
}

TEST_F(PluginFileTest, RefusesAnotherStampBeforeAnyOfItsCodeRuns) {
  place("throws-while-mapped");
  try {
    PluginFile(directory, "throws-while-mapped", "sanitize=thread");
    ADD_FAILURE() << "not refused";
  } catch (const LoadError& error) {
    EXPECT_EQ(error.step(), "stamp");
  }
}

/// The stamp of this daemon with one entry changed.
std::string stamp_with(const std::string& key, const std::string& value) {
  std::string stamp = kStamp;
  const auto from = stamp.find(key + "=") + key.size() + 1;
  const auto to = std::min(stamp.find("=", from), stamp.size());
  const auto end = to == stamp.size() ? to : stamp.rfind(' ', to);
  return stamp.replace(from, end - from, value);
}

TEST_F(PluginFileTest, SaysInWhatAStampDiffers) {
  place("good");
  for (const auto& [key, value] : {std::pair{"sdk", "0.9.0"},
                                   {"compiler", "99.1 20990101"},
                                   {"sanitize", "other"},
                                   {"debug", "other"},
                                   {"cxx11abi", "0"}}) {
    const auto daemon = stamp_with(key, value);
    try {
      PluginFile(directory, "good", daemon.c_str());
      ADD_FAILURE() << key;
    } catch (const LoadError& error) {
      EXPECT_EQ(error.step(), "stamp");
      EXPECT_EQ(error.message(), "was built differently from this daemon (" + std::string(key) +
                                     "). Rebuild it with the SDK of this daemon.\n  plugin: " + kStamp +
                                     "\n  daemon: " + daemon);
    }
  }
}

TEST(Stamp, DiffersInWhatIsMissingOnOneSide) {
  EXPECT_EQ(differing("a=1 b=2 3 c=4", "a=1 b=2 3 c=4"), "");
  EXPECT_EQ(differing("a=1 b=2 3 c=4", "b=2 4"), "a, b, c");
  EXPECT_EQ(differing("", "a=1"), "");
}

TEST_F(PluginFileTest, RefusesALinkToWhatAnotherGroupOrUserCanWrite) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const auto target = place("good", "elsewhere");
  std::filesystem::create_symlink(target, directory / "good.so");
  ::chmod(target.c_str(), 0664);
  ASSERT_EQ(::chown(target.c_str(), 0, 4321), 0);
  EXPECT_EQ(refusal("good"), "permissions: the file can be written by group 4321 (chmod g-w)");
  ASSERT_EQ(::chown(target.c_str(), 4321, 0), 0);
  EXPECT_THAT(refusal("good"), StartsWith("permissions: the file belongs to user 4321; it must belong to root"));
}

TEST_F(PluginFileTest, NamesASymbolThatIsMissing) {
  place("lacks-symbol");
  EXPECT_THAT(refusal("lacks-symbol"), AllOf(StartsWith("map: "), HasSubstr("nobody_has_this")));
}

TEST_F(PluginFileTest, RefusesAFileThatIsNamedOtherwiseThanItsPlugin) {
  place("misnamed");
  EXPECT_EQ(refusal("misnamed"), "name: calls itself \"somebody-else\": the file has to be named somebody-else.so");
}

TEST_F(PluginFileTest, AgreesWithTheSdkLibraryAboutTheStamp) { EXPECT_STREQ(sdk_stamp(), kStamp); }

}  // namespace
}  // namespace pillard::loader
