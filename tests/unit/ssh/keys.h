#pragma once
// Real keys, made by ssh-keygen.
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace pillard::test {

/// A folder of keys that goes with the test.
class KeyRing {
 public:
  KeyRing() {
    auto pattern = (std::filesystem::temp_directory_path() / "pillard-keys-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = pattern;
  }
  KeyRing(const KeyRing&) = delete;
  ~KeyRing() { std::filesystem::remove_all(folder_); }

  struct Key {
    std::string secret;  // the file's text
    std::string open;    // the line for authorized_keys
  };
  /// ssh-keygen -t TYPE -N PASSPHRASE MORE...
  Key make(const std::string& type, const std::string& passphrase = {}, const std::vector<std::string>& more = {}) {
    const auto file = (folder_ / std::to_string(++made_)).string();
    std::vector<std::string> words{"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "test", "-f", file};
    words.insert(words.end(), more.begin(), more.end());
    run(std::move(words));
    return {read(file), read(file + ".pub")};
  }

 private:
  static void run(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    int status = -1;
    if (posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ) == 0) waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error("ssh-keygen (of openssh-client) did not make a key");
  }
  static std::string read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
  int made_ = 0;
};

}  // namespace pillard::test
