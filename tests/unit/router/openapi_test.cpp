#include "router/openapi.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "unit/router/fixture.h"

namespace pillard::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The members of a JSON object, as they are written.
std::map<std::string, std::string> members(std::string_view object) {
  std::map<std::string, std::string> all;
  json::Reader reader(object);
  reader.enter_object();
  while (const auto key = reader.next_key()) all.emplace(*key, reader.read_raw());
  return all;
}

/// Follows a path of keys.
std::string at(std::string value, const std::vector<std::string>& path) {
  for (const auto& key : path) {
    const auto all = members(value);
    const auto found = all.find(key);
    if (found == all.end()) return "there is no " + key;
    value = found->second;
  }
  return value;
}

class OpenApiTest : public testing::Test {
 protected:
  test::Spine spine;
  const std::string document = openapi(spine.registry);
};

TEST_F(OpenApiTest, IsJsonOfTheRightVersion) {
  ASSERT_TRUE(json::valid(document));
  EXPECT_EQ(at(document, {"openapi"}), "\"3.1.0\"");
  EXPECT_EQ(at(document, {"security"}), R"([{"cookie":[]},{"bearer":[]}])");
}

TEST_F(OpenApiTest, NamesWhatStandsBeforeItsPaths) {
  EXPECT_EQ(at(document, {"servers"}), R"([{"url":"/"}])");
  EXPECT_EQ(at(openapi(spine.registry, "/pillard"), {"servers"}), R"([{"url":"/pillard"}])");
}

TEST_F(OpenApiTest, HasAPathForEachTypeAndForTheRestCalls) {
  std::vector<std::string> paths;
  for (const auto& [path, operations] : members(at(document, {"paths"}))) paths.push_back(path);
  EXPECT_THAT(paths, ElementsAre("/api/call/get_config", "/api/openapi.json", "/api/ssh/connect", "/api/ssh/disconnect",
                                 "/api/ssh/getConfig", "/api/stream/subscribe_logs", "/api/stream/subscribe_status",
                                 "/healthz", "/readyz"));
}

TEST_F(OpenApiTest, DescribesParametersByTheirFields) {
  EXPECT_EQ(at(document, {"paths", "/api/stream/subscribe_status", "get", "parameters"}),
            R"([{"name":"interval","in":"query","required":false,"schema":{"type":"integer",)"
            R"("description":"Takes the nearest from 1000 to 60000.","default":5000}}])");
  EXPECT_THAT(at(document, {"paths", "/api/stream/subscribe_logs", "get", "parameters"}),
              HasSubstr(R"("name":"service","in":"query","required":true)"));
}

TEST_F(OpenApiTest, DescribesTheBodyOfACall) {
  EXPECT_EQ(at(document, {"paths", "/api/call/get_config", "post", "requestBody", "required"}), "false");
  EXPECT_THAT(at(document, {"paths", "/api/call/get_config", "post", "responses", "default"}),
              HasSubstr("#/components/responses/Problem"));
}

TEST_F(OpenApiTest, DescribesTheOldCallsThatAreAnswered) {
  const auto old = at(document, {"paths", "/api/ssh/getConfig", "post"});
  EXPECT_EQ(at(old, {"operationId"}), R"("getConfig")");
  EXPECT_THAT(at(old, {"responses", "200"}), HasSubstr(R"("required":["success","content"])"));
  EXPECT_THAT(at(old, {"responses", "default"}), HasSubstr("#/components/schemas/OldFailure"));
}

TEST_F(OpenApiTest, HidesNoFieldOfALoginAndMarksItsSecrets) {
  const auto request = at(document, {"components", "schemas", "ConnectRequest"});
  EXPECT_THAT(at(request, {"properties", "password"}), HasSubstr(R"("format":"password")"));
  EXPECT_EQ(at(request, {"required"}), R"(["host","username"])");
  EXPECT_EQ(at(request, {"properties", "port"}), R"({"type":"integer","minimum":1,"maximum":65535,"default":22})");
}

TEST_F(OpenApiTest, RefersOnlyToWhatItHas) {
  constexpr std::string_view kRef = R"("$ref":"#/)";
  std::set<std::string> all;
  for (auto found = document.find(kRef); found != std::string::npos; found = document.find(kRef, found + 1)) {
    const auto from = found + kRef.size();
    all.insert(document.substr(from, document.find('"', from) - from));
  }
  EXPECT_GE(all.size(), 8U);
  for (const auto& one : all) {
    std::vector<std::string> path;
    std::string_view rest = one;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('/'), rest.size());
      path.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    EXPECT_THAT(at(document, path), testing::StartsWith("{")) << one;
  }
}

TEST_F(OpenApiTest, ListsTheCodesThatThereAre) {
  const auto codes = at(document, {"components", "schemas", "Code", "enum"});
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code)
    EXPECT_THAT(codes, HasSubstr('"' + std::string(name(static_cast<Code>(code))) + '"'));
}

}  // namespace
}  // namespace pillard::router
