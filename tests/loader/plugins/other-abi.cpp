// A plugin of a later ABI. If it were mapped, the process would end.
#include <cstdlib>

extern "C" {
__attribute__((section("pillard7"), visibility("default"), used)) const void* pillard_manifest = nullptr;
}

namespace {
__attribute__((constructor)) void mapped() { std::abort(); }
}  // namespace
