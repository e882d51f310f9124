#include "wire/http_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pillard::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// A GET of "/" with a Host and these further header lines, each with its CR LF.
std::string get(const std::string& lines) { return "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n"; }
std::string get_target(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

HttpRequest read(std::string_view head, const HttpLimits& limits = {}) {
  auto result = read_head(head, limits);
  if (const auto* error = std::get_if<HttpError>(&result)) {
    ADD_FAILURE() << error->status << " " << error->reason << " for " << head;
    return {};
  }
  return std::get<HttpRequest>(std::move(result));
}

/// The status of the refusal, or 200.
int status(std::string_view head, const HttpLimits& limits = {}) {
  const auto result = read_head(head, limits);
  const auto* error = std::get_if<HttpError>(&result);
  if (error != nullptr) {
    EXPECT_FALSE(error->reason.empty());
  }
  return error == nullptr ? 200 : error->status;
}

TEST(FindHead, FindsTheEmptyLineAndNotWhatComesBehind) {
  const auto found = find_head("GET / HTTP/1.1\r\nHost: h\r\n\r\nbody\r\n\r\n");
  EXPECT_EQ(found.state, HeadSearch::State::kComplete);
  EXPECT_EQ(found.size, 27U);
}

TEST(FindHead, IsIncompleteAtEveryTruncationAndGoesOnFromThere) {
  const std::string head = get("A: b\r\n");
  for (std::size_t length = 0; length < head.size(); ++length) {
    EXPECT_EQ(find_head(head.substr(0, length)).state, HeadSearch::State::kIncomplete) << length;
    const auto found = find_head(head + "GET", {}, length);
    EXPECT_EQ(found.state, HeadSearch::State::kComplete) << length;
    EXPECT_EQ(found.size, head.size()) << length;
  }
}

TEST(FindHead, RefusesALineFeedAloneAtOnce) {
  for (const char* text : {"\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: h\n"}) {
    const auto found = find_head(text);
    EXPECT_EQ(found.state, HeadSearch::State::kBad) << text;
    EXPECT_EQ(found.error.status, 400);
  }
}

TEST(FindHead, RefusesAHeadBeyondTheLimit) {
  const std::string head = get("");
  EXPECT_EQ(find_head(head, {.head = head.size()}).state, HeadSearch::State::kComplete);
  const auto found = find_head(head, {.head = head.size() - 1});
  EXPECT_EQ(found.state, HeadSearch::State::kBad);
  EXPECT_EQ(found.error.status, 431);
  EXPECT_EQ(find_head(std::string(16 * 1024, 'x')).error.status, 431);
}

TEST(ReadHead, ReadsARequestAsABrowserSendsIt) {
  const auto request = read(
      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: node.example:3001\r\nConnection: keep-alive, "
      "Upgrade\r\n"
      "Pragma: no-cache\r\nUpgrade: websocket\r\nOrigin: https://dash.example\r\nSec-WebSocket-Version: 13\r\n"
      "Accept-Language: de,en;q=0.9\r\nCookie: a=1; ssh_session=4f9c\r\nSec-WebSocket-Key: "
      "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/socket.io/?EIO=4&transport=websocket");
  EXPECT_EQ(request.path, "/socket.io/");
  EXPECT_THAT(request.query, ElementsAre(Pair("EIO", "4"), Pair("transport", "websocket")));
  EXPECT_EQ(request.parameter("EIO"), "4");
  EXPECT_EQ(request.parameter("sid"), std::nullopt);
  EXPECT_EQ(request.header("oRIGIN"), "https://dash.example");
  EXPECT_EQ(request.header("X-None"), std::nullopt);
  EXPECT_EQ(request.cookie("ssh_session"), "4f9c");
  EXPECT_TRUE(request.wants_websocket_upgrade);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.content_length);
  EXPECT_FALSE(request.chunked);
}

TEST(ReadHead, RefusesEveryTruncation) {
  const std::string head = get("Content-Length: 5\r\n");
  for (std::size_t length = 0; length < head.size(); ++length) EXPECT_EQ(status(head.substr(0, length)), 400) << length;
}

TEST(ReadHead, ForgivesOneEmptyLineBeforeTheRequest) {
  EXPECT_EQ(status("\r\n" + get("")), 200);
  EXPECT_EQ(status("\r\n\r\n" + get("")), 400);
  EXPECT_EQ(status("\r\n\r\n"), 400);
}

TEST(ReadHead, RefusesBadRequestLines) {
  for (const char* line : {"",
                           "GET",
                           "GET /",
                           "GET  / HTTP/1.1",
                           "GET /  HTTP/1.1",
                           " GET / HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           "GET /a b HTTP/1.1",
                           "G@T / HTTP/1.1",
                           "GET\t/ HTTP/1.1",
                           "GET / http/1.1",
                           "GET / HTTP/1",
                           "GET / HTTP/1.11",
                           "GET / HTTX/1.1",
                           "GET a HTTP/1.1",
                           "GET http://h/ HTTP/1.1",
                           "CONNECT h:80 HTTP/1.1",
                           "GET * HTTP/1.1",
                           "GET /a#b HTTP/1.1",
                           "GET /\x01 HTTP/1.1",
                           "GET /\xC3\xA9 HTTP/1.1",
                           "GET /\x7f HTTP/1.1",
                           "GET / HTTP/1.1\rX"}) {
    EXPECT_EQ(status(std::string(line) + "\r\nHost: h\r\n\r\n"), 400) << line;
  }
}

TEST(ReadHead, RefusesOtherVersions) {
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"}) {
    EXPECT_EQ(status("GET / " + std::string(version) + "\r\nHost: h\r\n\r\n"), 505) << version;
  }
}

TEST(ReadHead, RefusesAnEndlessMethod) {
  EXPECT_EQ(status(std::string(40, 'M') + " / HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
}

TEST(ReadHead, RefusesBadHeaderLines) {
  for (const char* lines :
       {"NoColon\r\n", ": empty\r\n", "Name : x\r\n", "Na me: x\r\n", "Name\t: x\r\n", " Folded: x\r\n",
        "A: b\r\n folded\r\n", "A: b\r\n\tfolded\r\n", "A: b\rc\r\n", "A: b\nc\r\n", "A: b\r\r\n", "A: \x01\r\n",
        "A: \x7f\r\n", "A: b\x0b\r\n", "N\xC3\xA9: x\r\n", "A(): x\r\n", "\r\nA: b\r\n"}) {
    EXPECT_EQ(status(get(lines)), 400) << lines;
  }
  EXPECT_EQ(status(get(std::string("A: b\0c\r\n", 8))), 400);
}

TEST(ReadHead, TrimsValuesAndKeepsWhatIsInside) {
  const auto request = read(get("A: \t b \t c \t \r\nB:\r\nC:x:y\r\nD: caf\xC3\xA9\r\n"));
  EXPECT_EQ(request.header("A"), "b \t c");
  EXPECT_EQ(request.header("B"), "");
  EXPECT_EQ(request.header("C"), "x:y");
  EXPECT_EQ(request.header("D"), "caf\xC3\xA9");
}

TEST(ReadHead, NeedsExactlyOneHost) {
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status(get("Host: h\r\n")), 400);
  EXPECT_EQ(status(get("hOST: other\r\n")), 400);
  EXPECT_EQ(status("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(status("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
}

TEST(ReadHead, ChecksTheHostsCharacters) {
  for (const char* host : {"h", "h:3001", "127.0.0.1", "[::1]:80", "a-b.example"}) {
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 200) << host;
  }
  for (const char* host : {"", "a b", "h/x", "user@h", "h?x", "\"h\"", "h\xC3\xA9"}) {
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400) << host;
  }
}

TEST(ReadHead, ReadsTheLengthOfABody) {
  EXPECT_EQ(read(get("Content-Length: 0\r\n")).content_length, 0U);
  EXPECT_EQ(read(get("content-length: 00123\r\n")).content_length, 123U);
}

TEST(ReadHead, RefusesLengthsThatAreNoPlainNumber) {
  for (const char* value : {"", "-1", "+1", "1.0", "0x10", "1 2", "1,1", "1, 1", "five", "1;"}) {
    EXPECT_EQ(status(get("Content-Length: " + std::string(value) + "\r\n")), 400) << value;
  }
}

TEST(ReadHead, RefusesRepeatedLengthsEvenWhenTheyAgree) {
  EXPECT_EQ(status(get("Content-Length: 5\r\nContent-Length: 5\r\n")), 400);
}

TEST(ReadHead, RefusesBodiesAboveTheLimit) {
  EXPECT_EQ(status(get("Content-Length: 100\r\n"), {.content = 100}), 200);
  EXPECT_EQ(status(get("Content-Length: 101\r\n"), {.content = 100}), 413);
  EXPECT_EQ(status(get("Content-Length: 99999999999999999999999\r\n")), 413);
}

TEST(ReadHead, KnowsOneTransferCoding) {
  EXPECT_TRUE(read(get("Transfer-Encoding: Chunked\r\n")).chunked);
  for (const char* value : {"gzip", "gzip, chunked", "chunked, chunked", "chunked;q=1", "identity", "", "xchunked"}) {
    EXPECT_EQ(status(get("Transfer-Encoding: " + std::string(value) + "\r\n")), 501) << value;
  }
  EXPECT_EQ(status(get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(ReadHead, RefusesLengthTogetherWithTransferEncoding) {
  EXPECT_EQ(status(get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status(get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")), 400);
}

TEST(ReadHead, RefusesRepeatedFieldsThatMeanOneThing) {
  for (const char* name : {"Origin", "Content-Type", "Upgrade", "Authorization", "Sec-WebSocket-Key"}) {
    const std::string line = std::string(name) + ": x\r\n";
    EXPECT_EQ(status(get(line)), 200) << name;
    EXPECT_EQ(status(get(line + line)), 400) << name;
  }
}

TEST(ReadHead, HoldsItsLimits) {
  EXPECT_EQ(status(get_target("/" + std::string(4095, 'a'))), 200);
  EXPECT_EQ(status(get_target("/" + std::string(4096, 'a'))), 414);
  EXPECT_EQ(status(get(std::string(128, 'n') + ": v\r\n")), 200);
  EXPECT_EQ(status(get(std::string(129, 'n') + ": v\r\n")), 431);
  EXPECT_EQ(status(get("A: " + std::string(8000, 'v') + "\r\n")), 200);
  EXPECT_EQ(status(get("A: " + std::string(8001, 'v') + "\r\n")), 431);
  EXPECT_EQ(status(get("A: " + std::string(20'000, 'v') + "\r\n")), 431);
  std::string lines;
  for (int i = 0; i < 63; ++i) lines += "A: b\r\n";
  EXPECT_EQ(status(get(lines)), 200);
  EXPECT_EQ(status(get(lines + "A: b\r\n")), 431);
}

TEST(ReadHead, ReadsUpToTheGreatestPossibleLimits) {
  const HttpLimits limits{.head = 64 * 1024, .target = 16'000, .fields = 1000, .name = 1000, .value = 100'000};
  EXPECT_EQ(read(get_target("/" + std::string(15'999, 'a')), limits).path.size(), 16'000U);
  EXPECT_EQ(status(get(std::string(255, 'n') + ": " + std::string(8191, 'v') + "\r\n"), limits), 200);
  std::string lines;
  for (int i = 0; i < 99; ++i) lines += "A: b\r\n";
  EXPECT_EQ(read(get(lines), limits).headers.size(), 100U);
}

TEST(ReadHead, KeepsEncodedWordsOfMailAsTheyWereSent) {
  for (const char* value : {"=?utf-8?B?ZXZpbA==?=", "=?utf-8?Q?=0D=0AEvil:_1?=", "a =?iso-8859-1?Q?x?= b", "=?",
                            "=?=?=?", "=?x=", "http://h/?a=?b", "t=abc=?", "=?nonsense?X?y?="}) {
    EXPECT_EQ(read(get("A: 1\r\nX-Name: " + std::string(value) + "\r\nB: 2\r\n")).header("X-Name"), value);
  }
  EXPECT_EQ(read(get("Cookie: t=abc=?; ssh_session=4f\r\n")).cookie("ssh_session"), "4f");
  EXPECT_EQ(read(get_target("/?a=?b")).parameter("a"), "?b");
}

TEST(ReadHead, DecodesThePath) {
  EXPECT_EQ(read(get_target("/a%20b/%C3%A9?x")).path, "/a b/\xC3\xA9");
  EXPECT_EQ(read(get_target("/a+b")).path, "/a+b");
  EXPECT_EQ(read(get_target("//a/.hidden/..x")).path, "//a/.hidden/..x");
  EXPECT_EQ(read("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
}

TEST(ReadHead, RefusesPathsThatLeadElsewhere) {
  for (const char* path : {"/..",    "/../etc/passwd", "/a/../b", "/a/..", "/.",   "/./a",   "/%2e%2e/a", "/.%2E",
                           "/a%2Fb", "/a%2fb",         "/a%5Cb",  "/a\\b", "/%00", "/a%0Ab", "/%7F",      "/%",
                           "/%4",    "/%zz",           "/%-1",    "/%FF",  "/%C3", "/%C0%AF"}) {
    EXPECT_EQ(status(get_target(path)), 400) << path;
  }
}

TEST(ReadHead, DecodesTheQueryInItsOrder) {
  EXPECT_THAT(
      read(get_target("/?b=1&a=x%3Dy+z&b=2&flag&=v&&e=")).query,
      ElementsAre(Pair("b", "1"), Pair("a", "x=y z"), Pair("b", "2"), Pair("flag", ""), Pair("", "v"), Pair("e", "")));
  EXPECT_THAT(read(get_target("/?")).query, IsEmpty());
  EXPECT_EQ(read(get_target("/?a=/../b?c")).parameter("a"), "/../b?c");
  EXPECT_EQ(read(get_target("/?a=1&a=2")).parameter("a"), "1");
}

TEST(ReadHead, RefusesBadQueries) {
  for (const char* query : {"a=%", "%=a", "a=%4", "a=%gg", "a=%00", "a=%0d%0a", "a=%FF", "a=%ED%A0%80"}) {
    EXPECT_EQ(status(get_target("/?" + std::string(query))), 400) << query;
  }
  std::string many = "/?";
  for (int i = 0; i < 65; ++i) many += "a&";
  EXPECT_EQ(status(get_target(many)), 414);
}

TEST(ReadHead, KnowsWhetherTheConnectionStays) {
  EXPECT_TRUE(read(get("")).keep_alive);
  EXPECT_FALSE(read(get("Connection: Close\r\n")).keep_alive);
  EXPECT_FALSE(read(get("Connection: x, close\r\n")).keep_alive);
  EXPECT_TRUE(read(get("Connection: closed\r\n")).keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
}

TEST(ReadHead, KnowsWhetherAWebSocketIsWanted) {
  EXPECT_TRUE(read(get("Upgrade: h2c, WebSocket\r\n")).wants_websocket_upgrade);
  EXPECT_FALSE(read(get("Upgrade: h2c\r\n")).wants_websocket_upgrade);
  EXPECT_FALSE(read(get("Connection: Upgrade\r\n")).wants_websocket_upgrade);
}

TEST(HttpRequest, FindsTheFirstCookieOfAName) {
  const auto request = read(get("Cookie: a=1;b=2 ; b=3;  c=\"q\" ; d; =e; f=x=y; g=\"; B=4\r\nCookie: h=5\r\n"));
  EXPECT_EQ(request.cookie("a"), "1");
  EXPECT_EQ(request.cookie("b"), "2");
  EXPECT_EQ(request.cookie("B"), "4");
  EXPECT_EQ(request.cookie("c"), "q");
  EXPECT_EQ(request.cookie("d"), std::nullopt);
  EXPECT_EQ(request.cookie("f"), "x=y");
  EXPECT_EQ(request.cookie("g"), "\"");
  EXPECT_EQ(request.cookie("h"), "5");
  EXPECT_EQ(request.cookie("ssh_session"), std::nullopt);
}

TEST(HttpRequest, DoesNotTakeTheEndOfANameForACookie) {
  EXPECT_EQ(read(get("Cookie: xssh_session=1\r\n")).cookie("ssh_session"), std::nullopt);
  EXPECT_EQ(read(get("Cookie: ssh_session_ws=1\r\n")).cookie("ssh_session"), std::nullopt);
}

TEST(ReadHead, NeverRepeatsWhatWasSent) {
  for (const std::string& head :
       {get("Secret-Token : hunter2\r\n"), get_target("/?token=hunter2%"), std::string("hunter2")}) {
    const auto result = read_head(head);
    EXPECT_THAT(std::get<HttpError>(result).reason, ::testing::Not(::testing::HasSubstr("hunter2")));
  }
}

TEST(ReadHead, StaysInBoundsWhateverByteIsChanged) {
  const std::string head = get("Cookie: a=\"b\"; c\r\nContent-Length: 5\r\nConnection: close\r\n");
  for (std::size_t at = 0; at < head.size(); ++at) {
    for (int value = 0; value < 256; value += 3) {
      std::string changed = head;
      changed[at] = static_cast<char>(value);
      find_head(changed);
      auto result = read_head(changed);
      if (const auto* request = std::get_if<HttpRequest>(&result)) request->cookie("a");
    }
  }
}

}  // namespace
}  // namespace pillard::wire
