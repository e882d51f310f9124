#include "observe/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <sstream>

namespace pillard::observe {
namespace {

std::map<std::string, double> figures(const Metrics& metrics) {
  std::map<std::string, double> found;
  std::istringstream in(metrics.render());
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with('#')) found[line.substr(0, line.find(' '))] = std::stod(line.substr(line.find(' ')));
  return found;
}

TEST(Process, ShowsWhatTheKernelKnows) {
  Metrics metrics;
  const auto hooks = describe_process(metrics);
  const auto now = figures(metrics);
  ASSERT_EQ(now.size(), 6u);
  EXPECT_GT(now.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(now.at("process_virtual_memory_bytes"), now.at("process_resident_memory_bytes"));
  EXPECT_GT(now.at("process_cpu_seconds_total"), 0);
  EXPECT_GE(now.at("process_max_fds"), now.at("process_open_fds"));
  const auto unix_now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(now.at("process_start_time_seconds"), unix_now, 300);
}

TEST(Process, CountsDescriptors) {
  Metrics metrics;
  const auto hooks = describe_process(metrics);
  const auto before = figures(metrics).at("process_open_fds");
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(figures(metrics).at("process_open_fds"), before + 1);
  ::close(fd);
  EXPECT_EQ(figures(metrics).at("process_open_fds"), before);
}

TEST(Process, IsNotAskedOnceTheHooksAreGone) {
  Metrics metrics;
  describe_process(metrics).clear();
  EXPECT_EQ(metrics.render(), "");
}

}  // namespace
}  // namespace pillard::observe
