#include "ssh/host_keys.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <utility>

#include "ssh/known_hosts.h"

namespace pillard::ssh {

namespace {

struct Type {
  int known_as;
  std::string_view methods;
};
/// In the order in which they are asked for where nothing is known.
constexpr std::array kTypes{
    Type{LIBSSH2_KNOWNHOST_KEY_ED25519, "ssh-ed25519"},
    Type{LIBSSH2_KNOWNHOST_KEY_ECDSA_256, "ecdsa-sha2-nistp256"},
    Type{LIBSSH2_KNOWNHOST_KEY_ECDSA_384, "ecdsa-sha2-nistp384"},
    Type{LIBSSH2_KNOWNHOST_KEY_ECDSA_521, "ecdsa-sha2-nistp521"},
    Type{LIBSSH2_KNOWNHOST_KEY_SSHRSA, "rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
};

Error changed(const std::string& name, const std::string& shown) {
  return {Code::kConflict,
          fmt::format("The host key of {} has changed: it now shows {}. Somebody may be in between, or the node was "
                      "reinstalled. If you know that it was, have the old key removed from this server's known_hosts "
                      "(ssh-keygen -R '{}' -f known_hosts) and connect again.",
                      name, shown, name)};
}

Error revoked(const std::string& name, const std::string& shown) {
  return {Code::kAccessDenied,
          fmt::format("The host key that {} shows ({}) is marked as revoked in this server's known_hosts. Give the "
                      "node a new one (ssh-keygen -A).",
                      name, shown)};
}

Error not_known(const std::string& name, const std::string& shown) {
  return {Code::kAccessDenied,
          fmt::format("{} is not in this server's known_hosts, and only known nodes are allowed ([ssh] host_keys = "
                      "strict). It shows {}: if that is its key, have it added (ssh-keyscan shows the line).",
                      name, shown)};
}

}  // namespace

std::optional<HostKeyMode> parse_host_key_mode(std::string_view text) noexcept {
  if (text == "accept-new") return HostKeyMode::kAcceptNew;
  if (text == "strict") return HostKeyMode::kStrict;
  if (text == "off") return HostKeyMode::kOff;
  return std::nullopt;
}

std::string fingerprint(std::string_view blob) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(blob.data(), blob.size(), hash.data(), &size, EVP_sha256(), nullptr);
  auto text = base64({reinterpret_cast<const char*>(hash.data()), size});
  while (text.ends_with('=')) text.pop_back();
  return "SHA256:" + text;
}

HostKeys::HostKeys(Options options) : options_(std::move(options)) {
  if (libssh2_init(0) != 0) throw std::runtime_error("libssh2 can't be initialised");
}

HostKeys::~HostKeys() {
  known_.reset();
  libssh2_exit();
}

HostKeyCheck HostKeys::check(std::string_view host, std::uint16_t port, std::string_view blob) {
  std::unique_lock lock(mutex_);
  refresh();
  auto result = judge(name_in_file(host, port), blob);
  tell(std::move(lock));
  return result;
}

std::optional<Error> HostKeys::pin(std::string_view host, std::uint16_t port, std::string_view blob) {
  std::unique_lock lock(mutex_);
  refresh();
  auto refusal = pin_locked(name_in_file(host, port), blob);
  tell(std::move(lock));
  return refusal;
}

std::string HostKeys::preferred_types(std::string_view host, std::uint16_t port) {
  std::unique_lock lock(mutex_);
  refresh();
  const auto name = name_in_file(host, port);
  std::string first;
  std::string others;
  for (const auto& type : kTypes) {
    auto& list = known_->knows_type(name, type.known_as) ? first : others;
    if (!list.empty()) list.push_back(',');
    list += type.methods;
  }
  tell(std::move(lock));
  return first.empty() || others.empty() ? first + others : first + "," + others;
}

HostKeyCheck HostKeys::judge(const std::string& name, std::string_view blob) {
  HostKeyCheck result;
  result.fingerprint = fingerprint(blob);
  if (!known_->readable()) {
    result.refusal = Error(Code::kInternal, "This server can't read its known_hosts file; its log says why.");
  } else if (type_of(blob).empty()) {
    result.refusal = Error(Code::kDisconnected, name + " shows a host key that makes no sense.");
  } else if (known_->revoked(blob)) {
    result.verdict = HostKeyVerdict::kRevoked;
    result.refusal = revoked(name, result.fingerprint);
  } else {
    switch (known_->match(name, blob)) {
      case KnownHosts::Match::kMatch: result.verdict = HostKeyVerdict::kMatch; break;
      case KnownHosts::Match::kUnknown:
        if (options_.mode == HostKeyMode::kStrict) result.refusal = not_known(name, result.fingerprint);
        break;
      case KnownHosts::Match::kOther:
        result.verdict = HostKeyVerdict::kChanged;
        if (options_.mode != HostKeyMode::kOff) result.refusal = changed(name, result.fingerprint);
        break;
    }
  }
  return result;
}

std::optional<Error> HostKeys::pin_locked(const std::string& name, std::string_view blob) {
  auto result = judge(name, blob);
  const auto decided = [&] {
    return result.refusal || result.verdict != HostKeyVerdict::kUnknown || options_.mode != HostKeyMode::kAcceptNew;
  };
  if (decided()) return result.refusal;

  if (known_->size() >= options_.most) {
    untold_.push_back(
        fmt::format("More than {} host keys: no further node can be pinned, and none that is new be "
                    "logged in to. Remove those that are not needed any more.",
                    options_.most));
    return Error(Code::kOverloaded,
                 fmt::format("{} is a new node, and this server remembers as many host keys as it may ({}): have old "
                             "ones removed from its known_hosts.",
                             name, options_.most));
  }
  const auto line = fmt::format("{} {} {}", name, type_of(blob), base64(blob));
  if (options_.file.empty()) {
    remember(line, "");
    return std::nullopt;
  }
  KnownHostsWriter writer(options_.file);
  if (writer.problem().empty()) {
    // Another daemon may have written between our reading and our lock.
    refresh();
    result = judge(name, blob);
    if (decided()) return result.refusal;
  }
  if (!writer.append(line)) remember(line, writer.problem());
  return std::nullopt;
}

void HostKeys::refresh() {
  if (known_ && known_->stamp() == KnownHosts::stamp_of(options_.file)) return;
  known_ = std::make_unique<KnownHosts>(options_.file, in_memory_);
  for (const auto& warning : known_->warnings()) untold_.push_back(warning);
}

void HostKeys::remember(const std::string& line, const std::string& why_not_written) {
  if (!why_not_written.empty()) {
    untold_.push_back(
        fmt::format("{} can't be written ({}): host keys of new nodes are remembered until the daemon "
                    "ends, and no longer.",
                    options_.file, why_not_written));
  }
  in_memory_.push_back(line);
  known_.reset();
  refresh();
}

void HostKeys::tell(std::unique_lock<std::mutex> lock) {
  std::vector<std::string> fresh;
  for (auto& warning : std::exchange(untold_, {})) {
    if (told_.insert(warning).second) fresh.push_back(std::move(warning));
  }
  lock.unlock();
  for (const auto& warning : fresh) options_.warn(warning);
}

}  // namespace pillard::ssh
