// The HTTP calls as the router answers them; no node is reached.
#include "router/rest.h"

#include <gmock/gmock.h>

#include "unit/router/fixture.h"
#include "unit/ssh/keys.h"

namespace pillard::router {
namespace {

using testing::HasSubstr;

class RestTest : public testing::Test {
 protected:
  explicit RestTest(test::SpineOptions options = {}) : spine(std::move(options)) { spine.reactors.start(); }
  ~RestTest() override { spine.stop(); }

  wire::HttpResponse ask(const wire::HttpRequest& request, std::string body = {}, HttpContext context = {}) {
    std::promise<wire::HttpResponse> answer;
    test::on(spine.reactors[0], [&] {
      asked->handle(spine.reactors[0], request, std::move(body), context,
                    [&](wire::HttpResponse response) { answer.set_value(std::move(response)); });
    });
    auto future = answer.get_future();
    if (future.wait_for(std::chrono::seconds(10)) != std::future_status::ready) return {.status = 599};
    return future.get();
  }
  wire::HttpResponse post(const std::string& path, std::string body = {}, const std::string& cookie = {}) {
    auto request = test::request_of("POST", path);
    if (!cookie.empty()) request.headers.emplace_back("Cookie", cookie);
    return ask(request, std::move(body));
  }
  wire::HttpResponse get(const std::string& path, const std::string& method = "GET") {
    return ask(test::request_of(method, path));
  }
  static std::string header(const wire::HttpResponse& response, std::string_view name) {
    std::string all;
    for (const auto& [key, value] : response.headers)
      if (key == name) all += (all.empty() ? "" : " | ") + value;
    return all;
  }
  static std::string failed(const std::string& message, const std::string& code = "bad_request") {
    return R"({"success":false,"error":"Connection failed","message":")" + message + R"(","code":")" + code + R"("})";
  }

  test::Spine spine;
  Rest rest{test::services_of(spine, spine.store), std::chrono::seconds(10200)};
  Rest* asked = &rest;
};

constexpr auto kConnect = "/api/ssh/connect";
constexpr auto kDisconnect = "/api/ssh/disconnect";
constexpr auto kNoCookies =
    "ssh_session=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly | ssh_session_ws=; Path=/; Max-Age=0; SameSite=Lax";

TEST_F(RestTest, SaysWhichFieldOfALoginIsWrong) {
  const std::pair<const char*, std::string> cases[] = {
      {"", "The body is not valid JSON."},
      {"{", "The body is not valid JSON."},
      {"[]", "body: expected an object"},
      {"{}", "body.host: expected a value, got nothing"},
      {R"({"host":"n"})", "body.username: expected a value, got nothing"},
      {R"({"host":"n","username":"u"})", "body.password: expected a value, got nothing"},
      {R"({"host":"n","username":"u","password":""})", "body.password: expected a value, got nothing"},
      {R"({"host":"n","username":"u","password":null,"privateKey":""})",
       "body.password: expected a value, got nothing"},
      {R"({"host":"n","username":"u","privateKey":5})", "body.privateKey: expected a string"},
      {R"({"host":"n","username":"u","password":"p","passphrase":"x"})",
       "There is a passphrase, but no private key that it belongs to."},
      {R"({"host":"n","username":"u","privateKey":"ssh-ed25519 AAAA"})",
       R"(This is a public key. The private key is in the file of the same name without \".pub\".)"},
      {R"({"host":5,"username":"u","password":"p"})", "body.host: expected a string, got 5"},
      {R"({"host":"n","port":0,"username":"u","password":"p"})",
       "body.port: expected an integer from 1 to 65535, got 0"},
      {R"({"host":"n","port":"22","username":"u","password":"p"})",
       R"(body.port: expected an integer from 1 to 65535, got \"22\")"}};
  for (const auto& [body, message] : cases) {
    const auto response = post(kConnect, body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.body, failed(message)) << body;
    EXPECT_EQ(header(response, "Set-Cookie"), "") << body;
  }
}

TEST_F(RestTest, RefusesHostsAndNamesThatAreNone) {
  for (const auto* body :
       {R"({"host":"a b","username":"u","password":"p"})", R"({"host":"127.1","username":"u","password":"p"})",
        R"({"host":"n","username":"-oProxyCommand=x","password":"p"})",
        R"({"host":"n","username":"u","password":"p\u0000"})"}) {
    const auto response = post(kConnect, body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_THAT(response.body, HasSubstr(R"("code":"bad_request")"));
  }
}

TEST_F(RestTest, SaysWhyALoginFailed) {
  const auto response = post(kConnect, R"({"host":"127.0.0.1","username":"u","password":"pa55word"})");
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, HasSubstr(R"({"success":false,"error":"Connection failed","message":")"));
  EXPECT_THAT(response.body, HasSubstr(R"("code":"access_denied")"));
  EXPECT_EQ(header(response, "Set-Cookie"), "");
  EXPECT_EQ(spine.store.size(), 0U);
  for (const auto& line : spine.logged.lines()) EXPECT_THAT(line, testing::Not(HasSubstr("pa55word")));
}

TEST_F(RestTest, TakesTheCookiesEvenWhileTheStoreIsAway) {
  test::MoodyStore store(spine.store);
  store.away = true;
  Rest with_store(test::services_of(spine, store), std::chrono::seconds(10200));
  asked = &with_store;
  const auto response = post(kDisconnect, {}, "ssh_session=" + session::new_token());
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, HasSubstr(R"("message":"away")"));
  EXPECT_EQ(header(response, "Set-Cookie"), kNoCookies);
}

TEST_F(RestTest, LeavesTheCookiesOfASessionThatStands) {
  test::MoodyStore store(spine.store);
  store.busy = true;
  Rest with_store(test::services_of(spine, store), std::chrono::seconds(10200));
  asked = &with_store;
  const auto response = post(kDisconnect, {}, "ssh_session=" + session::new_token());
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, HasSubstr(R"("message":"busy")"));
  EXPECT_EQ(header(response, "Set-Cookie"), "");
}

TEST_F(RestTest, SaysThatAKeyCannotBeKept) {
  test::MoodyStore store(spine.store);
  store.keys = false;
  Rest with_store(test::services_of(spine, store), std::chrono::seconds(10200));
  asked = &with_store;
  std::string body = R"({"host":"127.0.0.1","username":"u","privateKey":)";
  test::KeyRing ring;
  json::append_string(body, ring.make("ed25519").secret);
  for (int i = 0; i < 3; ++i) {
    const auto response = post(kConnect, body + "}");
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, HasSubstr(R"("code":"unsupported")"));
    EXPECT_THAT(response.body, HasSubstr("session.seal_key"));
  }
  const auto lines = spine.logged.lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](auto& line) { return line.find("seal_key") != line.npos; }),
            1);
}

TEST_F(RestTest, SaysWhatIsWrongWithAKeyBeforeItAsksTheNode) {
  test::KeyRing ring;
  std::string body = R"({"host":"127.0.0.1","username":"u","privateKey":)";
  json::append_string(body, ring.make("ed25519", "secret").secret);
  const auto response = post(kConnect, body + "}");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body,
            failed("Authentication failed: the private key is protected by a passphrase. Enter it as well."));
}

TEST_F(RestTest, EndsASessionAndTakesBothCookies) {
  const auto session = spine.log_in(spine.credential());
  const auto response = post(kDisconnect, {}, "ssh_session=" + session->id);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"success":true})");
  EXPECT_EQ(header(response, "Set-Cookie"), kNoCookies);
  EXPECT_EQ(spine.store.size(), 0U);
  for (const auto& line : spine.logged.lines()) EXPECT_THAT(line, testing::Not(HasSubstr(session->id.substr(0, 8))));
}

TEST_F(RestTest, HasNoSessionToEndWithoutALiveToken) {
  for (const auto& cookie : {std::string(), std::string("ssh_session=x"), "ssh_session=" + session::new_token()}) {
    const auto response = post(kDisconnect, {}, cookie);
    EXPECT_EQ(response.status, 401) << cookie;
    EXPECT_THAT(response.body, HasSubstr("Not authenticated"));
    EXPECT_EQ(header(response, "Set-Cookie"), kNoCookies) << "a dead cookie is of no use";
  }
}

TEST_F(RestTest, LogsTheLogoutOfASessionOnly) {
  const auto logouts = [&] {
    const auto lines = spine.logged.lines();
    return std::count_if(lines.begin(), lines.end(),
                         [](auto& line) { return line.find("info router: logout") != line.npos; });
  };
  post(kDisconnect, {}, "ssh_session=" + session::new_token());
  EXPECT_EQ(logouts(), 0);
  post(kDisconnect, {}, "ssh_session=" + spine.log_in(spine.credential())->id);
  EXPECT_EQ(logouts(), 1);
}

TEST_F(RestTest, MakesCookiesSecureWhereTheBrowserSeesHttps) {
  HttpContext context;
  context.secure = true;
  const auto response = ask(test::request_of("POST", kDisconnect), {}, context);
  EXPECT_THAT(header(response, "Set-Cookie"), HasSubstr("SameSite=Lax; Secure; HttpOnly | "));
  EXPECT_THAT(header(response, "Set-Cookie"), testing::EndsWith("SameSite=Lax; Secure"));
}

TEST_F(RestTest, GivesCookiesThePathThatTheBrowserSees) {
  Rest below(test::services_of(spine, spine.store), std::chrono::seconds(10200), "/pillard");
  asked = &below;
  EXPECT_THAT(header(post(kDisconnect), "Set-Cookie"), HasSubstr("ssh_session=; Path=/pillard; Max-Age=0"));
  asked = &rest;
}

TEST_F(RestTest, SaysWhatToUseInsteadOfTheOldCallsThatNothingAnswers) {
  const std::pair<const char*, const char*> cases[] = {{"execute", "log in to the node with an SSH client"},
                                                       {"controlService", "enable it in [plugins]"},
                                                       {"updateClient", "on the node itself"},
                                                       {"resyncClient", "on the node itself"},
                                                       {"exposeRpc", "get_config"}};
  for (const auto& [call, words] : cases) {
    const auto response = post("/api/ssh/" + std::string(call), "{}");
    EXPECT_EQ(response.status, 501) << call;
    EXPECT_THAT(response.body, testing::StartsWith(R"({"success":false,"error":")")) << call;
    EXPECT_THAT(response.body, testing::EndsWith(R"(","code":"unsupported"})")) << call;
    const auto message = response.body.substr(response.body.find(R"("message":)"));
    EXPECT_THAT(message, HasSubstr(words)) << call;
    EXPECT_THAT(response.body, testing::Not(HasSubstr("auth"))) << "old pages would log in again";
  }
}

TEST_F(RestTest, NamesTheMethodThatAnAddressTakes) {
  for (const auto* path : {kConnect, kDisconnect, "/api/ssh/execute", "/api/ssh/getConfig"}) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 405) << path;
    EXPECT_EQ(header(response, "Allow"), "POST") << path;
  }
  for (const auto* path : {"/healthz", "/readyz"}) {
    const auto response = post(path);
    EXPECT_EQ(response.status, 405) << path;
    EXPECT_EQ(header(response, "Allow"), "GET") << path;
  }
}

TEST_F(RestTest, HasNothingElsewhere) {
  for (const auto* path : {"/nothing", "/api/ssh/", "/api/ssh/connect/", "/API/SSH/CONNECT"}) {
    EXPECT_EQ(get(path).status, 404) << path;
    EXPECT_EQ(post(path).status, 404) << path;
  }
}

TEST_F(RestTest, TellsItsHealth) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/healthz", "HEAD").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  spine.health.drain();
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(RestTest, IsNeverCached) {
  EXPECT_EQ(header(post(kConnect, "{"), "Cache-Control"), "no-store");
  EXPECT_EQ(header(get("/healthz"), "Cache-Control"), "no-store");
}

class LimitedRestTest : public RestTest {
 protected:
  LimitedRestTest() : RestTest({.limiter = {.address = {2, std::chrono::minutes(1)}}}) {}
};

TEST_F(LimitedRestTest, LimitsLoginsAndSaysWhenToComeBack) {
  constexpr auto kLogin = R"({"host":"127.0.0.1","username":"u","password":"p"})";
  EXPECT_EQ(post(kConnect, kLogin).status, 500);
  EXPECT_EQ(post(kConnect, "{}").status, 400) << "what is no login is not charged";
  EXPECT_EQ(post(kConnect, kLogin).status, 500);
  const auto response = post(kConnect, kLogin);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(header(response, "Retry-After"), "30");
  EXPECT_THAT(response.body, HasSubstr(R"("code":"overloaded")"));
}

}  // namespace
}  // namespace pillard::router
