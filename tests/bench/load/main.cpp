// A load of WebSocket clients, or a probe of single ones.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include "arguments.h"
#include "descriptor.h"
#include "load/crowd.h"
#include "load/options.h"
#include "load/probe.h"

int main(int argc, char** argv) {
  using namespace pillard::bench;
  const std::span words(argv + 1, argv + argc);
  if (!words.empty() && std::string_view(words.back()) == "--help") {
    fmt::print("{}", kUsage);
    return 0;
  }
  try {
    const auto options = read_options(words);
    allow_many_sockets();
    if (options.probe) {
      run_probes(options);
    } else {
      Crowd(options).run();
    }
    return 0;
  } catch (const UsageError& error) {
    fmt::print(stderr, "pillard-load: {}\n\n{}", error.what(), kUsage);
  } catch (const std::exception& error) {
    fmt::print(stderr, "pillard-load: {}\n", error.what());
  }
  return 1;
}
