#include "unit_config.h"

#include "fixture.h"

namespace service_control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class UnitConfig : public ControlFixture {
 protected:
  void cat(Reply reply) {
    host.node().on({"env", "LC_ALL=C", "systemctl", "cat", "--no-pager", "--", "execution.service"}, std::move(reply));
  }
  void cat_by_sudo(Reply reply) {
    host.node().on({"env", "LC_ALL=C", "sudo", "-n", "systemctl", "cat", "--no-pager", "--", "execution.service"},
                   std::move(reply));
  }
  FakeCall& ask(const std::string& params = R"({"service":"execution"})") {
    auto& call = host.call("get_config", params);
    host.advance();
    return call;
  }
  void expect_problem(Code code, const std::string& words) {
    auto& call = ask();
    ASSERT_TRUE(call.problem()) << call.reply().value_or("nothing");
    EXPECT_EQ(call.problem()->code(), code);
    EXPECT_THAT(call.problem()->what(), AllOf(HasSubstr(words), HasSubstr("execution"), Not(HasSubstr("auth"))));
  }
};

TEST_F(UnitConfig, ShowsTheUnitFileAsItIs) {
  load();
  cat({.out = read_file("testdata/execution.cat")});
  const auto reply = ask().reply().value_or("nothing");
  EXPECT_EQ(reply,
            R"({"service":"execution","content":)" + pillard::encoded(read_file("testdata/execution.cat")) + "}");
  EXPECT_THAT(host.audits(), IsEmpty()) << "who only looks changes nothing";
}

TEST_F(UnitConfig, ReadsBySudoWhatTheUserMayNot) {
  load();
  cat({.err = "Failed to cat /etc/systemd/system/execution.service: Permission denied\n", .status = 1});
  cat_by_sudo({.out = "[Unit]\n"});
  EXPECT_EQ(ask().reply().value_or("nothing"), R"({"service":"execution","content":"[Unit]\n"})");
  cat_by_sudo(kSudoAsks);
  expect_problem(Code::kAccessDenied, "may not read the unit file");
}

TEST_F(UnitConfig, ShowsOnlyUnitsThatAreListed) {
  load("units = consensus\n");
  expect_problem(Code::kAccessDenied, "not among those offered");
  EXPECT_THAT(host.commands(), IsEmpty());
}

TEST_F(UnitConfig, ShowsAlsoAUnitThatNothingMayBeDoneWith) {
  load("[actions]\nexecution =\n");
  cat({.out = "[Unit]\n"});
  EXPECT_TRUE(ask().reply());
}

TEST_F(UnitConfig, SaysWhatIsWrong) {
  load();
  cat({.err = "No files found for execution.service.\n", .status = 1});
  expect_problem(Code::kNotFound, "There is no service execution on this node.");
  cat({.err = "env: 'systemctl': No such file or directory\n", .status = 127});
  expect_problem(Code::kUnsupported, "no systemctl");
  cat({.err = "Failed to connect to bus: No such file or directory\nmore\n", .status = 1});
  expect_problem(Code::kUnsupported, "cannot show the unit file of execution: Failed to connect to bus");
  cat({.out = std::string(1024 * 1024 + 1, 'x')});
  expect_problem(Code::kUnsupported, "longer than 1 MiB");
}

TEST_F(UnitConfig, SaysThatTheNodeDidNotAnswerInTime) {
  load();
  cat({.stays = true});
  auto& call = ask();
  host.advance(10s);
  ASSERT_TRUE(call.problem());
  EXPECT_EQ(call.problem()->code(), Code::kTimeout);
}

TEST_F(UnitConfig, RefusesARequestThatIsNone) {
  load();
  for (const auto* params : {"", "{}", R"({"service":5})", R"({"service":"../x"})", R"({"service":"/etc/shadow"})"}) {
    auto& call = ask(params);
    ASSERT_TRUE(call.problem()) << params;
    EXPECT_EQ(call.problem()->code(), Code::kBadRequest) << params;
  }
  EXPECT_THAT(host.commands(), IsEmpty());
}

}  // namespace
}  // namespace service_control
