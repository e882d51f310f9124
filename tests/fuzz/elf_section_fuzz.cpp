// Sections of any file: found ones are as long as was allowed, and nothing is read beyond the file.
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "loader/elf_section.h"

namespace pillard::fuzz {

void run(std::string_view input) {
  const int fd = memfd_create("elf", MFD_CLOEXEC);
  FUZZ_REQUIRE(fd >= 0);
  FUZZ_REQUIRE(write(fd, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  for (const auto* name : {"plugin_stamp", ".text", ""})
    if (const auto bytes = loader::read_section(fd, name, 4096))
      FUZZ_REQUIRE(bytes->size() <= 4096 && input.find(*bytes) != std::string_view::npos);
  close(fd);
}

}  // namespace pillard::fuzz
