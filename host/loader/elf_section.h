#pragma once
// Reads what a shared library says of itself without mapping it.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pillard::loader {

/// The bytes of the first section called `name` of the 64-bit ELF file of this byte order behind `fd`. Nothing when
/// there is none, when it has no bytes in the file or more than `most`, or when the file is not what it says it is: any
/// bytes may stand there. Does not move the descriptor's position.
std::optional<std::string> read_section(int fd, std::string_view name, std::size_t most);

}  // namespace pillard::loader
