#include "ssh/login.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace pillard::ssh {

namespace {
constexpr std::size_t kAllow = 256 * 1024;  // more than a login ever takes

Address to_address(const Poco::Net::SocketAddress& from) {
  Address result;
  result.length = from.length();
  std::memcpy(&result.storage, from.addr(), from.length());
  return result;
}

bool lists(std::string_view methods, std::string_view method) {
  while (!methods.empty()) {
    const auto comma = methods.find(',');
    if (methods.substr(0, comma) == method) return true;
    if (comma == std::string_view::npos) break;
    methods.remove_prefix(comma + 1);
  }
  return false;
}
}  // namespace

void Gate::enter(Guest& guest, std::string node, Rank rank) {
  const auto place =
      std::find_if(waiting_.begin(), waiting_.end(), [rank](const Visit& visit) { return visit.rank > rank; });
  waiting_.insert(place, Visit{&guest, std::move(node), rank});
  admit();
}

void Gate::leave(Guest& guest) {
  const auto is_guest = [&guest](const Visit& visit) { return visit.guest == &guest; };
  std::erase_if(waiting_, is_guest);
  if (std::erase_if(inside_, is_guest) > 0) admit();
}

void Gate::admit() {
  while (inside_.size() < places_) {
    const auto next =
        std::find_if(waiting_.begin(), waiting_.end(), [this](const Visit& visit) { return has_place(visit); });
    if (next == waiting_.end()) return;
    auto& guest = *next->guest;
    inside_.push_back(std::move(*next));
    waiting_.erase(next);
    guest.admitted();
  }
}

bool Gate::has_place(const Visit& visit) const {
  return std::count_if(inside_.begin(), inside_.end(), [&](const Visit& other) { return other.node == visit.node; }) <
         static_cast<std::ptrdiff_t>(places_per_node_);
}

/// Shared with jobs; read and written on the lane only.
struct Login::Home {
  Login* login;
};

/// What a worker gets: everything it needs, shared with nobody, and room for its answer.
struct Login::Job {
  std::unique_ptr<Transport> transport;
  std::unique_ptr<PrivateKey> key;
  std::shared_ptr<const session::Credential> credential;
  HostKeys* host_keys;
  std::string methods;
  int result = 0;
  std::optional<Error> refusal;
};

Login::Login(LoginMeans& means, std::shared_ptr<const session::Credential> credential, Gate::Rank rank, Done done)
    : means_(means),
      credential_(std::move(credential)),
      rank_(rank),
      done_(std::move(done)),
      where_(session::node_key(*credential_)),
      home_(std::make_shared<Home>(Home{this})) {
  means_.metrics->logins_in_flight.add();
  lookup_ = means_.resolver.resolve(means_.reactor, credential_->host, credential_->port,
                                    [this](Result<Addresses> addresses) { resolved(std::move(addresses)); });
}

Login::~Login() {
  home_->login = nullptr;
  watch_.reset();
  if (at_gate_) means_.handshakes.leave(*this);
  means_.metrics->logins_in_flight.sub();
}

void Login::resolved(Result<Addresses> addresses) {
  if (!addresses) return refuse(addresses.error());
  means_.metrics->logins.add();
  Connector::Target target;
  target.where = where_;
  target.timeout = means_.options.connect_timeout;
  target.unacknowledged = means_.options.keepalive;
  std::transform(addresses->begin(), addresses->end(), std::back_inserter(target.addresses), to_address);
  connector_.emplace(means_.reactor, std::move(target), [this](Fd fd, std::optional<Error> error) {
    if (error) return refuse(*error);
    connected(std::move(fd));
  });
}

void Login::connected(Fd fd) {
  transport_ = std::make_unique<Transport>(std::move(fd), where_,
                                           Transport::Limits{.memory = means_.options.session_memory}, means_.metrics);
  // The types that the node is known by first, or one that has several keys could answer with an unknown one.
  give_to_worker(
      [](Job& job) {
        const auto types = job.host_keys->preferred_types(job.credential->host, job.credential->port);
        job.result = job.transport->prefer_host_keys(types) ? 0 : LIBSSH2_ERROR_METHOD_NONE;
      },
      &Login::typed);
}

void Login::typed(Job& job) {
  if (job.result != 0) return refuse(transport_->failure(job.result));
  at_gate_ = true;
  timer_ = means_.reactor.after(means_.options.connect_timeout + means_.options.handshake_timeout, [this] {
    refuse({Code::kOverloaded, "Too many logins are under way: the one to " + where_ + " had to wait for too long."});
  });
  means_.handshakes.enter(*this, where_, rank_);
}

void Login::admitted() {
  const auto most = means_.options.handshake_timeout;
  const auto first = std::min(means_.options.banner_timeout, most);
  timer_ = means_.reactor.after(first, [this, left = most - first] {
    constexpr auto kWhat = "does not finish the SSH handshake";
    transport_->speaks_ssh() ? limit(left, kWhat) : late(kWhat);
  });
  // Not at once: whoever leaves the gate is not to run another one's handshake, nor its end.
  watch_ = try_watch(means_.reactor, transport_->fd(), EPOLLIN | EPOLLOUT, *this);
  if (watch_) return;
  timer_ = means_.reactor.after(std::chrono::milliseconds(0), [this] { refuse(socket_error(ENOMEM, where_)); });
}

void Login::ready(std::uint32_t /*events*/) {
  if (shaken_) return authenticate();
  shake_hands();
}

/// Writes what libssh2 said and goes on when the node has answered.
void Login::wait_for_node() {
  transport_->flush();
  if (transport_->ended()) return refuse(transport_->failure());
  const std::uint32_t events = transport_->writes_wait() ? EPOLLIN | EPOLLOUT : EPOLLIN;
  if (watch_) return watch_.want(events);
  watch_ = try_watch(means_.reactor, transport_->fd(), events, *this);
  if (!watch_) refuse(socket_error(ENOMEM, where_));
}

void Login::shake_hands() {
  transport_->allow(kAllow);
  const int result = transport_->handshake();
  if (result == LIBSSH2_ERROR_EAGAIN) return wait_for_node();
  if (result != 0) {
    transport_->flush();
    return refuse(transport_->failure(result));
  }
  shaken_ = true;
  at_gate_ = false;
  means_.handshakes.leave(*this);
  limit(means_.options.login_timeout, "does not answer the login");
  give_to_worker(
      [](Job& job) {
        std::size_t size = 0;
        int type = 0;
        const char* key = libssh2_session_hostkey(job.transport->session(), &size, &type);
        const auto check = job.host_keys->check(job.credential->host, job.credential->port,
                                                key == nullptr ? std::string_view() : std::string_view(key, size));
        job.refusal = check.refusal;
      },
      &Login::key_checked);
}

void Login::key_checked(Job& job) {
  if (job.refusal) return refuse(*job.refusal);
  list_methods();
}

void Login::list_methods() {
  step_ = [](Job& job) {
    const auto& user = job.credential->username;
    auto* session = job.transport->session();
    const char* methods = libssh2_userauth_list(session, user.data(), static_cast<unsigned>(user.size()));
    if (methods != nullptr) job.methods = methods;
    if (methods == nullptr && libssh2_userauth_authenticated(session) == 0)
      job.result = libssh2_session_last_errno(session);
  };
  authenticate();
}

/// Chooses among what the node takes and the user has given.
void Login::choose() {
  const auto& credential = *credential_;
  // Who saw the key proved and wants one still did not take it, and is not given the password.
  if (key_tried_ && lists(methods_, "publickey")) return refuse(key_refused());
  if (!credential.private_key.empty() && lists(methods_, "publickey")) {
    give_to_worker(
        [](Job& job) {
          auto key = PrivateKey::open(*job.credential);
          key ? void(job.key = std::move(*key)) : void(job.refusal = key.error());
        },
        &Login::key_opened);
  } else if (!credential.password.empty() && lists(methods_, "password")) {
    step_ = [](Job& job) {
      const auto& user = job.credential->username;
      const auto password = job.credential->password.reveal();
      job.result =
          libssh2_userauth_password_ex(job.transport->session(), user.data(), static_cast<unsigned>(user.size()),
                                       password.data(), static_cast<unsigned>(password.size()), nullptr);
    };
    authenticate();
  } else if (!credential.password.empty() && lists(methods_, "keyboard-interactive")) {
    step_ = [](Job& job) {
      const auto& user = job.credential->username;
      job.transport->answer_with(&job.credential->password);
      job.result = libssh2_userauth_keyboard_interactive_ex(job.transport->session(), user.data(),
                                                            static_cast<unsigned>(user.size()), &Transport::on_prompts);
      job.transport->answer_with(nullptr);
    };
    authenticate();
  } else {
    refuse(nothing_fits());
  }
}

void Login::key_opened(Job& job) {
  if (job.refusal) return refuse(*job.refusal);
  step_ = [](Job& at) { at.result = at.key->authenticate(*at.transport, at.credential->username); };
  authenticate();
}

void Login::authenticate() { give_to_worker(step_, &Login::answered); }

void Login::answered(Job& job) {
  if (job.result == LIBSSH2_ERROR_EAGAIN) return wait_for_node();
  const bool with_key = key_ != nullptr;
  if (job.result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED && with_key && !transport_->ended() &&
      !credential_->password.empty()) {
    // It is either refused after all or the first of two things that the node asks for: the new list tells, in which
    // keys stand only if it was refused.
    key_.reset();
    key_tried_ = true;
    return list_methods();
  }
  if (job.result != 0) {
    transport_->flush();
    return refuse(refusal(job));
  }
  if (libssh2_userauth_authenticated(transport_->session()) == 0) {
    if (job.methods.empty()) return refuse(transport_->failure(LIBSSH2_ERROR_PROTO));
    methods_ = std::move(job.methods);
    return choose();
  }
  key_.reset();
  // From here on nobody else can have answered.
  give_to_worker(
      [](Job& last) {
        std::size_t size = 0;
        int type = 0;
        const char* key = libssh2_session_hostkey(last.transport->session(), &size, &type);
        last.refusal = last.host_keys->pin(last.credential->host, last.credential->port, {key, size});
      },
      &Login::pinned);
}

void Login::pinned(Job& job) {
  if (job.refusal) return refuse(*job.refusal);
  finish(std::move(transport_));
}

Error Login::key_refused() {
  const bool only_key = credential_->password.empty();
  return {Code::kUnauthenticated, std::string("Authentication failed: the node refused this private key") +
                                      (only_key ? ", or asks for a password as well." : ", or asks for another one.")};
}

Error Login::nothing_fits() {
  const bool has_key = !credential_->private_key.empty();
  const bool has_password = !credential_->password.empty();
  const char* what = has_key && has_password ? "neither this private key nor passwords"
                     : has_key               ? "no private keys"
                                             : "no passwords";
  return {Code::kUnauthenticated, "Authentication failed: " + where_ + " takes " + what + ", only: " + methods_ + "."};
}

Error Login::refusal(const Job& job) {
  if (key_) {
    if (job.result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED && !transport_->ended()) return key_refused();
    if (job.result == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
        transport_->farewell().find("authentication failures") != std::string::npos)
      return {Code::kUnauthenticated,
              "Authentication failed: the node refused this user name or private key. Its public part has to stand in "
              "~/.ssh/authorized_keys of that user."};
    return transport_->failure(job.result);
  }
  if (job.result == LIBSSH2_ERROR_PASSWORD_EXPIRED)
    return {Code::kUnauthenticated,
            "Authentication failed: the password has expired. Log in to the node once by hand to change it."};
  // An sshd with a low MaxAuthTries says so instead of refusing.
  if (job.result == LIBSSH2_ERROR_AUTHENTICATION_FAILED || transport_->answered() ||
      transport_->farewell().find("authentication failures") != std::string::npos)
    return {Code::kUnauthenticated, "Authentication failed: the node refused this user name or password."};
  return transport_->failure(job.result);
}

void Login::give_to_worker(Work work, Then then) {
  watch_.reset();  // a hang-up would otherwise spin while the transport is away
  transport_->allow(kAllow);
  auto job = std::make_unique<Job>(Job{.transport = std::move(transport_),
                                       .key = std::move(key_),
                                       .credential = credential_,
                                       .host_keys = &means_.host_keys,
                                       .methods = {},
                                       .refusal = {}});
  auto run = [work, then, job = std::move(job), home = home_, &reactor = means_.reactor]() mutable {
    work(*job);
    reactor.post([then, job = std::move(job), home = std::move(home)] {
      if (home->login == nullptr) return;
      home->login->transport_ = std::move(job->transport);
      home->login->key_ = std::move(job->key);
      (home->login->*then)(*job);
    });
  };
  if (means_.workers.submit(std::move(run))) return;
  refuse({Code::kOverloaded, "Too many logins are under way; try again later."});
}

void Login::limit(std::chrono::milliseconds time, const char* what) {
  timer_ = means_.reactor.after(time, [this, what] { late(what); });
}

void Login::late(const char* what) {
  // One that only says something else is told as what it is.
  if (transport_ && transport_->received() > 0 && !transport_->speaks_ssh()) return refuse(transport_->failure());
  refuse({Code::kTimeout, "Timeout: " + where_ + " " + what + "."});
}

void Login::finish(Result<std::unique_ptr<Transport>> result) {
  home_->login = nullptr;  // a worker may still be at it
  lookup_.reset();
  watch_.reset();
  timer_.reset();
  connector_.reset();
  if (at_gate_) means_.handshakes.leave(*this);
  at_gate_ = false;
  if (!result) means_.metrics->login_failures.add();
  auto done = std::move(done_);  // the callee may destroy this object
  done(std::move(result));
}

}  // namespace pillard::ssh
