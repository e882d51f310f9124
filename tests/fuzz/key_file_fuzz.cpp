// Private key files, as anybody may send them with a login: the input is one, or what the armour of one holds. What is
// told of it never repeats it.
#include "fuzz/fuzz.h"
#include "session/credential.h"
#include "ssh/key_file.h"
#include "wire/base64.h"

namespace pillard::fuzz {

namespace {

void check(const std::string& text) {
  auto valid = session::validate(
      {.host = "node", .username = "eth", .password = {}, .private_key = session::Secret(text), .passphrase = {}});
  if (!valid) return;
  const auto file = ssh::KeyFile::read(valid->private_key.reveal());
  if (!file) {
    FUZZ_REQUIRE(file.error().code() == Code::kBadRequest || file.error().code() == Code::kUnsupported);
    FUZZ_REQUIRE(std::string_view(file.error().what()).size() < 300);
    return;
  }
  // An encrypted one would be opened for seconds.
  if (file->format() != ssh::KeyFile::Format::kOpenSsh || file->encrypted()) return;
  const auto part = file->open("");
  if (!part) return;
  ssh::SshFields fields(part->reveal());
  std::size_t seen = 0;
  while (const auto field = fields.string()) seen += 4 + field->size();
  FUZZ_REQUIRE(seen <= part->size());
}

std::string armour(const std::string& label, std::string_view bytes) {
  std::string text = "-----BEGIN " + label + "-----\n";
  wire::append_base64(text, bytes);
  return text + "\n-----END " + label + "-----\n";
}

}  // namespace

void run(std::string_view input) {
  check(std::string(input));
  check(armour("OPENSSH PRIVATE KEY", input));
  check(armour("ENCRYPTED PRIVATE KEY", input));
}

}  // namespace pillard::fuzz
