#pragma once
#include <string>
#include <string_view>

#include "pillard/export.h"

namespace pillard {

/// [any] Whether `name` is a full unit name by systemd's own rules: 255 bytes at most, a known suffix (".service",
/// ".timer", ...), before it at least one of `a-z A-Z 0-9 : - _ . \ @`, "@" not first.
PILLARD_API bool valid_unit_name(std::string_view name) noexcept;

/// [any] The full unit name for what a client calls a service: "execution" -> "execution.service"; a name that has a
/// known suffix already is kept. Throws Error(bad_request), with a message that names `where`, when the result is no
/// valid unit name, is a template without instance ("getty@.service") or begins with "-".
PILLARD_API std::string unit_of_service(std::string_view service, std::string_view where = "params.service");

/// [any] The other way: without a ".service" suffix, but where the rest would name another unit
/// ("dbus.socket.service"). Other suffixes stay. unit_of_service() gives the same unit again.
PILLARD_API std::string_view service_of_unit(std::string_view unit) noexcept;

}  // namespace pillard
