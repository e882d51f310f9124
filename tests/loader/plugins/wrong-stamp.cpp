// Built by another compiler, it says. If it were created, the process would end.
#include <cstdlib>

#include "pillard/plugin.h"

namespace other_compiler {
extern const pillard::Manifest manifest;
const pillard::Manifest manifest{"sdk=0.0.1 compiler=another", "wrong-stamp", "1",
                                 []() -> pillard::Plugin* { std::abort(); }};
}  // namespace other_compiler

BOOST_DLL_ALIAS_SECTIONED(other_compiler::manifest, pillard_manifest, PILLARD_SECTION)
