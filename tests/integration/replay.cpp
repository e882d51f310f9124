// Plays what `pillard record` wrote of a plugin to the same plugin in a FakeHost, and prints what it says then.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace {
int usage() {
  std::cerr << "replay stream|call RECORDING TYPE PARAMS SECONDS\n";
  return 64;
}
void print(const pillard::Error& problem) {
  std::cout << "problem " << pillard::name(problem.code()) << ' ' << problem.what() << '\n';
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return usage();
  const std::string_view kind = argv[1];
  try {
    pillard::testing::FakeHost host;
    host.load(pillard::testing::new_plugin());
    host.node().replay(argv[2]);
    const std::chrono::seconds time(std::atoi(argv[5]));
    if (kind == "stream") {
      const auto& stream = host.subscribe(argv[3], argv[4]);
      host.advance(time);
      for (const auto& event : stream.published()) std::cout << event << '\n';
      for (const auto& problem : stream.problems()) print(problem);
    } else if (kind == "call") {
      const auto& call = host.call(argv[3], argv[4]);
      host.advance(time);
      if (call.reply()) std::cout << *call.reply() << '\n';
      if (call.problem()) print(*call.problem());
    } else {
      return usage();
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
