#pragma once
#include <gmock/gmock.h>

#include <string>

#include "control.h"
#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace service_control {

using pillard::Code;
using pillard::testing::Argv;
using pillard::testing::FakeCall;
using pillard::testing::FakeHost;
using pillard::testing::new_plugin;
using pillard::testing::read_file;
using pillard::testing::Reply;
using namespace std::chrono_literals;

/// What a node says to one who may not, and what sudo does. Recorded with systemd 252 and sudo 1.9.
inline const Reply kAccessDenied{.err = "Failed to restart execution.service: Access denied\n", .status = 4};
inline const Reply kPolkit{.err = "Failed to restart execution.service: Interactive authentication required.\n",
                           .status = 4};
inline const Reply kSudoAsks{.err = "sudo: a password is required\n", .status = 1};
inline const Reply kNoSudo{.err = "env: 'sudo': No such file or directory\n", .status = 127};

class ControlFixture : public testing::Test {
 protected:
  static Argv plain(const std::string& action, const std::string& unit = "execution.service") {
    return {"env", "LC_ALL=C", "systemctl", "--no-ask-password", action, "--", unit};
  }
  static Argv by_sudo(const std::string& action, const std::string& unit = "execution.service") {
    return {"env", "LC_ALL=C", "sudo", "-n", "systemctl", "--no-ask-password", action, "--", unit};
  }
  void load(std::string_view ini = {}) { host.load(new_plugin(), ini); }
  /// What the unit's state is from now on.
  void state(const std::string& file) { state_text(read_file("testdata/" + file)); }
  void state_text(const std::string& text, int status = 0) {
    host.node().on_prefix({"env", "LC_ALL=C", "systemctl", "show"}, {.out = text, .status = status});
  }
  /// What journalctl prints, with sudo and without.
  void journal(Reply reply) {
    host.node().on_match(
        [](const Argv& argv) { return std::find(argv.begin(), argv.end(), "journalctl") != argv.end(); },
        std::move(reply));
  }
  FakeCall& control(const std::string& action, const std::string& service = "execution") {
    auto& call = host.call("control_service", R"({"service":")" + service + R"(","action":")" + action + R"("})");
    host.advance();
    return call;
  }
  /// How often a command ran whose third word and so on is this.
  std::size_t runs_of(const std::string& program) const {
    std::size_t count = 0;
    for (const auto& argv : host.commands())
      if (std::find(argv.begin(), argv.end(), program) != argv.end()) ++count;
    return count;
  }
  /// The only record; its words are "action object end: result".
  std::string record() const {
    if (host.audits().size() != 1) return std::to_string(host.audits().size()) + " records";
    const auto& line = host.audits().front();
    return line.action + " " + line.object + " " + line.end + ": " + line.result;
  }
  FakeHost host;
};

}  // namespace service_control
