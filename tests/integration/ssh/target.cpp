#include "target.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "rig.h"

namespace pillard::test {

bool Target::given() { return std::getenv("PILLARD_TARGET_ENV") != nullptr; }

Target::Target() {
  const auto wanted = [](const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
    return std::string(value);
  };
  script_ = wanted("PILLARD_TARGET");
  directory_ = wanted("PILLARD_TARGET_DIR");
  std::ifstream file(wanted("PILLARD_TARGET_ENV"));
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) env_[line.substr(0, equals)] = line.substr(equals + 1);
  }
}

session::Credential Target::credential() const { return credential(env_.at("TARGET_PASSWORD")); }

session::Credential Target::credential(const std::string& password) const {
  session::Credential credential;
  credential.host = env_.at("TARGET_HOST");
  credential.port = static_cast<std::uint16_t>(std::stoi(env_.at("TARGET_PORT")));
  credential.username = env_.at("TARGET_USER");
  credential.password = session::Secret(password);
  return credential;
}

std::string Target::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), script_);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_t child = 0;
  const int error = posix_spawn(&child, script_.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) throw std::runtime_error("cannot run " + script_);
  std::string output;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    output.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return output;
}

std::string Target::exec(const std::vector<std::string>& argv) const {
  std::vector<std::string> arguments{"exec", directory_};
  arguments.insert(arguments.end(), argv.begin(), argv.end());
  return run(std::move(arguments));
}

int Target::processes(const std::string& pattern) const {
  return std::atoi(exec({"pgrep", "-c", "-u", env_.at("TARGET_USER"), "-f", pattern}).c_str());
}

int Target::sshd_said(const std::string& text) const {
  return std::atoi(
      exec({"sh", "-c", "journalctl --sync; journalctl -q --no-pager -o cat -t sshd | grep -c -F \"$1\"", "sh", text})
          .c_str());
}

void Target::link(bool up) const { run({"link", directory_, up ? "up" : "down"}); }
void Target::freeze(bool on) const { run({"freeze", directory_, on ? "on" : "off"}); }

void Target::reload_sshd(const std::string& change, const std::string& text) const {
  const std::string ready = "Server listening on 0.0.0.0";
  const int before = sshd_said(ready);
  exec({"sh", "-c", change + " && systemctl reload ssh", "sh", text});
  // It starts itself anew, and refuses connections for a moment.
  if (!eventually([&] { return sshd_said(ready) > before; })) throw std::runtime_error("sshd does not come back");
}

Target::SshdSettings::SshdSettings(const Target& target, const std::string& lines) : target_(target) {
  target_.reload_sshd("printf %s \"$1\" > /etc/ssh/sshd_config.d/00-test.conf", lines);
}
Target::SshdSettings::~SshdSettings() { target_.reload_sshd("rm /etc/ssh/sshd_config.d/00-test.conf", ""); }

}  // namespace pillard::test
