#pragma once
// A directory of plugins of its own for each test, and what the loader needs around it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Message.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "loader/plugins.h"

namespace pillard::loader {

class LogLines final : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override { text += message.getText() + "\n"; }
  std::string text;
};

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    std::string made = (std::filesystem::temp_directory_path() / "pillard-loader-XXXXXX").string();
    directory = ::mkdtemp(made.data());
  }
  ~LoaderTest() override { std::filesystem::remove_all(directory); }

  /// Puts the library `plugin` there as `name`.so.
  std::filesystem::path place(const std::string& plugin, const std::string& name = {}) const {
    const auto target = directory / ((name.empty() ? plugin : name) + ".so");
    std::filesystem::copy_file(std::filesystem::path(LOADER_TEST_PLUGINS) / (plugin + ".so"), target);
    ::chmod(target.c_str(), 0644);
    return target;
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(directory / name) << text; }

  std::unique_ptr<Plugins> load(std::vector<std::string> enabled) {
    return std::make_unique<Plugins>(
        PluginsOptions{.directory = directory, .configuration = directory, .enabled = std::move(enabled)}, services);
  }
  /// Why `name` alone is not loaded: "step: message".
  std::string refusal(const std::string& name) {
    const auto plugins = load({name});
    if (plugins->errors().size() != 1) return "not refused";
    EXPECT_EQ(plugins->errors()[0].file(), directory / (name + ".so"));
    EXPECT_TRUE(plugins->records().empty());
    return plugins->errors()[0].step() + ": " + plugins->errors()[0].message();
  }

  std::filesystem::path directory;
  Poco::AutoPtr<LogLines> lines{new LogLines};
  observe::Log log{{.channel = lines}};
  observe::Metrics metrics;
  std::vector<std::string> held;
  Services services{.log = log, .metrics = metrics};
};

}  // namespace pillard::loader
