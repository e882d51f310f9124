#pragma once
// The machine that the tests log in to: tests/target, started by whoever runs them.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "session/credential.h"

namespace pillard::test {

/// From the environment: PILLARD_TARGET (the script), PILLARD_TARGET_DIR, PILLARD_TARGET_ENV (written by its start).
class Target {
 public:
  static bool given();
  Target();

  session::Credential credential() const;
  session::Credential credential(const std::string& password) const;
  std::string where() const { return env_.at("TARGET_HOST") + ":" + env_.at("TARGET_PORT"); }
  /// Runs a command on the node as root and returns what it printed.
  std::string exec(const std::vector<std::string>& argv) const;
  /// Processes of the login user whose command line matches.
  int processes(const std::string& pattern) const;
  /// Lines that sshd wrote which contain `text`, since the machine's start.
  int sshd_said(const std::string& text) const;
  void link(bool up) const;
  void freeze(bool on) const;

  /// While it lives sshd has these settings.
  class SshdSettings {
   public:
    SshdSettings(const Target& target, const std::string& lines);
    ~SshdSettings();

   private:
    const Target& target_;
  };

 private:
  void reload_sshd(const std::string& change, const std::string& text) const;
  std::string run(std::vector<std::string> arguments) const;
  std::map<std::string, std::string> env_;
  std::string script_;
  std::string directory_;
};

}  // namespace pillard::test
