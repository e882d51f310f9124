#include "router/problem.h"

#include <gtest/gtest.h>

#include "router/api.h"
#include "unit/router/fixture.h"

namespace pillard::router {
namespace {

std::string header(const wire::HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "none";
}

TEST(ProblemTest, HasAStatusForEachCode) {
  const std::pair<Code, int> cases[] = {
      {Code::kBadRequest, 400},  {Code::kUnauthenticated, 401}, {Code::kAccessDenied, 403}, {Code::kNotFound, 404},
      {Code::kConflict, 409},    {Code::kTimeout, 504},         {Code::kDisconnected, 502}, {Code::kOverloaded, 429},
      {Code::kUnsupported, 501}, {Code::kInternal, 500}};
  for (const auto& [code, status] : cases) {
    const auto response = problem_response(Error(code, "words"));
    EXPECT_EQ(response.status, status) << name(code);
    EXPECT_EQ(header(response, "Content-Type"), "application/problem+json");
    EXPECT_EQ(header(response, "WWW-Authenticate"), status == 401 ? "Bearer" : "none");
  }
}

TEST(ProblemTest, SaysWhatIsWrongAsRfc9457HasIt) {
  EXPECT_EQ(problem_response(Error(Code::kNotFound, "no \"x\"")).body,
            R"({"type":"about:blank","title":"Not Found","status":404,"detail":"no \"x\"","code":"not_found"})");
  EXPECT_EQ(
      problem_response(Error(Code::kOverloaded, "later"), 503).body,
      R"({"type":"about:blank","title":"Service Unavailable","status":503,"detail":"later","code":"overloaded"})");
}

TEST(ProblemTest, FindsACodeForWhatHttpRefuses) {
  const std::pair<int, std::string> cases[] = {{403, "access_denied"}, {405, "bad_request"}, {408, "timeout"},
                                               {413, "bad_request"},   {415, "bad_request"}, {429, "overloaded"},
                                               {500, "internal"},      {501, "unsupported"}, {503, "overloaded"}};
  for (const auto& [status, code] : cases) {
    const auto response = problem_response(wire::HttpError{status, "words"});
    EXPECT_EQ(response.status, status);
    EXPECT_NE(response.body.find("\"code\":\"" + code + '"'), std::string::npos) << response.body;
  }
}

class ApiTest : public testing::Test {
 protected:
  /// Status and words of the refusal, or "goes on".
  std::string refusal(const std::string& method, const std::string& path) {
    const auto response = refuse_api(spine.registry, test::request_of(method, path));
    if (!response) return "goes on";
    const auto from = response->body.find("\"detail\":\"") + 10;
    const auto allow = header(*response, "Allow");
    return std::to_string(response->status) + ' ' +
           response->body.substr(from, response->body.find("\",\"code\"") - from) +
           (allow == "none" ? "" : " Allow: " + allow);
  }
  test::Spine spine;
};

TEST_F(ApiTest, LetsRequestsThroughTheirOwnDoor) {
  EXPECT_EQ(refusal("POST", "/api/call/get_config"), "goes on");
  EXPECT_EQ(refusal("GET", "/api/stream/subscribe_logs"), "goes on");
}

TEST_F(ApiTest, NamesTheOtherDoor) {
  EXPECT_EQ(refusal("POST", "/api/call/subscribe_logs"),
            "404 subscribe_logs is a stream: GET /api/stream/subscribe_logs");
  EXPECT_EQ(refusal("GET", "/api/stream/get_config"), "404 get_config is a call: POST /api/call/get_config");
  EXPECT_EQ(refusal("POST", "/api/call/unsubscribe_logs"),
            "404 A stream ends with its connection; there is nothing to ask for at this address.");
}

TEST_F(ApiTest, RefusesOtherMethodsAndNamesTheRightOne) {
  for (const auto* method : {"GET", "HEAD", "PUT", "DELETE"})
    EXPECT_EQ(refusal(method, "/api/call/get_config"), "405 This address takes POST only. Allow: POST");
  for (const auto* method : {"POST", "HEAD", "PATCH"})
    EXPECT_EQ(refusal(method, "/api/stream/subscribe_logs"), "405 This address takes GET only. Allow: GET");
}

TEST_F(ApiTest, KnowsNoOtherTypes) {
  for (const auto* path : {"/api/call/", "/api/call/nothing", "/api/call/get_config/", "/api/stream/status_update"})
    EXPECT_EQ(refusal("GET", path), "404 There is no message type of this name here; GET /api/openapi.json lists them.")
        << path;
  EXPECT_FALSE(is_api("/api/call"));
  EXPECT_FALSE(is_api("/api/ssh/connect"));
}

}  // namespace
}  // namespace pillard::router
