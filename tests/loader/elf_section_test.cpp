#include "loader/elf_section.h"

#include <elf.h>
#include <fcntl.h>

#include <cstring>

#include "loader/plugin_file.h"
#include "loader_fixture.h"

namespace pillard::loader {
namespace {

class ElfSectionTest : public LoaderTest {
 protected:
  static std::optional<std::string> section(const std::filesystem::path& file, const std::string& name,
                                            std::size_t most = 4096) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    auto found = read_section(fd, name, most);
    ::close(fd);
    return found;
  }
  std::string bytes_of(const std::string& plugin) const {
    std::ifstream in(std::filesystem::path(LOADER_TEST_PLUGINS) / (plugin + ".so"), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(ElfSectionTest, HoldsTheStampOfAPluginAlsoOfAStrippedOne) {
  for (const auto* plugin : {"good", "stripped"}) {
    const auto text = section(place(plugin), PILLARD_STAMP_SECTION);
    ASSERT_TRUE(text) << plugin;
    EXPECT_STREQ(text->c_str(), kStamp) << plugin;
  }
}

TEST_F(ElfSectionTest, IsFoundByItsWholeName) {
  const auto file = place("good");
  EXPECT_FALSE(section(file, "plugin_stam"));
  EXPECT_FALSE(section(file, "plugin_stamp2"));
  EXPECT_FALSE(section(file, "absent"));
}

TEST_F(ElfSectionTest, IsNotReadBeyondTheMost) {
  const auto file = place("good");
  EXPECT_FALSE(section(file, PILLARD_STAMP_SECTION, 16));
  EXPECT_FALSE(section(file, ".bss")) << "it has no bytes in the file";
}

TEST_F(ElfSectionTest, IsNotThereInWhatIsNoElfFile) {
  write("text.so", "#!/bin/sh\n");
  EXPECT_FALSE(section(directory / "text.so", "x"));
  write("empty.so", "");
  EXPECT_FALSE(section(directory / "empty.so", "x"));
}

TEST_F(ElfSectionTest, SurvivesAHeaderThatLies) {
  const auto whole = bytes_of("good");
  const auto with = [&](auto change) {
    auto bytes = whole;
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    change(header, bytes);
    std::memcpy(bytes.data(), &header, sizeof header);
    write("lies.so", bytes);
    return section(directory / "lies.so", PILLARD_STAMP_SECTION);
  };
  EXPECT_TRUE(with([](Elf64_Ehdr&, std::string&) {})) << "the copy itself is whole";
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_shoff = ~0ULL; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_shoff = ~0ULL - 4096; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_shoff = 1ULL << 62; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_shstrndx = 0xFFFF; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_shstrndx = 0; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_shentsize = 1; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string&) { header.e_ident[EI_CLASS] = ELFCLASS32; }));
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string& bytes) { bytes.resize(header.e_shoff + 10); }));
  // Every section's offset and size beyond the file.
  EXPECT_FALSE(with([](Elf64_Ehdr& header, std::string& bytes) {
    for (unsigned i = 0; i < header.e_shnum; ++i) {
      Elf64_Shdr section;
      char* const at = bytes.data() + header.e_shoff + i * sizeof section;
      std::memcpy(&section, at, sizeof section);
      section.sh_offset = ~0ULL - 3;
      std::memcpy(at, &section, sizeof section);
    }
  }));
}

}  // namespace
}  // namespace pillard::loader
