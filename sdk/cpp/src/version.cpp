#include "pillard/version.h"

namespace pillard {

const char* sdk_stamp() noexcept { return kStamp; }
const char* sdk_version() noexcept { return PILLARD_SDK_VERSION; }

}  // namespace pillard
