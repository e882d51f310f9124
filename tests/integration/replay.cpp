// Plays what `pillard record` wrote of node-status to the same plugin in a FakeHost, and prints what it publishes then.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

/// replay RECORDING TYPE PARAMS SECONDS
int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "replay RECORDING TYPE PARAMS SECONDS\n";
    return 64;
  }
  try {
    pillard::testing::FakeHost host;
    host.load(pillard::testing::new_plugin());
    host.node().replay(argv[1]);
    const auto& stream = host.subscribe(argv[2], argv[3]);
    host.advance(std::chrono::seconds(std::atoi(argv[4])));
    for (const auto& event : stream.published()) std::cout << event << '\n';
    for (const auto& problem : stream.problems()) std::cout << "problem " << problem.what() << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
