#include <gmock/gmock.h>

#include <algorithm>

#include "pillard/sudo.h"
#include "pillard/testing/fake_host.h"

namespace {

using pillard::Exit;
using pillard::testing::FakeCall;
using pillard::testing::FakeHost;
using pillard::testing::Reply;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Programs {
  std::vector<std::string> names;
  bool user_each_time = false;
  PILLARD_FIELDS(Programs, PILLARD_FIELD(names), PILLARD_FIELD(user_each_time))
};

/// Runs one after the other, and answers with how each came out.
class Chain final : public pillard::Call {
 public:
  Chain(pillard::CallContext& context, const Programs& programs)
      : context_(context), programs_(programs), runner_(context.node()) {
    next();
  }

 private:
  void next() {
    if (told_.size() == programs_.names.size()) return context_.reply(told_);
    runner_.run({.argv = {programs_.names[told_.size()], "x"}, .timeout = 5s}, [this](const Exit& exit) {
      told_.push_back(runner_.command_line() + (runner_.refused(exit) ? " refused " : " ") +
                      (exit.timed_out ? "late" : std::to_string(exit.status)));
      if (programs_.user_each_time) runner_.without_sudo();
      next();
    });
  }

  pillard::CallContext& context_;
  const Programs programs_;
  std::vector<std::string> told_;
  pillard::SudoRunner runner_;
};

class ChainPlugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config&) override {
    registrar.call<Programs, Chain>({.name = "run"});
  }
};

class SudoRunnerTest : public testing::Test {
 protected:
  void SetUp() override { host.load<ChainPlugin>(); }
  void as_user(const std::string& name, const Reply& reply) { host.node().on({"env", "LC_ALL=C", name, "x"}, reply); }
  void by_sudo(const std::string& name, const Reply& reply) {
    host.node().on({"env", "LC_ALL=C", "sudo", "-n", name, "x"}, reply);
  }
  std::string run(const std::string& params) {
    auto& call = host.call("run", params);
    host.advance(20s);
    return call.reply().value_or("nothing");
  }
  FakeHost host;
};

const Reply kDenied{.err = "Failed to stop x.service: Access denied\n", .status = 4};

TEST_F(SudoRunnerTest, NeedsNoSudoWhereTheUserMay) {
  as_user("a", {});
  as_user("b", {.err = "no such thing\n", .status = 5});
  EXPECT_EQ(run(R"({"names":["a","b"]})"), R"(["a x 0","b x 5"])") << "a failure is no refusal";
}

TEST_F(SudoRunnerTest, TakesSudoFromTheFirstRefusalOn) {
  as_user("a", {});
  as_user("b", kDenied);
  by_sudo("b", {});
  by_sudo("c", {});
  EXPECT_EQ(run(R"({"names":["a","b","c"]})"), R"(["a x 0","sudo -n b x 0","sudo -n c x 0"])");
  EXPECT_EQ(host.commands().size(), 4U);
}

TEST_F(SudoRunnerTest, TriesTheUserAgainWhereItIsTold) {
  as_user("a", kDenied);
  by_sudo("a", {});
  as_user("b", {});
  EXPECT_EQ(run(R"({"names":["a","b"],"user_each_time":true})"), R"(["sudo -n a x 0","b x 0"])");
}

TEST_F(SudoRunnerTest, TellsThatSudoRefusesToo) {
  as_user("a", kDenied);
  by_sudo("a", {.err = "sudo: a password is required\n", .status = 1});
  EXPECT_EQ(run(R"({"names":["a"]})"), R"(["sudo -n a x refused 1"])");
  by_sudo("a", kDenied);
  EXPECT_EQ(run(R"({"names":["a"]})"), R"(["sudo -n a x refused 4"])") << "not even root may";
  EXPECT_EQ(host.commands().size(), 4U) << "and is not tried once more";
}

TEST_F(SudoRunnerTest, GivesEachRunTheTimeOfTheCommand) {
  as_user("a", {.err = kDenied.err, .status = 4, .delay = 4s});
  by_sudo("a", {.delay = 4s});
  EXPECT_EQ(run(R"({"names":["a"]})"), R"(["sudo -n a x 0"])");
  by_sudo("a", {.delay = 6s});
  EXPECT_EQ(run(R"({"names":["a"]})"), R"(["sudo -n a x late"])");
}

TEST_F(SudoRunnerTest, EndsWhatRunsWithItsOwner) {
  as_user("a", {.delay = 4s});
  auto& call = host.call("run", R"({"names":["a"]})");
  host.advance(1s);
  EXPECT_EQ(host.live_handles(), 1U);
  call.cancel();
  EXPECT_EQ(host.live_handles(), 0U);
}

TEST(RefusedByNode, IsToldFromWhatProgramsSay) {
  const auto failed = [](std::string err) {
    Exit exit;
    exit.status = 1;
    exit.err = std::move(err);
    return exit;
  };
  for (const auto* words :
       {"Failed to restart x.service: Access denied\n", "Failed to stop x: Interactive authentication required.\n",
        "cat: /etc/shadow: Permission denied\n", "Failed to open journal: Operation not permitted\n",
        "No journal files were opened due to insufficient permissions.\n"})
    EXPECT_TRUE(pillard::refused_by_node(failed(words))) << words;
  for (const auto* words : {"", "Unit x.service not found.\n", "sudo: a password is required\n"})
    EXPECT_FALSE(pillard::refused_by_node(failed(words))) << words;
  Exit ran = failed("warning: /a: Permission denied\n");
  ran.status = 0;
  EXPECT_FALSE(pillard::refused_by_node(ran)) << "it did what it was to do";
}

}  // namespace
