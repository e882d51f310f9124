// A shared library that is no plugin. If it were mapped, the process would end.
#include <cstdlib>

namespace {
__attribute__((constructor)) void mapped() { std::abort(); }
}  // namespace
