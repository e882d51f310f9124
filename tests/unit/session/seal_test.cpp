#include "session/seal.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "wire/base64.h"

namespace pillard::session {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const std::string kOther = "f" + kHex.substr(1);

Sealer with(const std::string& text) { return std::move(Sealer::from_text(text)).value(); }
std::string refusal(const std::string& text) {
  const auto sealer = Sealer::from_text(text);
  if (sealer) return "";
  EXPECT_EQ(sealer.error().code(), Code::kBadRequest);
  return sealer.error().what();
}
std::string opened(const Sealer& sealer, std::string_view sealed, std::string_view context) {
  const auto plain = sealer.open(sealed, context);
  return plain ? std::string(plain->reveal()) : "nothing";
}

TEST(Sealer, OpensWhatItHasSealed) {
  const auto sealer = with(kHex);
  EXPECT_EQ(opened(sealer, sealer.seal("hunter2", "here"), "here"), "hunter2");
}
TEST(Sealer, SealsAnyBytes) {
  const auto sealer = with(kHex);
  const std::string bytes("a\0\xff\n", 4);
  EXPECT_EQ(opened(sealer, sealer.seal(bytes, ""), ""), bytes);
  EXPECT_EQ(opened(sealer, sealer.seal("", "here"), "here"), "");
}
TEST(Sealer, ShowsNothingOfWhatItSeals) {
  const auto sealed = with(kHex).seal("hunter2", "here");
  EXPECT_TRUE(sealed.starts_with("v1."));
  EXPECT_THAT(*wire::decode_base64(sealed.substr(3)), Not(HasSubstr("hunter")));
}
TEST(Sealer, NeverSealsTheSameWayTwice) {
  const auto sealer = with(kHex);
  EXPECT_NE(sealer.seal("hunter2", "here"), sealer.seal("hunter2", "here"));
}
TEST(Sealer, DoesNotOpenInAnotherContext) {
  const auto sealer = with(kHex);
  EXPECT_EQ(opened(sealer, sealer.seal("hunter2", "here"), "there"), "nothing");
}
TEST(Sealer, DoesNotOpenWithAnotherKey) {
  EXPECT_EQ(opened(with(kOther), with(kHex).seal("hunter2", "here"), "here"), "nothing");
}
TEST(Sealer, NoticesEveryBitThatChanged) {
  const auto sealer = with(kHex);
  const auto blob = *wire::decode_base64(sealer.seal("hunter2", "here").substr(3));
  for (std::size_t bit = 0; bit < 8 * blob.size(); ++bit) {
    auto changed = blob;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    std::string sealed = "v1.";
    wire::append_base64(sealed, changed);
    EXPECT_EQ(opened(sealer, sealed, "here"), "nothing") << "bit " << bit;
  }
}
TEST(Sealer, DoesNotOpenWhatIsCutOff) {
  const auto sealer = with(kHex);
  const auto blob = *wire::decode_base64(sealer.seal("hunter2", "here").substr(3));
  for (std::size_t size = 0; size < blob.size(); ++size) {
    std::string sealed = "v1.";
    wire::append_base64(sealed, std::string_view(blob).substr(0, size));
    EXPECT_EQ(opened(sealer, sealed, "here"), "nothing") << size << " bytes";
  }
}
TEST(Sealer, DoesNotOpenWhatItDoesNotKnow) {
  const auto sealer = with(kHex);
  const auto sealed = sealer.seal("hunter2", "here");
  for (const auto& text : {std::string(), std::string("v1."), sealed.substr(3), "v2." + sealed.substr(3), sealed + " "})
    EXPECT_EQ(opened(sealer, text, "here"), "nothing") << text;
}

TEST(SealKeys, AreHexadecimalOrBase64) {
  const auto sealed = with(kHex).seal("hunter2", "");
  EXPECT_EQ(opened(with("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), sealed, ""), "hunter2");
}
TEST(SealKeys, StandAmongCommentsAndEmptyLines) {
  const auto sealed = with(kHex).seal("hunter2", "");
  EXPECT_EQ(opened(with("# made in June\r\n\r\n  " + kHex + "\t\r\n\n"), sealed, ""), "hunter2");
}
TEST(SealKeys, OpenWhatOlderOnesSealed) {
  const auto rotated = with(kOther + "\n" + kHex + "\n");
  EXPECT_EQ(opened(rotated, with(kHex).seal("old", ""), ""), "old");
  EXPECT_EQ(opened(with(kOther), rotated.seal("new", ""), ""), "new");
  EXPECT_EQ(opened(with(kHex), rotated.seal("new", ""), ""), "nothing");
}
TEST(SealKeys, AreRefusedInWordsThatDoNotRepeatThem) {
  for (const auto& bad : {kHex.substr(1), kHex + "0", "g" + kHex.substr(1), std::string("c2hvcnQ="), "key=" + kHex}) {
    const auto said = refusal("# a comment\n" + bad);
    EXPECT_THAT(said, HasSubstr("line 2"));
    EXPECT_THAT(said, HasSubstr("openssl rand -hex 32"));
    EXPECT_THAT(said, Not(HasSubstr(bad)));
  }
  EXPECT_THAT(refusal(""), HasSubstr("no key"));
  EXPECT_THAT(refusal("# nothing\n"), HasSubstr("no key"));
}
TEST(SealKeys, AreSixteenAtMost) {
  std::string text;
  for (int i = 0; i < 16; ++i) text += kHex + "\n";
  EXPECT_EQ(refusal(text), "");
  EXPECT_THAT(refusal(text + kHex), HasSubstr("more than 16"));
}

class SealFile : public ::testing::Test {
 protected:
  SealFile() {
    std::string name = testing::TempDir() + "seal-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = folder_ / "key";
  }
  ~SealFile() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text, mode_t mode) {
    std::ofstream(file_) << text;
    EXPECT_EQ(chmod(file_.c_str(), mode), 0);
  }
  std::string refusal() const {
    const auto sealer = Sealer::from_file(file_);
    return sealer ? "" : sealer.error().what();
  }
  std::filesystem::path folder_, file_;
};

TEST_F(SealFile, IsReadWhenItIsPrivate) {
  write(kHex + "\n", 0600);
  const auto sealer = Sealer::from_file(file_);
  ASSERT_TRUE(sealer) << sealer.error().what();
  EXPECT_EQ(opened(*sealer, with(kHex).seal("hunter2", ""), ""), "hunter2");
  chmod(file_.c_str(), 0440);
  EXPECT_EQ(refusal(), "");
}
TEST_F(SealFile, IsRefusedWhenOthersCanReadOrChangeIt) {
  write(kHex + "\n", 0600);
  for (const mode_t mode : {0604U, 0602U, 0620U, 0644U}) {
    chmod(file_.c_str(), mode);
    EXPECT_THAT(refusal(), HasSubstr("chmod 600")) << std::oct << mode;
  }
}
TEST_F(SealFile, IsRefusedWhenItIsMissing) {
  EXPECT_THAT(refusal(), HasSubstr("No such file"));
  EXPECT_THAT(refusal(), HasSubstr(file_.native()));
}
TEST_F(SealFile, IsRefusedWhenItIsNoFile) {
  EXPECT_THAT(Sealer::from_file(folder_).error().what(), HasSubstr("no regular file"));
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("no regular file"));
}
TEST_F(SealFile, IsRefusedWhenItBelongsToAnotherUser) {
  write(kHex + "\n", 0600);
  if (chown(file_.c_str(), 12345, static_cast<gid_t>(-1)) != 0) GTEST_SKIP() << "only root can give files away";
  EXPECT_THAT(refusal(), HasSubstr("another user"));
}
TEST_F(SealFile, IsRefusedWhenItIsTooLong) {
  write(std::string(20'000, '\n') + kHex, 0600);
  EXPECT_THAT(refusal(), HasSubstr("too long"));
}
TEST_F(SealFile, NamesItselfInARefusalOfItsKeys) {
  write("nonsense\n", 0600);
  EXPECT_THAT(refusal(), HasSubstr(file_.native() + ": line 1"));
}

}  // namespace
}  // namespace pillard::session
