// The old server's words around what plugins answer.
#include "router/old_calls.h"

#include <gmock/gmock.h>

#include "unit/router/fixture.h"

namespace pillard::router {
namespace {

using testing::HasSubstr;

const OldCall& control() { return *find_old_call("/api/ssh/controlService"); }
const OldCall& config() { return *find_old_call("/api/ssh/getConfig"); }

TEST(OldCalls, AreTheSixOfTheOldServer) {
  EXPECT_EQ(old_calls().size(), 6U);
  for (const auto* path : {"/api/ssh/connect", "/api/ssh/", "/api/ssh/controlservice", "/api/call/control_service"})
    EXPECT_EQ(find_old_call(path), nullptr) << path;
}

TEST(OldCalls, TellASuccessfulActionAsTheOldServerDid) {
  const auto response = control().wording.success(
      R"({"service":"execution","action":"restart","success":true,"exit_status":0,"state":"active","enabled":"x",)"
      R"("command":"systemctl restart -- execution.service","output":"a \"b\"\n","journal":[],"message":"m"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"success":true,"message":"Service execution restart command executed successfully",)"
                           R"("details":{"output":"a \"b\"\n","command":"systemctl restart -- execution.service"}})");
}

TEST(OldCalls, TellAFailedActionWithWhatIsKnownOfIt) {
  const auto response = control().wording.success(
      R"({"service":"execution","action":"start","success":false,"exit_status":1,"state":"failed","command":"c",)"
      R"("output":"o","journal":["one","two"],"message":"execution could not be started."})");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body,
            R"({"success":false,"error":"execution could not be started.","message":"execution could not be started.",)"
            R"("command":"c","details":{"output":"o","command":"c","exit_status":1,"state":"failed",)"
            R"("journal":["one","two"]}})");
}

TEST(OldCalls, TellAUnitFile) {
  const auto response = config().wording.success(R"({"service":"execution","content":"[Unit]\n"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"success":true,"content":"[Unit]\n"})");
}

TEST(OldCalls, DoNotSendAPageToItsLoginBecauseTheStoreIsAway) {
  const Error away(Code::kDisconnected, "Authentication error: Server error during validation.");
  const auto response = control().wording.problem(away, 503);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("uth"), std::string::npos) << response.body;
}

TEST(OldCalls, TellProblemsSoThatEveryOldPageShowsThem) {
  const auto told = [](Code code, int status = 0) {
    return control().wording.problem(Error(code, "Because."), status);
  };
  EXPECT_EQ(told(Code::kBadRequest).status, 400);
  EXPECT_EQ(told(Code::kBadRequest).body,
            R"({"success":false,"error":"Invalid request data","message":"Because.","code":"bad_request",)"
            R"("details":{"_errors":["Because."]}})");
  EXPECT_EQ(told(Code::kUnauthenticated).status, 401);
  EXPECT_EQ(told(Code::kUnauthenticated).body,
            R"({"success":false,"error":"Authentication required. Please log in.","message":"Because.",)"
            R"("code":"unauthenticated"})");
  EXPECT_EQ(told(Code::kNotFound).status, 404);
  EXPECT_EQ(told(Code::kNotFound).body,
            R"({"success":false,"error":"Because.","message":"Because.","code":"not_found"})");
  EXPECT_EQ(told(Code::kAccessDenied).status, 403);
  EXPECT_EQ(told(Code::kOverloaded, 503).status, 503);
}

TEST(OldCalls, TellAnAnswerOfAnotherShapeAsADefect) {
  for (const auto* json : {"null", "{}", R"({"service":"x","action":"start"})", R"({"success":"yes"})"}) {
    try {
      control().wording.success(json);
      ADD_FAILURE() << json;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInternal) << json;
    }
  }
  EXPECT_THROW(config().wording.success("{}"), Error);
}

TEST(OldCalls, AreRefusedWhereNothingAnswersThem) {
  test::Spine spine;  // its plugin offers get_config
  EXPECT_FALSE(refuse_old_call(config(), spine.registry, test::request_of("POST", "/api/ssh/getConfig")));
  EXPECT_EQ(refuse_old_call(config(), spine.registry, test::request_of("GET", "/api/ssh/getConfig"))->status, 405);
  const auto refusal = refuse_old_call(control(), spine.registry, test::request_of("POST", "/api/ssh/controlService"));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 501);
  EXPECT_THAT(refusal->body, HasSubstr("service-control"));
}

}  // namespace
}  // namespace pillard::router
