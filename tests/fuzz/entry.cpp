#include <cstdio>
#include <cstdlib>

#include "fuzz/fuzz.h"

namespace pillard::fuzz {

void broken(const char* promise, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
  std::abort();
}

}  // namespace pillard::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pillard::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
