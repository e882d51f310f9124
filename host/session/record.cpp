#include "session/record.h"

#include <charconv>
#include <utility>

#include "pillard/fields.h"

namespace pillard::session {

namespace {

constexpr std::uint16_t kDefaultPort = 22;

struct PlainRecord {
  std::string_view host;
  std::string_view username;
  std::string_view password;
  std::uint16_t port = 0;
  std::int64_t lastAccessed = 0;  // NOLINT: a name in the record
  PILLARD_FIELDS(PlainRecord, PILLARD_FIELD(host), PILLARD_FIELD(username), PILLARD_FIELD(password),
                 PILLARD_FIELD(port), PILLARD_FIELD(lastAccessed))
};

struct SealedRecord {
  std::string_view host;
  std::string_view username;
  std::uint16_t port = 0;
  std::int64_t lastAccessed = 0;  // NOLINT: a name in the record
  std::string sealed;
  PILLARD_FIELDS(SealedRecord, PILLARD_FIELD(host), PILLARD_FIELD(username), PILLARD_FIELD(port),
                 PILLARD_FIELD(lastAccessed), PILLARD_FIELD(sealed))
};

/// Whom the blob is for. Who can write to the store must not make a node of his own be told somebody's password. None
/// of the parts has a line break in it.
std::string context_of(std::string_view token, std::string_view host, std::uint16_t port, std::string_view username) {
  std::string context(token);
  const auto digits = std::to_string(port);
  for (const auto part : {host, std::string_view(digits), username}) {
    context += '\n';
    context += part;
  }
  return context;
}

void append_secret(std::string& to, const Secret& secret) {
  for (unsigned shift = 32; shift != 0; shift -= 8) to += static_cast<char>(secret.size() >> (shift - 8) & 0xffU);
  to += secret.reveal();
}

/// All secrets, each behind its length of four bytes.
Secret packed(const Credential& credential) {
  std::string text;
  // A buffer that grew would leave a copy behind.
  text.reserve(12 + credential.password.size() + credential.private_key.size() + credential.passphrase.size());
  append_secret(text, credential.password);
  append_secret(text, credential.private_key);
  append_secret(text, credential.passphrase);
  return Secret::take(text);
}

bool take_secret(std::string_view& from, Secret& to) {
  if (from.size() < 4) return false;
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(from[static_cast<std::size_t>(i)]);
  from.remove_prefix(4);
  if (from.size() < size) return false;
  to = Secret(from.substr(0, size));
  from.remove_prefix(size);
  return true;
}

bool unpack(const Secret& secret, Credential& to) {
  auto rest = secret.reveal();
  return take_secret(rest, to.password) && take_secret(rest, to.private_key) && take_secret(rest, to.passphrase) &&
         rest.empty();
}

Error unreadable() {
  return {Code::kUnauthenticated, "Authentication failed: the record of this session is damaged. Log in again."};
}
Error unopenable() {
  return {Code::kUnauthenticated,
          "Authentication failed: the record of this session is sealed and cannot be opened here. Log in again."};
}

template <class T>
std::optional<T> integer(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint16_t read_port(std::string_view raw) {
  if (raw == "null" || raw == R"("")") return kDefaultPort;
  if (raw.size() > 2 && raw.starts_with('"')) raw = raw.substr(1, raw.size() - 2);
  return integer<std::uint16_t>(raw).value_or(0);  // which validate() refuses
}

std::string read_text(std::string_view raw) { return raw == "null" ? std::string() : json::Reader(raw).read_string(); }

/// What stands in a record, whichever form it has. Throws json::ParseError.
struct Found {
  Credential credential;
  std::int64_t last_accessed_ms = 0;
  std::optional<std::string> sealed;

  void read(std::string_view json) {
    json::Reader reader(json);
    reader.enter_object();
    while (const auto key = reader.next_key()) {
      const auto raw = reader.read_raw();
      if (*key == "host") {
        credential.host = read_text(raw);
      } else if (*key == "username") {
        credential.username = read_text(raw);
      } else if (*key == "port") {
        credential.port = read_port(raw);
      } else if (*key == "lastAccessed") {
        last_accessed_ms = integer<std::int64_t>(raw).value_or(0);
      } else if (*key == "sealed") {
        sealed = read_text(raw);
      } else if (*key == "password") {
        auto text = read_text(raw);
        credential.password = Secret::take(text);
      }
    }
    reader.finish();
  }
};

}  // namespace

bool needs_sealing(const Credential& credential) noexcept {
  return !credential.private_key.empty() || !credential.passphrase.empty();
}

Error sealing_missing() {
  return {Code::kUnsupported,
          "This server is not set up to keep private keys: log in with a password, or ask its operator to set "
          "session.seal_key (needed for keys when sessions are kept in Redis)."};
}

std::string encode_record(const Session& session, const Sealer* sealer) {
  const auto& credential = session.credential;
  if (!sealer) {
    if (needs_sealing(credential)) throw Error(sealing_missing());
    std::string json;
    json.reserve(256 + 6 * credential.password.size());  // \u0001 at worst
    encode(json, PlainRecord{.host = credential.host,
                             .username = credential.username,
                             .password = credential.password.reveal(),
                             .port = credential.port,
                             .lastAccessed = session.last_accessed_ms});
    return json;
  }
  const auto context = context_of(session.id, credential.host, credential.port, credential.username);
  return encoded(SealedRecord{.host = credential.host,
                              .username = credential.username,
                              .port = credential.port,
                              .lastAccessed = session.last_accessed_ms,
                              .sealed = sealer->seal(packed(credential).reveal(), context)});
}

Result<Session> decode_record(std::string token, std::string_view json, const Sealer* sealer) {
  Found found;
  try {
    found.read(json);
  } catch (const json::ParseError&) {
    return unreadable();  // the error repeats a piece of the text
  }
  if (found.sealed) {
    const auto context = context_of(token, found.credential.host, found.credential.port, found.credential.username);
    const auto opened = sealer ? sealer->open(*found.sealed, context) : std::nullopt;
    if (!opened || !unpack(*opened, found.credential)) return unopenable();
  }
  auto valid = validate(std::move(found.credential));
  if (!valid) return unreadable();
  return Session{
      .id = std::move(token), .credential = std::move(valid).value(), .last_accessed_ms = found.last_accessed_ms};
}

std::optional<std::string> with_last_accessed(std::string_view json, std::int64_t unix_ms) {
  constexpr std::string_view kKey = "lastAccessed";
  std::string out;
  out.reserve(json.size() + kKey.size() + 32);
  bool told = false;
  const auto begin = [&](std::string_view key) {
    out += out.empty() ? '{' : ',';
    json::append_string(out, key);
    out += ':';
  };
  try {
    json::Reader reader(json);
    reader.enter_object();
    while (const auto key = reader.next_key()) {
      const auto raw = reader.read_raw();
      begin(*key);
      if (*key == kKey) {
        out += std::to_string(unix_ms);
      } else {
        out += raw;
      }
      told = told || *key == kKey;
    }
    reader.finish();
  } catch (const json::ParseError&) {
    wipe(out);
    return std::nullopt;
  }
  if (!told) {
    begin(kKey);
    out += std::to_string(unix_ms);
  }
  out += '}';
  return out;
}

}  // namespace pillard::session
