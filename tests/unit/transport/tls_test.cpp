// TLS as clients see it: handshakes, large answers, moves between loops, other certificates, and what is no TLS.
#include "transport/tls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <thread>

#include "unit/transport/certificates.h"
#include "unit/transport/public_fixture.h"

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kGet = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

class TlsTest : public testing::Test {
 protected:
  explicit TlsTest(config::Limits limits = {}, unsigned reactors = 1)
      : server({.spine = {.reactors = reactors}, .limits = limits}),
        tls(certificates.write("first").files(), server.spine.log, server.spine.metrics) {
    server.start(site, {"127.0.0.1", 0}, {.tls = &tls});
  }
  ~TlsTest() override { server.stop(); }
  test::RawClient connect(int most = 0) const {
    auto client = server.connect();
    EXPECT_TRUE(client.secure(most));
    return client;
  }
  std::string figures() const { return server.spine.metrics.render(); }

  test::Certificates certificates;
  test::EchoSite site;
  test::Server server;
  Tls tls;
};

TEST_F(TlsTest, ServesHttpInside) {
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    EXPECT_EQ(client.answer().body, "GET /x ");
  }
  EXPECT_EQ(client.version(), TLS1_3_VERSION);
  EXPECT_EQ(client.protocol(), "http/1.1");
  EXPECT_EQ(client.shown_name(), "first");
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_handshakes_total{version=\"1.3\"} 1\n"));
}

TEST_F(TlsTest, SpeaksOnePointTwoAndNothingOlder) {
  auto client = connect(TLS1_2_VERSION);
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_handshakes_total{version=\"1.2\"} 1\n"));
  auto old = server.connect();
  EXPECT_FALSE(old.secure(TLS1_1_VERSION));
}

TEST_F(TlsTest, TellsPlainHttpWhatIsWrong) {
  auto client = server.connect();
  client.send(kGet);
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_THAT(answer.body, HasSubstr("This port speaks TLS only"));
  EXPECT_TRUE(client.ends());
  EXPECT_FALSE(client.reset());
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_handshake_failures_total{reason=\"plain_http\"} 1\n"));
}

TEST_F(TlsTest, RefusesWhatIsNeither) {
  auto client = server.connect();
  client.send(std::string("\x16\x03\x01\x00\x05hello, this is no handshake at all", 40));
  EXPECT_TRUE(client.ends());
  auto other = server.connect();
  other.send(std::string(100, '\0'));
  EXPECT_TRUE(other.ends());
  ASSERT_TRUE(server.open_become(0));
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_handshake_failures_total{reason=\"refused\"} 2\n"));
}

TEST_F(TlsTest, HasNothingInCommonWithAnotherProtocol) {
  auto client = server.connect();
  EXPECT_FALSE(client.secure(0, std::string("\x02h2", 3)));
}

TEST_F(TlsTest, SendsALargeAnswerToAClientThatReadsLate) {
  test::RawClient client(server.port(), 4096);
  ASSERT_TRUE(client.secure());
  client.send("GET /large?size=5000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = client.answer();
  EXPECT_EQ(answer.body, std::string(5'000'000, 'x'));
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
}

TEST_F(TlsTest, TakesMuchAtOnce) {
  auto client = connect();
  std::string many;
  for (int i = 0; i < 2000; ++i) many += kGet;
  client.send(many);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.answer().status, 200) << i;
}

TEST_F(TlsTest, SaysGoodbyeWithACloseNotify) {
  auto client = connect();
  client.send("GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_TRUE(client.ends());
  EXPECT_TRUE(client.told_end());
}

TEST_F(TlsTest, OutlivesClientsThatLeaveInTheMiddle) {
  for (int i = 0; i < 20; ++i) {
    test::RawClient client(server.port(), 4096);
    ASSERT_TRUE(client.secure());
    client.send("GET /large?size=2000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.wait(1000);
    client.slam();
  }
  EXPECT_TRUE(server.open_become(0));
  auto client = connect();
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
}

TEST_F(TlsTest, ShowsANewCertificateToNewConnections) {
  auto old = connect();
  certificates.write("second");
  EXPECT_TRUE(tls.reload());
  EXPECT_EQ(connect().shown_name(), "second");
  old.send(kGet);
  EXPECT_EQ(old.answer().status, 200) << "who is here already goes on";
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_reloads_total 1\n"));
}

TEST_F(TlsTest, KeepsTheOldCertificateWhenTheNewOneIsBroken) {
  certificates.write_text(certificates.files().certificate, "half a certif");
  EXPECT_FALSE(tls.reload());
  EXPECT_EQ(connect().shown_name(), "first");
  EXPECT_TRUE(server.spine.logged.wait_for("certificate not reloaded: the old one stays in use"));
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_reload_failures_total 1\n"));
}

TEST_F(TlsTest, TellsWhenTheCertificateExpires) {
  const auto text = figures();
  const auto at = text.find("\npillard_tls_certificate_expiry_seconds ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NEAR(std::stod(text.substr(text.find(' ', at) + 1)), static_cast<double>(std::time(nullptr)) + 86400, 120);
}

class HurriedTls : public TlsTest {
 protected:
  HurriedTls() : TlsTest({.head_timeout = 150ms}) {}
};

TEST_F(HurriedTls, DoesNotWaitLongForAHandshake) {
  auto silent = server.connect();
  EXPECT_TRUE(silent.ends());
  auto half = server.connect();
  half.send(std::string("\x16\x03\x01\x02", 4));
  EXPECT_TRUE(half.ends());
  ASSERT_TRUE(server.open_become(0));
  test::on(server.spine.reactors[0], [] {});  // by then they are destroyed, and counted
  EXPECT_THAT(figures(), HasSubstr("pillard_tls_handshake_failures_total{reason=\"unfinished\"} 2\n"));
  EXPECT_EQ(server.metrics.limits.head_timeout.value(), 2U);
}

class FullTls : public TlsTest {
 protected:
  FullTls() : TlsTest({.connections = 1}) {}
};

TEST_F(FullTls, RefusesInWordsBehindAHandshake) {
  auto one = connect();
  ASSERT_TRUE(server.open_become(1));
  auto two = connect();
  two.send(kGet);
  const auto answer = two.answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(two.ends());
  one.send(kGet);
  EXPECT_EQ(one.answer().status, 200);
  EXPECT_EQ(server.metrics.limits.connections.value(), 1U);
}

TEST(TlsSite, MovesConnectionsToTheLoopOfTheirSession) {
  const test::Certificates certificates;
  config::Settings settings;
  test::PublicServer server(settings, {.reactors = 2}, &certificates.write("moved"));
  for (int i = 0; i < 6; ++i) {
    auto client = server.connect();
    ASSERT_TRUE(client.secure());
    client.send("GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto opened = client.answer().body;
    ASSERT_GT(opened.size(), 29U);
    // By connections of both loops, so that one of them has to move, with what is behind the head.
    auto other = server.connect();
    ASSERT_TRUE(other.secure());
    other.send(
        "POST /?EIO=4&transport=polling&sid=" + opened.substr(9, 20) +
        " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n40GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(other.answer().body, "ok");
    EXPECT_EQ(other.answer().status, 200);
  }
}

TEST(TlsSite, MakesCookiesSecureAndKnowsItsOwnPages) {
  const test::Certificates certificates;
  test::PublicServer server({}, {}, &certificates.write("cookies"));
  const auto ask = [&](const std::string& origin) {
    auto client = server.connect();
    EXPECT_TRUE(client.secure());
    client.send("POST /api/ssh/disconnect HTTP/1.1\r\nHost: localhost\r\n" + origin + "\r\n");
    return client.answer();
  };
  const auto same = ask("Origin: https://localhost\r\n");
  EXPECT_EQ(same.status, 401);
  EXPECT_TRUE(same.has("; Secure"));
  EXPECT_TRUE(ask("").has("; Secure"));
  EXPECT_EQ(ask("Origin: http://localhost\r\n").status, 403);
}

TEST(TlsSite, CarriesWebSockets) {
  const test::Certificates certificates;
  test::PublicServer server({}, {}, &certificates.write("sockets"));
  auto raw = server.connect();
  ASSERT_TRUE(raw.secure());
  raw.send(test::WsClient::upgrade(test::kEngineTarget));
  EXPECT_EQ(raw.answer(false).status, 101);
  test::WsClient client(std::move(raw));
  EXPECT_EQ(client.heard().substr(0, 8), R"(0{"sid":)");
  client.say("40");
  EXPECT_EQ(client.heard().substr(0, 9), R"(40{"sid":)");
}

/// A stream over a pair of sockets, with a client that reads when it is told to.
TEST(TlsStreamTest, SendsWhatItTookWhateverComesBehind) {
  const test::Certificates certificates;
  auto identity = std::get<TlsIdentity>(read_identity(certificates.write("pair").files()));
  observe::Metrics metrics;
  TlsMetrics counters(metrics);
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  ASSERT_EQ(::fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
  {
    TlsStream stream(*identity.context, pair[0], counters);
    auto client = test::RawClient::over(pair[1]);
    bool shaken = false;
    std::thread other([&] { shaken = client.secure(); });
    std::string scratch(20'000, '\0');
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (counters.tls13.value() == 0 && std::chrono::steady_clock::now() < until) stream.read(scratch);
    other.join();
    ASSERT_TRUE(shaken);

    std::string took;
    std::size_t taken = 0;
    for (int i = 0;; ++i) {
      std::string bytes(5000, static_cast<char>('a' + i % 26));
      std::vector<iovec> parts{{bytes.data(), 2000}, {bytes.data() + 2000, 3000}};
      const auto result = stream.write(parts, taken);
      if (result == Sink::Result::kBlocked) break;
      ASSERT_EQ(result, Sink::Result::kOk);
      took += bytes.substr(0, taken);
      bytes.assign(bytes.size(), '!');  // nobody may need them any more
    }
    EXPECT_GT(stream.waiting(), 0U);
    EXPECT_EQ(taken, 0U);
    std::thread reader([&] { client.wait(took.size()); });
    while (stream.flush() == Sink::Result::kBlocked && std::chrono::steady_clock::now() < until) {
    }
    reader.join();
    EXPECT_EQ(stream.waiting(), 0U);
    EXPECT_EQ(client.take(took.size()), took);
    stream.shutdown();
    ::shutdown(pair[0], SHUT_WR);
    EXPECT_TRUE(client.ends());
    EXPECT_TRUE(client.told_end());
  }
  ::close(pair[0]);
}

std::string mistake(const config::Tls& files) {
  const auto identity = read_identity(files);
  const auto* const wrong = std::get_if<TlsMistake>(&identity);
  return wrong ? wrong->key + ": " + wrong->message : "none";
}

TEST(ReadIdentity, SaysWhichFileIsWrongAndWhy) {
  const test::Certificates good;
  const auto files = good.write("good").files();
  EXPECT_EQ(mistake(files), "none");
  const auto in = [&](const char* name) { return good.directory() / name; };
  const auto name = [&](const char* file) { return in(file).native(); };
  EXPECT_EQ(mistake({.certificate = in("none"), .key = files.key}),
            "tls.certificate: " + name("none") + ": No such file or directory");
  EXPECT_EQ(mistake({.certificate = files.certificate, .key = in("none")}),
            "tls.key: " + name("none") + ": No such file or directory");
  EXPECT_THAT(mistake({.certificate = good.directory(), .key = files.key}), HasSubstr(": is no file of 1 MiB at most"));
  good.write_text(in("empty"), "");
  EXPECT_THAT(mistake({.certificate = in("empty"), .key = files.key}), HasSubstr("holds no PEM certificate ("));
  EXPECT_THAT(mistake({.certificate = files.certificate, .key = in("empty")}), HasSubstr("holds no PEM private key ("));
  EXPECT_THAT(mistake({.certificate = files.key, .key = files.key}), HasSubstr("holds no PEM certificate ("));
  EXPECT_EQ(mistake({.certificate = files.certificate, .key = good.encrypted_key()}),
            "tls.key: " + good.encrypted_key().native() +
                ": is encrypted, and nobody is there to be asked for its passphrase");
  const test::Certificates other;
  EXPECT_EQ(mistake({.certificate = files.certificate, .key = other.write("other").files().key}),
            "tls.key: " + other.files().key.native() + ": does not belong to the certificate in " +
                files.certificate.native());
}

TEST(ReadIdentity, RefusesAChainThatBreaksOff) {
  const test::Certificates good;
  const auto files = good.write("good").files();
  std::ifstream in(files.certificate);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  good.write_text(files.certificate, text + text + "\n");
  EXPECT_EQ(mistake(files), "none");
  good.write_text(files.certificate, text + text.substr(0, text.size() / 2));
  EXPECT_THAT(mistake(files), HasSubstr("a certificate behind the first one cannot be read"));
}

TEST(ReadIdentity, WarnsOfWhatClientsWillNotTake) {
  const test::Certificates made;
  const auto warnings = [&](long from, long to) {
    return std::get<TlsIdentity>(read_identity(made.write("w", from, to).files())).warnings;
  };
  EXPECT_THAT(warnings(-60, 60), IsEmpty());
  EXPECT_THAT(warnings(-600, -60), ElementsAre(HasSubstr("cert.pem expired at 20")));
  EXPECT_THAT(warnings(600, 6000), ElementsAre(HasSubstr("cert.pem is not valid before 20")));
  made.write("w");
  std::filesystem::permissions(made.files().key, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_THAT(std::get<TlsIdentity>(read_identity(made.files())).warnings,
              ElementsAre(HasSubstr("key.pem is open to everybody here")));
}

TEST(Tls, DoesNotBeginWithoutACertificate) {
  test::Spine spine;
  EXPECT_THROW(Tls({.certificate = "/nowhere/cert.pem", .key = "/nowhere/key.pem"}, spine.log, spine.metrics),
               std::runtime_error);
}

}  // namespace
}  // namespace pillard::transport
