#include "session/record.h"

#include <gmock/gmock.h>

namespace pillard::session {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kToken = "b3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b42";
constexpr std::string_view kElse = "c3f1c2ae-07d4-4e0b-9c59-6f0d5a1e7b42";
constexpr std::string_view kKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";

Sealer sealer(char digit = 'a') { return std::move(Sealer::from_text(std::string(64, digit))).value(); }

Session with_password() {
  return {.id = std::string(kToken),
          .credential = {.host = "node.example", .port = 2222, .username = "eth", .password = Secret("hun\"ter2")},
          .last_accessed_ms = 1732100000123};
}
Session with_key() {
  auto session = with_password();
  session.credential.password = Secret();
  session.credential.private_key = Secret(kKey);
  session.credential.passphrase = Secret("open sesame");
  return session;
}
Session read(std::string_view json, const Sealer* with = nullptr) {
  return std::move(decode_record(std::string(kToken), json, with)).value();
}
std::string refusal(std::string_view json, const Sealer* with = nullptr, std::string_view token = kToken) {
  const auto session = decode_record(std::string(token), json, with);
  if (session) return "";
  EXPECT_EQ(session.error().code(), Code::kUnauthenticated);
  return session.error().what();
}

TEST(Record, IsWhatTheOldServerWrites) {
  EXPECT_EQ(encode_record(with_password(), nullptr),
            R"({"host":"node.example","username":"eth","password":"hun\"ter2","port":2222,)"
            R"("lastAccessed":1732100000123})");
}
TEST(Record, IsReadAsItWasWritten) {
  const auto session = read(encode_record(with_password(), nullptr));
  EXPECT_EQ(session.id, kToken);
  EXPECT_EQ(session.credential.host, "node.example");
  EXPECT_EQ(session.credential.port, 2222);
  EXPECT_EQ(session.credential.username, "eth");
  EXPECT_EQ(session.credential.password.reveal(), "hun\"ter2");
  EXPECT_EQ(session.last_accessed_ms, 1732100000123);
}
TEST(Record, ToleratesWhatOthersWrite) {
  const auto session = read(
      R"({ "extra":[{"host":"no"}], "password":"p", "lastAccessed":1.5, "username":"eth", "host":"Node.", "more":null })");
  EXPECT_EQ(session.credential.host, "node");
  EXPECT_EQ(session.credential.port, 22);
  EXPECT_EQ(session.last_accessed_ms, 0);
}
TEST(Record, TakesThePortAsANumberOrAsDigits) {
  const auto port = [](const std::string& raw) {
    const auto session =
        decode_record(std::string(kToken), R"({"host":"h","username":"u","password":"p","port":)" + raw + "}", nullptr);
    return session ? session->credential.port : 0;
  };
  EXPECT_EQ(port("2222"), 2222);
  EXPECT_EQ(port(R"("2222")"), 2222);
  EXPECT_EQ(port("null"), 22);
  EXPECT_EQ(port(R"("")"), 22);
  for (const auto* bad : {"0", "65536", "-1", "22.5", R"("22x")", R"(" 22")", R"("\u0032")", "{}", "true", "\"\\\""})
    EXPECT_EQ(port(bad), 0) << bad;
}
TEST(Record, IsRefusedWhenItIsDamaged) {
  for (const auto* bad :
       {"", "null", "[]", "{", R"({"host":"h"})", R"({"host":"h","username":"u"})",
        R"({"host":"h","username":"u","password":"p"}x)", R"({"host":1,"username":"u","password":"p"})",
        R"({"host":"h;id","username":"u","password":"p"})", "\xff"})
    EXPECT_THAT(refusal(bad), HasSubstr("Log in again")) << bad;
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("damaged"));
}
TEST(Record, NeverRepeatsItselfInARefusal) {
  EXPECT_THAT(refusal(R"({"host":"h","username":"u","password":"hunter2","password":"hunter2)"),
              Not(HasSubstr("hunter")));
}

TEST(SealedRecord, ShowsWhoAndWhenButNoSecret) {
  const auto with = sealer();
  const auto json = encode_record(with_password(), &with);
  EXPECT_TRUE(json.starts_with(
      R"({"host":"node.example","username":"eth","port":2222,"lastAccessed":1732100000123,"sealed":"v1.)"))
      << json;
  EXPECT_THAT(json, Not(HasSubstr("ter2")));
  EXPECT_THAT(json, Not(HasSubstr("password")));
}
TEST(SealedRecord, IsReadAsItWasWritten) {
  const auto with = sealer();
  const auto session = read(encode_record(with_key(), &with), &with);
  EXPECT_EQ(session.credential.host, "node.example");
  EXPECT_EQ(session.credential.port, 2222);
  EXPECT_TRUE(session.credential.password.empty());
  EXPECT_EQ(session.credential.private_key.reveal(), kKey);
  EXPECT_EQ(session.credential.passphrase.reveal(), "open sesame");
  EXPECT_EQ(session.last_accessed_ms, 1732100000123);
}
TEST(SealedRecord, StandsBesidePlainOnes) {
  const auto with = sealer();
  EXPECT_EQ(read(encode_record(with_password(), nullptr), &with).credential.password.reveal(), "hun\"ter2");
}
TEST(SealedRecord, IsTheOnlyFormOfAKey) {
  auto session = with_key();
  EXPECT_TRUE(needs_sealing(session.credential));
  EXPECT_FALSE(needs_sealing(with_password().credential));
  try {
    static_cast<void>(encode_record(session, nullptr));
    FAIL() << "a key was written as it is";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("session.seal_key"));
  }
}
TEST(SealedRecord, DoesNotOpenUnderAnotherToken) {
  const auto with = sealer();
  EXPECT_THAT(refusal(encode_record(with_key(), &with), &with, kElse), HasSubstr("cannot be opened"));
}
TEST(SealedRecord, DoesNotOpenForAnotherNode) {
  const auto with = sealer();
  const auto json = encode_record(with_password(), &with);
  const auto changed = [&](std::string_view from, std::string_view to) {
    auto text = json;
    text.replace(text.find(from), from.size(), to);
    return refusal(text, &with);
  };
  EXPECT_THAT(changed("node.example", "evil.example"), HasSubstr("cannot be opened"));
  EXPECT_THAT(changed("2222", "2223"), HasSubstr("cannot be opened"));
  EXPECT_THAT(changed(R"("eth")", R"("root")"), HasSubstr("cannot be opened"));
}
TEST(SealedRecord, DoesNotOpenWithAnotherKeyOrNone) {
  const auto with = sealer();
  const auto other = sealer('b');
  const auto json = encode_record(with_key(), &with);
  EXPECT_THAT(refusal(json, &other), HasSubstr("cannot be opened"));
  EXPECT_THAT(refusal(json), HasSubstr("cannot be opened"));
}
TEST(SealedRecord, IsRefusedWhenWhatWasSealedIsNoneOfIts) {
  const auto with = sealer();
  const auto context = std::string(kToken) + "\nh\n22\nu";
  for (const auto& plain : {std::string(), std::string(11, '\0'), std::string(13, '\0'), std::string(12, '\xff')}) {
    const auto json = R"({"host":"h","username":"u","sealed":")" + with.seal(plain, context) + "\"}";
    EXPECT_THAT(refusal(json, &with), HasSubstr("cannot be opened"));
  }
  const auto empty = R"({"host":"h","username":"u","sealed":")" + with.seal(std::string(12, '\0'), context) + "\"}";
  EXPECT_THAT(refusal(empty, &with), HasSubstr("damaged"));
}

TEST(LastAccessed, IsChangedInPlace) {
  EXPECT_EQ(with_last_accessed(R"({"host":"h","lastAccessed":1,"x":[1.0, {"a":"\u00e9"}]})", 1732100000123),
            R"({"host":"h","lastAccessed":1732100000123,"x":[1.0, {"a":"\u00e9"}]})");
}
TEST(LastAccessed, IsAddedWhereItIsMissing) {
  EXPECT_EQ(with_last_accessed("{}", 5), R"({"lastAccessed":5})");
  EXPECT_EQ(with_last_accessed(R"({"host":"h"})", 5), R"({"host":"h","lastAccessed":5})");
}
TEST(LastAccessed, KeepsASealedRecordReadable) {
  const auto with = sealer();
  const auto json = with_last_accessed(encode_record(with_key(), &with), 7);
  ASSERT_TRUE(json);
  EXPECT_EQ(read(*json, &with).last_accessed_ms, 7);
  EXPECT_EQ(read(*json, &with).credential.passphrase.reveal(), "open sesame");
}
TEST(LastAccessed, IsForObjectsOnly) {
  for (const auto* bad : {"", "[]", "1", "{", R"({"a":1}x)"}) EXPECT_FALSE(with_last_accessed(bad, 1)) << bad;
}

}  // namespace
}  // namespace pillard::session
