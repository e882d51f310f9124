#pragma once
// What the rogues have in common: each offers one stream, subscribe_<its name>, and misbehaves in one way.
#include <string>

#include "pillard/pillard.h"

namespace rogue {

struct NoParams {
  PILLARD_FIELDS(NoParams)
};

template <class SourceT, class Params>
class Plugin : public pillard::Plugin {
 public:
  explicit Plugin(std::string name) : name_(std::move(name)) {
    for (char& c : name_)
      if (c == '-') c = '_';
  }
  void setup(pillard::Registrar& registrar, const pillard::Config&) override {
    registrar.stream<Params, SourceT>({.subscribe = "subscribe_" + name_,
                                       .unsubscribe = "unsubscribe_" + name_,
                                       .event = name_,
                                       .gap = {},
                                       .linger = pillard::Milliseconds{0}});
  }

 private:
  std::string name_;
};

}  // namespace rogue

#define ROGUE_WITH(SOURCE, PARAMS, NAME)                    \
  namespace {                                               \
  struct ThisPlugin final : rogue::Plugin<SOURCE, PARAMS> { \
    ThisPlugin() : Plugin(NAME) {}                          \
  };                                                        \
  }                                                         \
  PILLARD_PLUGIN(ThisPlugin, NAME, "1")
#define ROGUE(SOURCE, NAME) ROGUE_WITH(SOURCE, rogue::NoParams, NAME)
