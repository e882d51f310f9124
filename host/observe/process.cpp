#include "observe/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pillard::observe {
namespace {

std::string text_of(const char* file) {
  std::ifstream in(file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (text.empty()) throw std::runtime_error(std::string(file) + " cannot be read");
  return text;
}

/// The n-th figure of /proc/self/statm, in bytes: 0 is virtual memory, 1 what is resident.
double memory(unsigned which) {
  std::istringstream in(text_of("/proc/self/statm"));
  double pages = 0;
  for (unsigned i = 0; i <= which; ++i) in >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double open_files() {
  double count = -1;  // the descriptor that looks is one of them
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

double most_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

/// Seconds since 1970.
double started() {
  // The name, in parentheses, may hold anything; the time is the 22nd figure, in ticks since the machine's start.
  const auto stat = text_of("/proc/self/stat");
  std::istringstream in(stat.substr(stat.rfind(')') + 2));
  std::string ticks;
  for (int i = 3; i <= 22; ++i) in >> ticks;
  const auto machine = text_of("/proc/stat");
  const auto at = machine.find("\nbtime ");
  if (at == std::string::npos) throw std::runtime_error("/proc/stat has no btime");
  return std::stod(machine.substr(at + 7)) + std::stod(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<Metrics::Hook> describe_process(Metrics& metrics) {
  std::vector<Metrics::Hook> hooks;
  hooks.push_back(metrics.collect_counter("process_cpu_seconds_total", "Processor time of this process, all threads.",
                                          {}, cpu_seconds));
  hooks.push_back(
      metrics.collect("process_resident_memory_bytes", "Memory that is in RAM.", {}, [] { return memory(1); }));
  hooks.push_back(
      metrics.collect("process_virtual_memory_bytes", "Memory that is mapped.", {}, [] { return memory(0); }));
  hooks.push_back(metrics.collect("process_open_fds", "Open file descriptors.", {}, open_files));
  hooks.push_back(metrics.collect("process_max_fds", "File descriptors that may be open.", {}, most_files));
  const double since = started();
  hooks.push_back(metrics.collect("process_start_time_seconds", "When this process started, in seconds since 1970.", {},
                                  [since] { return since; }));
  return hooks;
}

}  // namespace pillard::observe
