#include "ssh/host_keys.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <libssh2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "ssh/known_hosts.h"

namespace pillard::ssh {
namespace {

namespace fs = std::filesystem;

/// A key in SSH's binary form; different seeds are different keys.
std::string key(const std::string& type, char seed) {
  const auto field = [](const std::string& text) {
    return std::string{'\0', '\0', '\0', static_cast<char>(text.size())} + text;
  };
  return field(type) + field(std::string(32, seed));
}
const std::string kKey = key("ssh-ed25519", 7);
const std::string kOtherKey = key("ssh-ed25519", 8);
const std::string kEcdsaKey = key("ecdsa-sha2-nistp256", 7);

std::string line(const std::string& names, const std::string& blob) {
  return names + " " + type_of(blob) + " " + base64(blob) + " a comment\n";
}

class HostKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "pillard-host-keys-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string file() const { return directory_ / "state" / "known_hosts"; }
  std::string content() const {
    std::stringstream text;
    text << std::ifstream(file()).rdbuf();
    return text.str();
  }
  void write(const std::string& text) {
    fs::create_directories(directory_ / "state");
    std::ofstream(file()) << text;
  }
  HostKeys make(HostKeyMode mode = HostKeyMode::kAcceptNew) { return HostKeys(options(file(), mode)); }
  HostKeys::Options options(const std::string& path, HostKeyMode mode = HostKeyMode::kAcceptNew) {
    return {.file = path, .mode = mode, .warn = [this](const std::string& text) { warnings_.push_back(text); }};
  }
  HostKeyVerdict verdict(const std::string& text, const std::string& host, std::uint16_t port = 22,
                         const std::string& blob = kKey) {
    write(text);
    auto keys = make();
    return keys.check(host, port, blob).verdict;
  }
  bool warned_of(const std::string& words) const {
    return std::any_of(warnings_.begin(), warnings_.end(),
                       [&](const auto& warning) { return warning.find(words) != std::string::npos; });
  }

  fs::path directory_;
  std::vector<std::string> warnings_;
};

TEST_F(HostKeysTest, ShowsFingerprintsAsSshKeygenDoes) {
  EXPECT_EQ(fingerprint(kKey), "SHA256:gNSIRW+2Iyiuvsdp/bgjy38bvWHw6wQm3tuoXrl3WjQ");
}

TEST_F(HostKeysTest, KnowsNobodyWithoutAFile) {
  auto keys = make();
  const auto result = keys.check("node.example", 22, kKey);
  EXPECT_EQ(result.verdict, HostKeyVerdict::kUnknown);
  EXPECT_FALSE(result.refusal);
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(HostKeysTest, MatchesAPlainEntry) {
  EXPECT_EQ(verdict(line("node.example", kKey), "node.example"), HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, MatchesWhateverTheCase) {
  EXPECT_EQ(verdict(line("Node.Example", kKey), "nODE.example"), HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, MatchesAnEntryOfAList) {
  EXPECT_EQ(verdict(line("a.example,node.example,192.0.2.7", kKey), "192.0.2.7"), HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, MatchesAnEntryWithAPort) {
  EXPECT_EQ(verdict(line("[node.example]:2222", kKey), "node.example", 2222), HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, MatchesAnIpv6Entry) {
  EXPECT_EQ(verdict(line("2001:db8::1", kKey), "2001:db8::1"), HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, MatchesHashedEntries) {
  const std::string hashed =
      "|1|/meBkuaZGB0WSlyZEzXYaMsKNSk=|D/to0WErihjmlhgd22nytB32onI= " + line("", kKey).substr(1) +
      "|1|LrgCA+oANtZenIbKJfdwDuXxivo=|xbadqDfLk/xuRZ0of3MJuXCTJb4= " + line("", kKey).substr(1);
  EXPECT_EQ(verdict(hashed, "node.example"), HostKeyVerdict::kMatch);
  EXPECT_EQ(verdict(hashed, "node.example", 2222), HostKeyVerdict::kMatch);
  EXPECT_EQ(verdict(hashed, "node.example", 22, kOtherKey), HostKeyVerdict::kChanged);
  EXPECT_EQ(verdict(hashed, "other.example"), HostKeyVerdict::kUnknown);
}
TEST_F(HostKeysTest, LeavesOutAHashedNameThatIsNone) {
  for (const std::string name : {"|1|x|y", "|1|||", "|1||D/to0WErihjmlhgd22nytB32onI=", "|2|a|b", "|1|/meB",
                                 "|1|/meB|D/to0WErihjmlhgd22nytB32o!I=", "|1|/meB|D/to0WErihjmlhgd22nytB32onII"}) {
    const ssh::KnownHosts hosts("", {name + line("", kKey)});
    EXPECT_EQ(hosts.warnings().size(), 1U) << name;
  }
}
TEST_F(HostKeysTest, LeavesOutWhatHidesOtherKeysOfItsType) {
  using namespace std::string_literals;
  for (const auto& bad : {"node.example ssh-ed25519 AAAA\n"s, "node.example ssh-ed25519 AAAA\0\0C3Nz\n"s}) {
    const ssh::KnownHosts hosts("", {bad, line("node.example", kKey)});
    EXPECT_EQ(hosts.warnings().size(), 1U);
    EXPECT_TRUE(hosts.knows_type("node.example", LIBSSH2_KNOWNHOST_KEY_ED25519));
  }
}

TEST_F(HostKeysTest, TakesNoHashedNameOutOfAList) {
  // libssh2 would take what is left for a hashed name, and leak at every look at it.
  EXPECT_EQ(verdict(line(",|1|||", kKey) + line("a,|1|x|y,node.example", kKey), "node.example"),
            HostKeyVerdict::kMatch);
  EXPECT_EQ(verdict(line(",|1|||", kKey), "node.example"), HostKeyVerdict::kUnknown);
}
TEST_F(HostKeysTest, MatchesAnyOfSeveralKeys) {
  EXPECT_EQ(verdict(line("node.example", kOtherKey) + line("node.example", kKey), "node.example"),
            HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, KeepsThePortsOfAHostApart) {
  EXPECT_EQ(verdict(line("node.example", kKey), "node.example", 2222, kOtherKey), HostKeyVerdict::kUnknown);
  EXPECT_EQ(verdict(line("[node.example]:2222", kKey), "node.example", 22, kOtherKey), HostKeyVerdict::kUnknown);
}
TEST_F(HostKeysTest, SeesAChangedKey) {
  EXPECT_EQ(verdict(line("node.example", kOtherKey), "node.example"), HostKeyVerdict::kChanged);
}
TEST_F(HostKeysTest, TakesAKeyOfAnotherTypeForAChangedOne) {
  EXPECT_EQ(verdict(line("node.example", kEcdsaKey), "node.example"), HostKeyVerdict::kChanged);
}

TEST_F(HostKeysTest, RefusesAChangedKeyWithFingerprintAndRemedy) {
  write(line("[node.example]:2222", kOtherKey));
  auto keys = make();
  const auto result = keys.check("node.example", 2222, kKey);
  ASSERT_TRUE(result.refusal);
  EXPECT_EQ(result.refusal->code(), Code::kConflict);
  const std::string message = result.refusal->what();
  EXPECT_NE(message.find(fingerprint(kKey)), std::string::npos);
  EXPECT_NE(message.find("ssh-keygen -R '[node.example]:2222'"), std::string::npos);
  EXPECT_EQ(message.find(directory_.string()), std::string::npos);
}

TEST_F(HostKeysTest, RefusesARevokedKeyForEveryHost) {
  write(line("node.example", kKey) + line("@revoked *", kKey));
  auto keys = make(HostKeyMode::kOff);
  for (const auto* host : {"node.example", "other.example"}) {
    const auto result = keys.check(host, 22, kKey);
    EXPECT_EQ(result.verdict, HostKeyVerdict::kRevoked);
    EXPECT_TRUE(result.refusal);
  }
  EXPECT_EQ(keys.check("node.example", 22, kOtherKey).verdict, HostKeyVerdict::kChanged);
}

TEST_F(HostKeysTest, SaysThatAuthoritiesAndWildcardsAreLeftOut) {
  EXPECT_EQ(verdict(line("@cert-authority *.example", kKey) + line("*.example,node.example", kKey), "a.example"),
            HostKeyVerdict::kUnknown);
  EXPECT_TRUE(warned_of("known_hosts:1: @cert-authority is not supported"));
  EXPECT_TRUE(warned_of("known_hosts:2: wildcards are not supported"));
}
TEST_F(HostKeysTest, KeepsTheNamesBesideAWildcard) {
  EXPECT_EQ(verdict(line("*.example,node.example", kKey), "node.example"), HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, ReadsOnBehindALineThatIsNoKey) {
  EXPECT_EQ(verdict("# comment\n\nnonsense\n" + line("node.example", kKey), "node.example"), HostKeyVerdict::kMatch);
  EXPECT_TRUE(warned_of("known_hosts:3:"));
  EXPECT_EQ(warnings_.size(), 1U);
}
TEST_F(HostKeysTest, ReadsWindowsLineEnds) {
  EXPECT_EQ(verdict("node.example ssh-ed25519 " + base64(kKey) + "\r\n", "node.example"), HostKeyVerdict::kMatch);
}

TEST_F(HostKeysTest, WarnsOnceOfALine) {
  write("nonsense\n");
  auto keys = make();
  for (int reading = 0; reading < 3; ++reading) {
    write("nonsense\n" + std::string(static_cast<std::size_t>(reading), '\n'));
    keys.check("node.example", 22, kKey);
  }
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(HostKeysTest, SeesAnEditedFile) {
  auto keys = make();
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kUnknown);
  write(line("node.example", kKey));
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kMatch);
  fs::remove(file());
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kUnknown);
}

TEST_F(HostKeysTest, RefusesAnUnknownHostInStrictMode) {
  auto keys = make(HostKeyMode::kStrict);
  const auto result = keys.check("node.example", 22, kKey);
  ASSERT_TRUE(result.refusal);
  EXPECT_EQ(result.refusal->code(), Code::kAccessDenied);
  EXPECT_NE(std::string(result.refusal->what()).find(result.fingerprint), std::string::npos);
}
TEST_F(HostKeysTest, WritesNothingInStrictMode) {
  auto keys = make(HostKeyMode::kStrict);
  EXPECT_TRUE(keys.pin("node.example", 22, kKey));
  EXPECT_FALSE(fs::exists(file()));
}
TEST_F(HostKeysTest, AcceptsAChangedKeyWhenChecksAreOff) {
  write(line("node.example", kOtherKey));
  auto keys = make(HostKeyMode::kOff);
  EXPECT_FALSE(keys.check("node.example", 22, kKey).refusal);
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  EXPECT_EQ(content(), line("node.example", kOtherKey));
}

TEST_F(HostKeysTest, RefusesEveryoneWhenTheFileCantBeRead) {
  fs::create_directories(file());
  auto keys = make();
  const auto result = keys.check("node.example", 22, kKey);
  ASSERT_TRUE(result.refusal);
  EXPECT_EQ(result.refusal->code(), Code::kInternal);
  EXPECT_TRUE(warned_of("can't be read"));
}
TEST_F(HostKeysTest, RefusesAKeyThatIsNone) {
  auto keys = make();
  for (const auto& blob : {std::string(), std::string("abc"), std::string(40, '\xff'), key("a b", 1)}) {
    EXPECT_TRUE(keys.check("node.example", 22, blob).refusal);
    EXPECT_TRUE(keys.pin("node.example", 22, blob));
  }
}

TEST_F(HostKeysTest, PinsANewHostInAPrivateFile) {
  auto keys = make();
  EXPECT_FALSE(keys.pin("Node.example", 2222, kKey));
  EXPECT_EQ(content(), "[node.example]:2222 ssh-ed25519 " + base64(kKey) + "\n");
  struct stat info {};
  ASSERT_EQ(stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat((directory_ / "state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  EXPECT_EQ(keys.check("node.example", 2222, kKey).verdict, HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, PinsAKeyOnce) {
  auto keys = make();
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  const auto once = content();
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  EXPECT_EQ(content(), once);
}
TEST_F(HostKeysTest, ClosesALineThatWasLeftOpen) {
  write("a.example ssh-ed25519 " + base64(kKey));
  auto keys = make();
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  EXPECT_EQ(keys.check("a.example", 22, kKey).verdict, HostKeyVerdict::kMatch);
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kMatch);
}
TEST_F(HostKeysTest, NeverPinsASecondKeyForAHost) {
  auto keys = make();
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  const auto refusal = keys.pin("node.example", 22, kOtherKey);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code(), Code::kConflict);
}
TEST_F(HostKeysTest, PinsNoMoreThanItMayRemember) {
  auto limited = options(file());
  limited.most = 2;
  HostKeys keys(limited);
  EXPECT_FALSE(keys.pin("one", 22, kKey));
  EXPECT_FALSE(keys.pin("two", 22, kKey));
  const auto refusal = keys.pin("three", 22, kKey);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code(), Code::kOverloaded);
  EXPECT_EQ(warnings_.size(), 1U);
  EXPECT_FALSE(keys.pin("one", 22, kKey)) << "is known";
  EXPECT_EQ(keys.check("three", 22, kKey).verdict, HostKeyVerdict::kUnknown);
  EXPECT_EQ(content().find("three"), std::string::npos);
}

TEST_F(HostKeysTest, WritesNoLineTwiceWhenLoginsRace) {
  auto one = make();
  auto two = make();  // another daemon with the same file
  std::vector<std::thread> logins;
  logins.reserve(8);
  for (int login = 0; login < 8; ++login) {
    logins.emplace_back([&keys = login % 2 ? one : two] {
      for (std::uint16_t port = 1; port <= 20; ++port) EXPECT_FALSE(keys.pin("node.example", port, kKey));
    });
  }
  for (auto& login : logins) login.join();
  std::istringstream lines(content());
  std::multiset<std::string> seen;
  for (std::string text; std::getline(lines, text);) seen.insert(text);
  EXPECT_EQ(seen.size(), 20U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 20U);
}

TEST_F(HostKeysTest, RemembersWhatItCantWriteAndSaysSoOnce) {
  std::ofstream(directory_ / "state") << "in the way";
  auto keys = make();
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  EXPECT_FALSE(keys.pin("other.example", 22, kKey));
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kMatch);
  EXPECT_EQ(keys.check("other.example", 22, kOtherKey).verdict, HostKeyVerdict::kChanged);
  EXPECT_EQ(warnings_.size(), 1U);
  EXPECT_TRUE(warned_of("can't be written"));
}
TEST_F(HostKeysTest, KeepsPinsInMemoryWithoutAFile) {
  HostKeys keys(options(""));
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kMatch);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(HostKeysTest, PrefersTheTypesAHostIsKnownBy) {
  write(line("node.example", key("ssh-rsa", 1)) + line("[node.example]:2222", kEcdsaKey));
  auto keys = make();
  EXPECT_EQ(keys.preferred_types("node.example", 22).rfind("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519,", 0), 0U);
  EXPECT_EQ(keys.preferred_types("node.example", 2222).rfind("ecdsa-sha2-nistp256,ssh-ed25519,", 0), 0U);
  EXPECT_EQ(keys.preferred_types("other.example", 22).rfind("ssh-ed25519,ecdsa-sha2-nistp256,", 0), 0U);
}

TEST(HostKeyModes, AreThree) {
  EXPECT_EQ(parse_host_key_mode("accept-new"), HostKeyMode::kAcceptNew);
  EXPECT_EQ(parse_host_key_mode("strict"), HostKeyMode::kStrict);
  EXPECT_EQ(parse_host_key_mode("off"), HostKeyMode::kOff);
  EXPECT_FALSE(parse_host_key_mode("yes"));
}

TEST_F(HostKeysTest, KeepsAPinInMemoryWhileAnotherProgramHoldsTheLock) {
  write("");
  const int other = open(file().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  auto keys = make();
  EXPECT_FALSE(keys.pin("node.example", 22, kKey));
  EXPECT_TRUE(warned_of("another program keeps it locked"));
  EXPECT_EQ(keys.check("node.example", 22, kKey).verdict, HostKeyVerdict::kMatch);
  EXPECT_EQ(content(), "");
  close(other);
}

}  // namespace
}  // namespace pillard::ssh
