// Records of sessions, as they stand in Redis, written by anybody: what is taken is a valid login, and is read again
// from what this daemon writes of it, sealed or not.
#include "fuzz/fuzz.h"
#include "pillard/json.h"
#include "session/record.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

const std::string kToken = "55baf605-cffa-4e28-80eb-46efb2509a74";

const session::Sealer& sealer() {
  static const auto sealer =
      session::Sealer::from_text("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  return *sealer;
}

void check_same(const session::Session& a, const session::Session& b) {
  FUZZ_REQUIRE(a.id == b.id && a.last_accessed_ms == b.last_accessed_ms);
  FUZZ_REQUIRE(session::lane_key(a.credential) == session::lane_key(b.credential));
}

void check(const session::Session& read, const session::Sealer* with) {
  const auto text = session::encode_record(read, with);
  FUZZ_REQUIRE(json::valid(text));
  const auto again = session::decode_record(kToken, text, with);
  FUZZ_REQUIRE(again.ok());
  check_same(*again, read);
  if (!with) return;
  FUZZ_REQUIRE(!session::decode_record(kToken, text, nullptr).ok());
  FUZZ_REQUIRE(!session::decode_record("another", text, with).ok());
}

}  // namespace

void run(std::string_view input) {
  const auto later = session::with_last_accessed(input, 1'732'100'000'000);
  if (later) FUZZ_REQUIRE(json::valid(*later));
  const auto read = session::decode_record(kToken, input, &sealer());
  if (!read) {
    FUZZ_REQUIRE(wire::is_utf8(read.error().what()));
    return;
  }
  FUZZ_REQUIRE(json::valid(input) && later);
  const auto touched = session::decode_record(kToken, *later, &sealer());
  FUZZ_REQUIRE(touched.ok() && touched->last_accessed_ms == 1'732'100'000'000);
  FUZZ_REQUIRE(session::lane_key(touched->credential) == session::lane_key(read->credential));
  const bool open = !session::needs_sealing(read->credential);
  // Without a sealer only what needs none can be read, and is read alike.
  if (const auto plain = session::decode_record(kToken, input, nullptr)) check_same(*plain, *read);
  check(*read, &sealer());
  if (open) check(*read, nullptr);
}

}  // namespace pillard::fuzz
