// What FakeHost keeps on record of calls.
#include <gmock/gmock.h>

#include "pillard/testing/fake_host.h"

namespace {

using pillard::CallContext;
using pillard::Code;
using pillard::Error;
using testing::ElementsAre;
using namespace std::chrono_literals;

struct NoParams {
  int unused = 0;
  PILLARD_FIELDS(NoParams, PILLARD_FIELD(unused))
};

using Script = std::function<void(CallContext&)>;

class Scripted final : public pillard::Call {
 public:
  Scripted(CallContext& context, const Script& script) { script(context); }
};

class Scripts final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config&) override {
    registrar.call<NoParams, Scripted>({.name = "ask", .timeout = 100ms}, [this](CallContext& context, NoParams) {
      return std::make_unique<Scripted>(context, script);
    });
  }
  Script script;
};

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() { host.load(plugin); }
  pillard::testing::FakeCall& ask(Script script) {
    plugin.script = std::move(script);
    return host.call("ask");
  }
  std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const auto& line : host.audits())
      all.push_back(line.action + " " + line.object + " " + line.end + " " + line.result);
    return all;
  }

  const std::unique_ptr<Scripts> made = std::make_unique<Scripts>();
  Scripts& plugin = *made;
  pillard::testing::FakeHost host;
};

TEST_F(AuditTest, KeepsTheNewestEntryOfACallThatReplied) {
  ask([](CallContext& context) {
    context.audit({.action = "stop", .object = "x.service"});
    context.audit({.action = "stop", .object = "x.service", .result = "exit 0"});
    context.reply(true);
  });
  EXPECT_THAT(records(), ElementsAre("stop x.service replied exit 0"));
}

TEST_F(AuditTest, KeepsWhyACallFailed) {
  ask([](CallContext& context) {
    context.audit({.action = "start", .object = "x.service"});
    context.fail(Error(Code::kAccessDenied, "No."));
  });
  ask([](CallContext& context) {
    context.audit({.action = "start", .object = "y.service"});
    throw Error(Code::kNotFound, "None.");
  });
  EXPECT_THAT(records(), ElementsAre("start x.service access_denied No.", "start y.service not_found None."));
}

TEST_F(AuditTest, KeepsACallWhoseCallerLeftOrWhoseTimeIsOver) {
  const auto starts = [](CallContext& context) { context.audit({.action = "start", .object = "x.service"}); };
  ask(starts).cancel();
  ask(starts);
  host.advance(100ms);
  EXPECT_THAT(records(), ElementsAre("start x.service left ", "start x.service timeout No answer in time."));
}

TEST_F(AuditTest, KeepsNothingOfACallThatSaysNothing) {
  ask([](CallContext& context) { context.reply(true); });
  EXPECT_THAT(host.audits(), testing::IsEmpty());
}

TEST_F(AuditTest, ReportsARecordOfNothing) {
  ask([](CallContext& context) { context.audit({.action = "", .object = "x.service"}); });
  EXPECT_THAT(host.take_failures(), ElementsAre("ask: audit() without an action or an object"));
}

}  // namespace
