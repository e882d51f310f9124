// The section of what clients reach.
#include "unit/config/fixture.h"

namespace pillard::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Server, RefusesABaseThatIsNoPath) {
  for (const auto* base : {"pillard", "/a b", "/a//b", "/a/../b", "/."})
    EXPECT_THAT(wrong(std::string("[server]\nbase = ") + base), ElementsAre(HasSubstr(":2: server.base: "))) << base;
  EXPECT_EQ(good(from("[server]\nbase = /\n")).server.base, "");
  EXPECT_EQ(good(from("[server]\nbase = /api\n")).server.base, "/api") << "what is below it has its own names";
}

TEST(Server, ListensOnUnixSockets) {
  auto sources = from("[server]\nlisten = 127.0.0.1:3001, unix:/run/pillard/p.sock\n[admin]\nlisten = unix:/run/a\n");
  const auto settings = good(sources);
  EXPECT_THAT(listen(settings), ElementsAre("127.0.0.1:3001", "unix:/run/pillard/p.sock"));
  EXPECT_THAT(settings.server.own, ElementsAre("http://127.0.0.1:3001", "http://localhost:3001"));
  EXPECT_EQ(settings.admin.listen->path, "/run/a");
  sources.environment = {{"PORT", "8080"}};
  EXPECT_THAT(listen(good(sources)), ElementsAre("127.0.0.1:8080", "unix:/run/pillard/p.sock"));
  EXPECT_THAT(wrong("[server]\nlisten = unix:p.sock\n"), ElementsAre(HasSubstr("\"unix:p.sock\" is no address")));
  EXPECT_THAT(wrong("[server]\nlisten = unix:/a, unix:/a\n"), ElementsAre(HasSubstr("unix:/a stands twice")));
  EXPECT_THAT(wrong("[server]\nlisten = unix:/a\n[admin]\nlisten = unix:/a\n"),
              ElementsAre(HasSubstr("is taken by server.listen")));
}

TEST(Server, RefusesRightsThatAreNone) {
  for (const auto* mode : {"", "rw", "0888", "01777", "66", "-660"})
    EXPECT_THAT(wrong(std::string("[server]\nunix_mode = ") + mode), ElementsAre(HasSubstr(":2: server.unix_mode: ")))
        << mode;
}

TEST(Server, RefusesProxiesThatAreNoNetworks) {
  EXPECT_THAT(wrong("[server]\ntrusted_proxies = 10.0.0.0/8, proxy.example\n"),
              ElementsAre(HasSubstr("\"proxy.example\" is no network")));
  EXPECT_THAT(wrong("[server]\nforwarded = cloud\n"),
              ElementsAre(HasSubstr("\"cloud\" is none of: x-forwarded, forwarded")));
}

TEST(TlsFiles, GoTogether) {
  EXPECT_FALSE(good(from("")).tls.on());
  const auto tls = good(from("[tls]\ncertificate = tls/cert.pem\nkey = /etc/keys/key.pem\n")).tls;
  EXPECT_TRUE(tls.on());
  EXPECT_EQ(tls.certificate, "/etc/pillard/tls/cert.pem");
  EXPECT_EQ(tls.key, "/etc/keys/key.pem");
  EXPECT_THAT(wrong("[tls]\ncertificate = cert.pem\n"),
              ElementsAre(HasSubstr(":2: tls.certificate: needs the private")));
  EXPECT_THAT(wrong("[tls]\nkey = key.pem\n"), ElementsAre(HasSubstr(":2: tls.key: needs the certificate")));
}

TEST(TlsFiles, MakeOwnPagesHttps) {
  const std::string tls = "[tls]\ncertificate = a\nkey = b\n";
  EXPECT_THAT(good(from(tls)).server.own, ElementsAre("https://127.0.0.1:3001", "https://localhost:3001"));
}

}  // namespace
}  // namespace pillard::config
