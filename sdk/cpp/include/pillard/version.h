#pragma once
#include <version>  // the macros of the standard library that are in the stamp

#include "pillard/export.h"

#define PILLARD_SDK_VERSION "0.2.0"
#define PILLARD_ABI_MAJOR 0

#define PILLARD_TEXT_(x) #x
#define PILLARD_TEXT(x) PILLARD_TEXT_(x)

#if defined(__SANITIZE_ADDRESS__)
#define PILLARD_STAMP_SANITIZE "address"
#elif defined(__SANITIZE_THREAD__)
#define PILLARD_STAMP_SANITIZE "thread"
#else
#define PILLARD_STAMP_SANITIZE "none"
#endif
#ifdef _GLIBCXX_DEBUG
#define PILLARD_STAMP_DEBUG "on"
#else
#define PILLARD_STAMP_DEBUG "off"
#endif

// clang-format off
#define PILLARD_STAMP                                                                  \
  "sdk=" PILLARD_SDK_VERSION " compiler=" __VERSION__ " c++=" PILLARD_TEXT(__cplusplus) \
  " cxx11abi=" PILLARD_TEXT(_GLIBCXX_USE_CXX11_ABI) " abi=" PILLARD_TEXT(__GXX_ABI_VERSION) \
  " debug=" PILLARD_STAMP_DEBUG " sanitize=" PILLARD_STAMP_SANITIZE
// clang-format on

namespace pillard {

/// Everything that has to be equal in host and plugin for C++ objects to cross between them, in words.
inline constexpr const char* kStamp = PILLARD_STAMP;

/// [any] The stamp and version that libpillard-sdk.so itself was built with.
PILLARD_API const char* sdk_stamp() noexcept;
PILLARD_API const char* sdk_version() noexcept;

}  // namespace pillard
