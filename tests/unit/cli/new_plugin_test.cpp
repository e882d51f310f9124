#include "cli/new_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

namespace pillard::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class NewPluginTest : public testing::Test {
 protected:
  NewPluginTest() {
    auto pattern = (fs::temp_directory_path() / "pillard-cli-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
  }
  ~NewPluginTest() override { fs::remove_all(directory); }

  std::string refusal(const std::string& name, const std::string& folder = "new") const {
    try {
      make_plugin({.name = name, .folder = directory / folder, .from = installed_template()});
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "not refused";
  }
  fs::path directory;
};

TEST_F(NewPluginTest, GivesTheTemplateItsNameEverywhere) {
  const auto folder = directory / "disk-usage";
  const auto files = make_plugin({.name = "disk-usage", .folder = folder, .from = installed_template()});
  EXPECT_THAT(files, AllOf(Contains(folder / "CMakeLists.txt"), Contains(folder / "src/disk_usage.cpp"),
                           Contains(folder / "tests/disk_usage_test.cpp"), Contains(folder / "sample.ini")));
  for (const auto& file : files) {
    SCOPED_TRACE(file);
    for (const auto* left : {"my-monitor", "my_monitor", "MyMonitor"}) {
      EXPECT_THAT(text_of(file), Not(HasSubstr(left)));
      EXPECT_THAT(file.string(), Not(HasSubstr(left)));
    }
  }
  EXPECT_THAT(text_of(folder / "src/plugin.cpp"),
              AllOf(HasSubstr("PILLARD_PLUGIN(disk_usage::DiskUsagePlugin, \"disk-usage\", \"0.1.0\")"),
                    HasSubstr("\"subscribe_disk_usage\""), HasSubstr("#include \"disk_usage.h\"")));
}

TEST_F(NewPluginTest, TakesTheNameOfTheTemplateItself) {
  make_plugin({.name = "my-monitor", .folder = directory / "my-monitor", .from = installed_template()});
  EXPECT_EQ(text_of(directory / "my-monitor/src/parser.cpp"), text_of(installed_template() / "src/parser.cpp"));
}

TEST_F(NewPluginTest, RefusesWhatIsNoName) {
  for (const std::string name : {"", "x", "Disk", "disk_usage", "9disk", "-disk", "disk-", "disk--usage", "a/b", "..",
                                 "disk usage", "d\xC3\xAFsk"})
    EXPECT_THAT(refusal(name), HasSubstr("is no name for a plugin")) << name;
  EXPECT_THAT(refusal(std::string(49, 'a')), HasSubstr("is no name for a plugin"));
}

TEST_F(NewPluginTest, RefusesWordsOfTheLanguageAndOfTheSdk) {
  for (const std::string name : {"class", "default", "union", "pillard", "std", "parser", "plugin"})
    EXPECT_THAT(refusal(name), HasSubstr("means something else")) << name;
}

TEST_F(NewPluginTest, OverwritesNothing) {
  fs::create_directories(directory / "new");
  std::ofstream(directory / "new/notes.txt") << "mine";
  EXPECT_THAT(refusal("disk-usage"), HasSubstr("is there already"));
  EXPECT_EQ(text_of(directory / "new/notes.txt"), "mine");
  EXPECT_THAT(refusal("disk-usage", "new/notes.txt"), HasSubstr("is there already"));
}

TEST_F(NewPluginTest, UsesAFolderThatIsEmpty) {
  fs::create_directories(directory / "new");
  EXPECT_EQ(refusal("disk-usage"), "not refused");
}

TEST_F(NewPluginTest, LeavesNothingBehindWhenItFails) {
  const auto broken = directory / "template";
  fs::create_directories(broken);
  std::ofstream(broken / "a.txt") << "text";
  fs::create_directory_symlink(broken / "nowhere", broken / "b");
  EXPECT_THROW(make_plugin({.name = "disk-usage", .folder = directory / "new", .from = broken}), std::runtime_error);
  EXPECT_FALSE(fs::exists(directory / "new"));
}

TEST_F(NewPluginTest, SaysWhereTheTemplateWouldBe) {
  try {
    make_plugin({.name = "disk-usage", .folder = directory / "new", .from = directory / "absent"});
    ADD_FAILURE() << "not refused";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr((directory / "absent").string()), HasSubstr("--component sdk")));
  }
}

}  // namespace
}  // namespace pillard::cli
