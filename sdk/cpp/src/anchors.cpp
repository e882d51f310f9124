// The key functions of the contract's classes: their vtables and type_infos are in this library alone, so that host and
// plugins agree on what an object is.
#include "pillard/context.h"
#include "pillard/plugin.h"

namespace pillard {

Handle::Work::~Work() = default;
Node::~Node() = default;
Lane::Gate::~Gate() = default;
Scope::~Scope() = default;
Source::~Source() noexcept(false) = default;
Call::~Call() noexcept(false) = default;
StreamType::~StreamType() = default;
CallType::~CallType() = default;
Registrar::~Registrar() = default;
Plugin::~Plugin() noexcept(false) = default;

}  // namespace pillard
