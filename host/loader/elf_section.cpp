#include "loader/elf_section.h"

#include <elf.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace pillard::loader {

namespace {
constexpr unsigned char kByteOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

/// False where the file has not so many bytes there.
bool read_at(int fd, std::uint64_t offset, void* to, std::size_t size) {
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return false;
  return pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

template <class T>
std::optional<T> read_as(int fd, std::uint64_t offset) {
  T value;
  return read_at(fd, offset, &value, sizeof value) ? std::optional(value) : std::nullopt;
}

std::optional<Elf64_Ehdr> read_header(int fd) {
  auto header = read_as<Elf64_Ehdr>(fd, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_ident[EI_DATA] != kByteOrder || header->e_shentsize != sizeof(Elf64_Shdr) ||
      header->e_shstrndx >= header->e_shnum)
    return std::nullopt;
  return header;
}

/// Whether the string at `offset` of the table of names is `name`.
bool is_named(int fd, const Elf64_Shdr& names, std::uint64_t offset, std::string_view name) {
  if (offset > names.sh_size || names.sh_size - offset <= name.size()) return false;
  if (names.sh_offset > std::numeric_limits<std::uint64_t>::max() - offset) return false;
  std::string found(name.size() + 1, '\1');
  return read_at(fd, names.sh_offset + offset, found.data(), found.size()) && found == std::string(name) + '\0';
}
}  // namespace

std::optional<std::string> read_section(int fd, std::string_view name, std::size_t most) {
  const auto header = read_header(fd);
  if (!header) return std::nullopt;
  const auto section = [&](std::uint64_t index) -> std::optional<Elf64_Shdr> {
    if (header->e_shoff > std::numeric_limits<std::uint64_t>::max() - index * sizeof(Elf64_Shdr)) return std::nullopt;
    return read_as<Elf64_Shdr>(fd, header->e_shoff + index * sizeof(Elf64_Shdr));
  };
  const auto names = section(header->e_shstrndx);
  if (!names || names->sh_type != SHT_STRTAB) return std::nullopt;
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    const auto found = section(i);
    if (!found) return std::nullopt;
    if (!is_named(fd, *names, found->sh_name, name)) continue;
    if (found->sh_type == SHT_NOBITS || found->sh_size > most) return std::nullopt;
    std::string bytes(found->sh_size, '\0');
    return read_at(fd, found->sh_offset, bytes.data(), bytes.size()) ? std::optional(std::move(bytes)) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace pillard::loader
