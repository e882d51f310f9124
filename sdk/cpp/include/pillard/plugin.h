#pragma once
// The one door of a plugin: a class derived from Plugin and the line PILLARD_PLUGIN(Class, "name", "version").
#ifndef BOOST_DLL_USE_STD_FS
#define BOOST_DLL_USE_STD_FS
#endif
#include <boost/dll/alias.hpp>
#include <memory>

#include "pillard/config.h"
#include "pillard/export.h"
#include "pillard/registrar.h"
#include "pillard/version.h"

namespace pillard {

/// One of these is made when the daemon starts, and another when the plugin's file or configuration has changed. It
/// registers what it offers, once, and never changes afterwards: all that moves lives in Sources and Calls. It is
/// destroyed when the last Source and Call of it has gone; by then another one may have been set up.
class PILLARD_API Plugin {
 public:
  Plugin() = default;
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  virtual ~Plugin() noexcept(false);  ///< as Source's

  /// [setup] Reads its configuration and registers its message types. Throws to refuse: the message is shown to the
  /// operator. Must not start threads or touch the network: it also runs for --check-config.
  virtual void setup(Registrar& registrar, const Config& config) = 0;
};

/// What a plugin file says of itself, written by PILLARD_PLUGIN(); read by the loader before any other code of the
/// plugin is called.
struct Manifest {
  const char* stamp;    // kStamp as the plugin was compiled with
  const char* name;     // [a-z0-9-]+, equal to the file's name without ".so"
  const char* version;  // the plugin's own
  Plugin* (*create)();  // may throw
};

}  // namespace pillard

/// The section that carries a plugin's exports. Its name holds the ABI major, so that a plugin of another major is told
/// from the file alone, before any of its code is mapped.
#define PILLARD_SECTION pillard0
/// The section that carries the stamp as text, for the same reason: a library of another sanitizer ends the process
/// while it is mapped.
#define PILLARD_STAMP_SECTION "plugin_stamp"

/// Makes this library a plugin. Once a library, outside any namespace.
#define PILLARD_PLUGIN(CLASS, NAME, VERSION)                                                                      \
  namespace pillard_plugin {                                                                                      \
  extern const ::pillard::Manifest manifest;                                                                      \
  const ::pillard::Manifest manifest{::pillard::kStamp, NAME, VERSION,                                            \
                                     []() -> ::pillard::Plugin* { return std::make_unique<CLASS>().release(); }}; \
  }                                                                                                               \
  extern "C" {                                                                                                    \
  extern PILLARD_API const char pillard_stamp[];                                                                  \
  __attribute__((section(PILLARD_STAMP_SECTION), used)) const char pillard_stamp[] = PILLARD_STAMP;               \
  }                                                                                                               \
  BOOST_DLL_ALIAS_SECTIONED(pillard_plugin::manifest, pillard_manifest, PILLARD_SECTION)
