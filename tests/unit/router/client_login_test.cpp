// Who a client is: the words and the order that old dashboards rely on.
#include <gmock/gmock.h>

#include "unit/router/fixture.h"

namespace pillard::router {
namespace {

using testing::ElementsAre;
using Lines = std::vector<std::string>;

constexpr auto kDead = R"(error({"message":"Invalid or expired session","code":"unauthenticated"}))";

class LoginTest : public testing::Test {
 protected:
  LoginTest() { spine.reactors.start(); }
  ~LoginTest() override {
    spine.stop();
    sockets.stop();
  }
  session::SessionPtr log_in() { return spine.log_in(spine.credential()); }
  static std::string quoted(const std::string& text) { return '"' + text + '"'; }

  test::Spine spine{{.reactors = 2}};
  test::MoodyStore store{spine.store};
  Sockets sockets{test::services_of(spine, store)};
};

TEST_F(LoginTest, OpensWithoutATokenButNotFromInside) {
  test::Guest guest(sockets, spine.reactors[0]);
  guest.open("");
  EXPECT_THAT(guest.heard.wait(2), ElementsAre("asked", "opened well"));
  test::on(guest.home, [&] { EXPECT_FALSE(guest.client->authenticated()); });
}

TEST_F(LoginTest, WithAGoodTokenOpensFirstAndThenSaysAuthenticated) {
  const auto session = log_in();
  test::Guest guest(sockets, spine.reactors[1]);
  guest.open(session->id);
  EXPECT_THAT(guest.heard.wait(3), ElementsAre("asked", "opened well", "authenticated()"));
  test::on(guest.home, [&] { EXPECT_TRUE(guest.client->authenticated()); });
}

TEST_F(LoginTest, RefusesATokenThatNobodyHas) {
  test::Guest guest(sockets, spine.reactors[0]);
  guest.open(session::new_token());
  EXPECT_EQ(guest.last(2), "opened Authentication error: Invalid or expired session.");
}

TEST_F(LoginTest, RefusesWhatIsNoTokenInTheSameWords) {
  for (const auto* text : {"x", "' OR 1=1", "../../etc/passwd"}) {
    test::Guest guest(sockets, spine.reactors[0]);
    guest.open(text);
    EXPECT_EQ(guest.last(2), "opened Authentication error: Invalid or expired session.");
  }
}

TEST_F(LoginTest, SaysWhenTheStoreIsAway) {
  const auto session = log_in();
  store.away = true;
  test::Guest guest(sockets, spine.reactors[0]);
  guest.open(session->id);
  EXPECT_EQ(guest.last(2), "opened Authentication error: Server error during validation.");
  store.away = false;
}

TEST_F(LoginTest, TakesATokenLater) {
  const auto session = log_in();
  test::Guest guest(sockets, spine.reactors[0]);
  guest.ask("authenticate", quoted(session->id));
  EXPECT_THAT(guest.heard.wait(2), ElementsAre("authenticated()", "authenticate: true"));
}

TEST_F(LoginTest, RepeatsThatItIsAuthenticatedForTheSameToken) {
  const auto session = log_in();
  test::Guest guest(sockets, spine.reactors[0]);
  guest.open(session->id);
  ASSERT_EQ(guest.last(3), "authenticated()");
  guest.ask("authenticate", quoted(session->id));
  EXPECT_THAT(guest.heard.wait(5),
              ElementsAre("asked", "opened well", "authenticated()", "authenticated()", "authenticate: true"));
}

TEST_F(LoginTest, RefusesAnotherTokenThanItsOwn) {
  const auto session = log_in();
  const auto other = log_in();
  test::Guest guest(sockets, spine.reactors[0]);
  guest.open(session->id);
  ASSERT_EQ(guest.last(3), "authenticated()");
  guest.ask("authenticate", quoted(other->id));
  EXPECT_EQ(guest.last(4), R"(error({"message":"Authentication token mismatch.","code":"unauthenticated"}))");
  EXPECT_EQ(guest.last(5), "authenticate: false");
  test::on(guest.home, [&] { EXPECT_TRUE(guest.client->authenticated()) << "it stays who it is"; });
}

TEST_F(LoginTest, RefusesADeadToken) {
  test::Guest guest(sockets, spine.reactors[0]);
  guest.ask("authenticate", quoted(session::new_token()));
  EXPECT_THAT(guest.heard.wait(2), ElementsAre(kDead, "authenticate: false"));
}

TEST_F(LoginTest, RefusesATokenThatIsNoString) {
  test::Guest guest(sockets, spine.reactors[0]);
  for (const auto* params : {"", "null", "5", "{}", "[\"a\"]"}) guest.ask("authenticate", params);
  const auto heard = guest.heard.wait(10);
  ASSERT_EQ(heard.size(), 10U);
  for (std::size_t i = 0; i < heard.size(); i += 2) {
    EXPECT_EQ(heard[i], kDead);
    EXPECT_EQ(heard[i + 1], "authenticate: false");
  }
}

TEST_F(LoginTest, SaysInTheEventThatTheStoreIsAway) {
  store.away = true;
  test::Guest guest(sockets, spine.reactors[0]);
  guest.ask("authenticate", quoted(session::new_token()));
  EXPECT_THAT(guest.heard.wait(2),
              ElementsAre(R"(error({"message":"Authentication error: Server error during validation.",)"
                          R"("code":"disconnected"}))",
                          "authenticate: false"));
  store.away = false;
}

TEST_F(LoginTest, KeepsTheOrderOfWhatIsSentBehindAToken) {
  const auto session = log_in();
  store.hold = true;
  test::Guest guest(sockets, spine.reactors[0]);
  test::on(guest.home, [&] {
    guest.ask_here("authenticate", quoted(session->id));
    guest.ask_here("subscribe_status");
    guest.ask_here("no_such_type");
    guest.ask_here("authenticate", quoted(session->id));
    guest.ask_here("unsubscribe_status");
    EXPECT_TRUE(guest.heard.lines().empty());
    store.release();
  });
  EXPECT_THAT(guest.heard.wait(7),
              ElementsAre("authenticated()", "authenticate: true", R"(subscribe_status: {"data":null})",
                          testing::StartsWith(R"(no_such_type: {"error":{"message":)"), "authenticated()",
                          "authenticate: true", R"(unsubscribe_status: {"data":null})"));
}

TEST_F(LoginTest, WaitsAnewForASecondTokenAmongTheMessagesThatWaited) {
  const auto session = log_in();
  store.hold = true;
  test::Guest guest(sockets, spine.reactors[0]);
  test::on(guest.home, [&] {
    guest.ask_here("authenticate", quoted(session::new_token()));
    guest.ask_here("unsubscribe_status");
    guest.ask_here("authenticate", quoted(session->id));
    guest.ask_here("unsubscribe_status");
    store.release();
  });
  EXPECT_THAT(guest.heard.wait(6),
              ElementsAre(kDead, "authenticate: false",
                          R"(unsubscribe_status: {"error":{"message":"Not authenticated.","code":"unauthenticated"}})",
                          "authenticated()", "authenticate: true", R"(unsubscribe_status: {"data":null})"));
}

TEST_F(LoginTest, BoundsWhatWaitsForATokenByNumber) {
  store.hold = true;
  test::Guest guest(sockets, spine.reactors[0]);
  test::on(guest.home, [&] {
    guest.ask_here("authenticate", quoted(session::new_token()));
    for (std::size_t i = 0; i <= Client::kMaxWaiting; ++i) guest.ask_here("no_such_type");
  });
  EXPECT_THAT(guest.heard.lines(),
              ElementsAre(R"(no_such_type: {"error":{"message":"Too many messages before the answer to the token.",)"
                          R"("code":"overloaded"}})"));
  test::on(guest.home, [&] { store.release(); });
  EXPECT_EQ(guest.heard.wait(Client::kMaxWaiting + 3).size(), Client::kMaxWaiting + 3);
}

TEST_F(LoginTest, BoundsWhatWaitsForATokenByBytes) {
  store.hold = true;
  test::Guest guest(sockets, spine.reactors[0]);
  const auto large = quoted(std::string(Client::kMaxWaitingBytes / 2, 'x'));
  test::on(guest.home, [&] {
    guest.ask_here("authenticate", quoted(session::new_token()));
    guest.ask_here("one", large);
    EXPECT_TRUE(guest.heard.lines().empty());
    guest.ask_here("two", large);
    EXPECT_EQ(guest.heard.lines().size(), 1U);
    store.release();
  });
  EXPECT_THAT(guest.heard.wait(4).back(), testing::StartsWith("one: ")) << "what fitted is carried out";
  test::on(guest.home, [&] {
    store.hold = true;
    guest.ask_here("authenticate", quoted(session::new_token()));
    guest.ask_here("three", large);
    EXPECT_EQ(guest.heard.lines().size(), 4U) << "room that was given back";
  });
}

TEST_F(LoginTest, AnswersNobodyWhoLeftDuringTheLookUp) {
  const auto session = log_in();
  store.hold = true;
  test::Guest guest(sockets, spine.reactors[0]);
  guest.open(session->id);
  guest.leave();
  test::on(guest.home, [&] { store.release(); });
  test::on(guest.home, [] {});
  EXPECT_THAT(guest.heard.lines(), ElementsAre("asked"));
}

TEST_F(LoginTest, ClosesAllClientsOfASessionThatEndsAndNoOthers) {
  const auto session = log_in();
  const auto other = log_in();
  test::Guest one(sockets, spine.reactors[0]);
  test::Guest two(sockets, spine.reactors[1]);
  test::Guest three(sockets, spine.reactors[1]);
  test::Guest stays(sockets, spine.reactors[1]);
  for (auto* guest : {&one, &two, &three}) guest->open(session->id);
  stays.open(other->id);
  for (auto* guest : {&one, &two, &three, &stays}) ASSERT_EQ(guest->last(3), "authenticated()");
  one.ask("subscribe_status");
  spine.log_out(session->id);
  for (auto* guest : {&one, &two, &three}) {
    EXPECT_TRUE(guest->heard.wait_for("closed: session ended"));
    EXPECT_TRUE(guest->heard.wait_for(kDead));
    test::on(guest->home, [&] { EXPECT_FALSE(guest->client->authenticated()); });
  }
  test::on(stays.home, [&] { EXPECT_TRUE(stays.client->authenticated()); });
  EXPECT_EQ(stays.heard.lines().size(), 3U);
  EXPECT_EQ(spine.hub->metrics().subscriptions.value(), 0);
}

TEST_F(LoginTest, ClosesAClientWhoseSessionEndsWhileItsTokenIsLookedUp) {
  const auto session = log_in();
  test::Guest guest(sockets, spine.reactors[0]);
  test::on(guest.home, [&] {
    guest.ask_here("authenticate", quoted(session->id));
    store.remove(guest.home, session->id, [](const auto&) {});
  });
  EXPECT_TRUE(guest.heard.wait_for("closed: session ended"));
}

}  // namespace
}  // namespace pillard::router
