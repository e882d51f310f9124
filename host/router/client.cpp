#include "router/client.h"

#include "loader/guard.h"
#include "observe/ids.h"
#include "observe/limits_reached.h"
#include "pillard/fields.h"
#include "router/problem.h"
#include "session/credential.h"
#include "session/session.h"

namespace pillard::router {

namespace {
// The words of the old server: dashboards react to them.
constexpr std::string_view kNotAuthenticated = "Not authenticated.";
constexpr std::string_view kDeadSession = "Invalid or expired session";
constexpr std::string_view kTokenMismatch = "Authentication token mismatch.";
constexpr std::string_view kRefusedToken = "Authentication error: Invalid or expired session.";
constexpr std::string_view kStoreAway = "Authentication error: Server error during validation.";

struct Problem {
  std::string message;
  std::string code;
  std::optional<std::string> type;
  std::optional<json::Raw> params;
  std::optional<bool> ended;
  PILLARD_FIELDS(Problem, PILLARD_FIELD(message), PILLARD_FIELD(code), PILLARD_FIELD(type), PILLARD_FIELD(params),
                 PILLARD_FIELD(ended))
};

/// An `error` about a message or a subscription.
std::string told(const Error& error, std::string_view type, std::string_view params, bool ended) {
  Problem problem{.message = error.what(),
                  .code = std::string(name(error.code())),
                  .type = std::string(type),
                  .params = {},
                  .ended = {}};
  if (!params.empty() && params.size() <= 1024) problem.params = json::Raw{std::string(params)};
  if (ended) problem.ended = true;
  return encoded(problem);
}

/// A struct of the plugin's may check itself: that is its code.
Query decode(const loader::StreamEntry& stream, const StreamType& type, std::string_view params) {
  Query query;
  if (const auto error = loader::guard(
          stream.plugin(), [&] { query = type.decode(params); }, loader::Counts::kNo))
    throw Error(*error);
  return query;
}

Error refused(std::string_view words, Code code = Code::kUnauthenticated) { return {code, std::string(words)}; }
}  // namespace

std::string acknowledgement(const Outcome& outcome) {
  if (outcome.error) return R"({"error":)" + problem_json(*outcome.error) + "}";
  return R"({"data":)" + outcome.data + "}";
}

Error no_token() {
  return refused("Not authenticated: send the token as the cookie ssh_session or as Authorization: Bearer.");
}
Error dead_session() { return refused(kDeadSession); }

/// One stream that the client listens to.
class Client::Subscribed final : public fanout::Subscriber {
 public:
  Subscribed(Client& client, Key key)
      : client_(client), key_(std::move(key)), flow_(key_.first->options(), key_.second, client.door_.encoder()) {}
  ~Subscribed() { client_.door_.forget(flow_, ended_); }
  std::unique_ptr<fanout::Subscription> subscription;
  std::string params;                        // as they were sent,
  std::weak_ptr<const StreamType> asked_of;  // and what told the key from them
  const fanout::Flow& flow() const noexcept { return flow_; }

  void deliver(const fanout::SharedBatch& batch) override { client_.door_.send(batch, flow_); }
  void gap(std::uint64_t dropped) override { client_.door_.gap(flow_, dropped); }
  void problem(const Error& error, bool ended) override {
    ended_ = ended;
    decltype(client_.subscribed_)::node_type self;  // goes when the door has been told, and with it this object
    if (ended) self = client_.subscribed_.extract(Key(key_));
    client_.door_.problem(flow_, error, ended, told(error, key_.first->options().subscribe, key_.second, ended));
  }

 private:
  Client& client_;
  const Key key_;
  const fanout::Flow flow_;
  bool ended_ = false;
};

Client::Client(Sockets& sockets, reactor::Reactor& home, Door& door)
    : sockets_(sockets), home_(home), door_(door), alive_(std::make_shared<Client*>(this)) {}

Client::~Client() {
  *alive_ = nullptr;
  if (login_) sockets_.remove(*this);
}

void Client::look_up(std::string token, Function<void(Result<session::SessionPtr>)> done) {
  looking_up_ = true;
  if (!session::valid_token(token)) token = "-";  // whatever it is, the store is not bothered with it
  sockets_.services().store.find(home_, std::move(token),
                                 [alive = alive_, done = std::move(done)](Result<session::SessionPtr> found) mutable {
                                   if (!*alive) return;
                                   (*alive)->looking_up_ = false;
                                   done(std::move(found));
                                   if (*alive) (*alive)->run_waiting();
                                 });
}

void Client::open(std::string token, Function<void(const std::optional<Error>&)> done) {
  if (token.empty()) {
    home_.post([alive = alive_, done = std::move(done)]() mutable {
      if (*alive) done(std::nullopt);
    });
    return;
  }
  look_up(std::move(token), [this, done = std::move(done)](Result<session::SessionPtr> found) mutable {
    if (!found) return done(refused(kStoreAway, found.error().code()));
    if (!*found) return done(refused(kRefusedToken));
    done(std::nullopt);
    become(std::move(found).value());
  });
}

void Client::become(session::SessionPtr session) {
  auto key = session::lane_key(session->credential);
  sockets_.services().store.touch(session->id);
  touched_ = home_.now();
  login_ = fanout::Login{.session = std::move(session),
                         .lane_key = std::move(key),
                         .client = door_.client(),
                         .connection = door_.connection()};
  sockets_.add(*this);
  // Ties what the log says of the connection to what it says of the session.
  if (auto& log = sockets_.services().log; log.enabled(Level::kDebug, "router"))
    log.debug("router", "client authenticated",
              {{"connection", observe::base36(door_.connection())},
               {"session", session::log_id(login_->session->id)},
               {"node", session::node_key(login_->session->credential)}});
  door_.emit("authenticated", {});
}

void Client::authenticate(std::string_view params, Reply reply) {
  const auto refuse_token = [this](const Error& error, Reply& answer) {
    if (answer) return answer({.error = error});
    plain_error(error);
  };
  std::string token;
  try {
    json::Reader reader(params);
    token = reader.read_string();
  } catch (const json::ParseError&) {
    return refuse_token(dead_session(), reply);
  }
  if (login_) {
    if (session::Secret(token) != session::Secret(login_->session->id))
      return refuse_token(refused(kTokenMismatch), reply);
    door_.emit("authenticated", {});
    if (reply) reply({});
    return;
  }
  look_up(std::move(token), [this, refuse_token, reply = std::move(reply)](Result<session::SessionPtr> found) mutable {
    if (!found) return refuse_token(refused(kStoreAway, found.error().code()), reply);
    if (!*found) return refuse_token(dead_session(), reply);
    become(std::move(found).value());
    if (reply) reply({});
  });
}

void Client::alive() {
  if (!login_ || home_.now() - touched_ < sockets_.services().touch_every) return;
  touched_ = home_.now();
  sockets_.services().store.touch(login_->session->id);
}

void Client::session_ended() {
  sockets_.remove(*this);
  const auto lane_key = login_->lane_key;
  login_.reset();
  subscribed_.clear();
  calls_.clear();
  sockets_.services().hub.release(lane_key);
  plain_error(dead_session());
  door_.close("session ended");
}

void Client::encoder_changed() {
  for (auto& [key, subscribed] : subscribed_) subscribed->subscription->set_encoder(door_.encoder());
}

void Client::message(std::string_view type, std::string_view params, Reply reply) {
  alive();
  if (!looking_up_) return route(type, params, std::move(reply));
  // What was sent behind a token is meant for the one who will be authenticated by it.
  // One alone may be as large as its door lets it be.
  const bool much = !waiting_.empty() && waiting_bytes_ + type.size() + params.size() > kMaxWaitingBytes;
  if (much || waiting_.size() == kMaxWaiting)
    return refuse(Error(Code::kOverloaded, "Too many messages before the answer to the token."), type, {}, reply);
  waiting_bytes_ += type.size() + params.size();
  waiting_.push_back({std::string(type), std::string(params), std::move(reply)});
}

void Client::run_waiting() {
  const auto alive = alive_;
  while (*alive && !looking_up_ && !waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    waiting_bytes_ -= next.type.size() + next.params.size();
    route(next.type, next.params, std::move(next.reply));
  }
  if (*alive && waiting_.empty()) waiting_.shrink_to_fit();
}

void Client::route(std::string_view type, std::string_view params, Reply reply) {
  if (type == "authenticate") return authenticate(params, std::move(reply));
  const auto& registry = sockets_.services().registry;
  const auto* stream = registry.find_subscribe(type);
  const auto* leaving = stream ? nullptr : registry.find_unsubscribe(type);
  const auto* entry = stream || leaving ? nullptr : registry.find_call(type);
  try {
    if (!stream && !leaving && !entry) throw Error(Code::kNotFound, "There is no message type of this name here.");
    if (!login_) throw Error(Code::kUnauthenticated, std::string(kNotAuthenticated));
    if (params == "null") params = {};
    if (stream) return subscribe(*stream, params, reply);
    if (leaving) return unsubscribe(*leaving, params, reply);
    return call(*entry, params, reply);
  } catch (const Error& error) {
    refuse(error, type, params, reply);
  }
}

void Client::subscribe(const loader::StreamEntry& stream, std::string_view params, Reply& reply) {
  auto type = stream.working();
  auto query = decode(stream, *type, params);
  const Key key(&stream, query.key);
  const auto done = [&](const Subscribed& subscribed) {
    if (reply) reply({.flow = &subscribed.flow()});
  };
  if (const auto known = find(key, *type); known != subscribed_.end()) {
    if (query.pace_ms) known->second->subscription->set_pace(*query.pace_ms);
    return done(*known->second);
  }
  if (const auto most = sockets_.services().max_subscriptions; subscribed_.size() >= most) {
    sockets_.too_many_subscriptions_.add();
    throw Error(Code::kOverloaded,
                "This connection holds " + std::to_string(most) + " subscriptions already; end some first.");
  }
  auto subscribed = std::make_unique<Subscribed>(*this, key);
  subscribed->params = params;
  subscribed->asked_of = type;
  subscribed->subscription = sockets_.services().hub.subscribe(home_, *login_, stream, std::move(type),
                                                               std::move(query), door_.encoder(), *subscribed);
  done(*subscribed_.emplace(key, std::move(subscribed)).first->second);
}

void Client::unsubscribe(const loader::StreamEntry& stream, std::string_view params, Reply& reply) {
  // Ending what is not there is no mistake: the stream may have ended by itself.
  if (const auto type = stream.type()) {
    const auto found = find(Key(&stream, decode(stream, *type, params).key), *type);
    if (found != subscribed_.end()) subscribed_.erase(found);
  }
  if (reply) reply({});
}

/// Also one whose key a former version of the plugin made of the same params.
Client::Subscriptions::iterator Client::find(const Key& key, const StreamType& type) {
  const auto same = [&](const auto& one) {
    if (one.first.first != key.first || one.second->asked_of.lock().get() == &type) return false;
    try {
      return decode(*key.first, type, one.second->params).key == key.second;
    } catch (const Error&) {
      return false;  // this version does not know such params: its topic has ended, or is about to
    }
  };
  const auto found = subscribed_.find(key);
  return found != subscribed_.end() ? found : std::find_if(subscribed_.begin(), subscribed_.end(), same);
}

void Client::call(const loader::CallEntry& entry, std::string_view params, Reply& reply) {
  if (calls_.size() == kMaxCalls)
    throw Error(Code::kOverloaded, "This connection has " + std::to_string(kMaxCalls) + " calls under way already.");
  const auto number = ++last_call_;
  calls_[number] = sockets_.services().hub.call(
      home_, *login_, entry, std::string(params),
      [this, number, &entry, reply = std::move(reply)](fanout::Answer answer) mutable {
        const auto ended = std::move(calls_[number]);  // holds this closure: it must outlive the call
        calls_.erase(number);
        if (!answer) return refuse(answer.error(), entry.options().name, {}, reply);
        if (reply) reply({.data = std::move(*answer)});
      });
}

/// To the one who waits for an answer, else as an event.
void Client::refuse(const Error& error, std::string_view type, std::string_view params, Reply& reply) {
  if (reply) return reply({.error = error});
  door_.emit("error", told(error, type, params, false));
}

void Client::plain_error(const Error& error) { door_.emit("error", problem_json(error)); }

Sockets::Sockets(const Services& services)
    : services_(services),
      shards_(services.reactors.size()),
      authenticated_(services.metrics.gauge("pillard_clients_authenticated", "Clients that are logged in.")),
      too_many_subscriptions_(observe::LimitsReached(services.metrics).subscriptions) {}

void Sockets::stop() {
  for (auto& shard : shards_)
    for (auto& [token, session] : shard) session.end.reset();
}

void Sockets::add(Client& client) {
  authenticated_.add();
  auto& shard = shards_[client.home_.index()];
  const auto& token = client.login_->session->id;
  auto& session = shard[token];
  session.clients.insert(&client);
  if (session.clients.size() > 1) return;
  session.end = services_.store.watch(client.home_, token, [&shard, token] {
    // Each removes itself, and the last one its session.
    for (auto found = shard.find(token); found != shard.end(); found = shard.find(token))
      (*found->second.clients.begin())->session_ended();
  });
}

void Sockets::remove(Client& client) {
  auto& shard = shards_[client.home_.index()];
  const auto session = shard.find(client.login_->session->id);
  if (session == shard.end() || session->second.clients.erase(&client) == 0) return;
  authenticated_.sub();
  if (session->second.clients.empty()) shard.erase(session);
}

}  // namespace pillard::router
