#include "ssh/lane.h"

#include <algorithm>
#include <iterator>

namespace pillard::ssh {

Lane::Use& Lane::Use::operator=(Use&& other) noexcept {
  if (this != &other) {
    reset();
    lane_ = std::move(other.lane_);
    id_ = other.id_;
  }
  return *this;
}

void Lane::Use::reset() noexcept {
  const auto lane = lane_.lock();
  lane_.reset();
  if (lane) lane->leave(id_);
}

Lane::Lane(LaneHome& home, std::string key, session::Credential credential)
    : home_(home),
      means_(home.means()),
      key_(std::move(key)),
      credential_(std::make_shared<const session::Credential>(std::move(credential))),
      node_(session::node_key(*credential_)),
      random_(std::random_device{}()) {
  arm_linger();
}

Lane::~Lane() {
  for (auto& connection : connections_) connection->close();
  for (auto& run : queue_) run->drop();
}

Lane::Use Lane::use(User& user) {
  const auto id = ++uses_made_;
  users_.emplace(id, Entry{&user});
  linger_.reset();
  released_ = false;
  if (state_ == State::kIdle) {
    if (const auto* refusal = home_.refusal(key_)) {
      error_ = *refusal;
      state_ = State::kRefused;
    } else {
      log_in();
    }
  }
  if (state_ != State::kLoggingIn) tell_later();
  return {weak_from_this(), id};
}

void Lane::leave(std::uint64_t id) noexcept {
  users_.erase(id);
  if (!users_.empty()) return;
  if (state_ == State::kWaiting) {
    retry_.reset();
    state_ = State::kIdle;
  }
  arm_linger();
}

void Lane::arm_linger() {
  const auto linger = released_ ? std::chrono::milliseconds(0) : means_.options.idle_linger;
  linger_ = means_.reactor.after(linger, [this] { expire(); });
}

void Lane::release() {
  if (users_.empty()) return expire();
  released_ = true;
}

void Lane::expire() {
  const auto self = shared_from_this();
  linger_.reset();
  login_.reset();
  retry_.reset();
  for (auto& connection : std::exchange(connections_, {})) connection->close();
  for (auto& run : std::exchange(queue_, {})) run->drop();
  state_ = State::kIdle;
  home_.expired(key_);
}

void Lane::log_in() {
  if (state_ != State::kUp) state_ = State::kLoggingIn;
  if (home_.refusal(key_) != nullptr) {
    // As a further connection it was; from the loop, for users are told.
    means_.reactor.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->be_refused();
    });
    return;
  }
  login_ = std::make_unique<Login>(means_, credential_, Gate::Rank::kOrdinary,
                                   [this](Result<std::unique_ptr<Transport>> result) { logged_in(std::move(result)); });
}

/// What was refused is not tried again, unless something else came up meanwhile.
void Lane::be_refused() {
  const bool wants_login = state_ == State::kLoggingIn || state_ == State::kUp;
  if (!wants_login || login_ || !connections_.empty()) return;
  const auto* refusal = home_.refusal(key_);
  if (refusal == nullptr) return log_in();
  go_down(Error(*refusal));  // a copy: it is remembered anew
}

void Lane::logged_in(Result<std::unique_ptr<Transport>> result) {
  const auto self = shared_from_this();
  const auto done = std::move(login_);  // goes when this is over: it is the caller
  if (result) {
    connect(std::move(*result));
    if (state_ == State::kUp) return assign();
    return come_up();
  }
  // A further connection is a convenience: its failure harms only if there is no other.
  if (state_ == State::kUp && !connections_.empty()) {
    const auto pause = passing(result.error().code()) ? means_.options.backoff_most : std::chrono::hours(24);
    more_connections_after_ = means_.reactor.now() + pause;
    if (passing(result.error().code())) {
      assign_ = means_.reactor.after(pause, [this] { assign(); });
    } else {
      home_.remember(key_, result.error());  // for when the others are lost
    }
    return;
  }
  go_down(result.error());
}

void Lane::connect(std::unique_ptr<Transport> transport) {
  Connection::Owner& owner = *this;
  connections_.push_back(
      std::make_shared<Connection>(means_.reactor, means_.options, means_.metrics, owner, std::move(transport)));
  connections_.back()->begin();
}

void Lane::come_up() {
  retry_.reset();
  state_ = State::kUp;
  error_.reset();
  up_since_ = means_.reactor.now();
  more_connections_after_ = {};
  ++epoch_;
  if (means_.log != nullptr)
    means_.log->info("ssh", "node connected", {{"node", node_}, {"user", credential_->username}});
  tell();
}

void Lane::adopt(std::unique_ptr<Transport> transport) {
  if (state_ == State::kUp) return transport->say_goodbye();
  const auto self = shared_from_this();
  login_.reset();
  connect(std::move(transport));
  if (users_.empty()) arm_linger();
  come_up();
}

void Lane::go_down(const Error& error) {
  const auto self = shared_from_this();
  const bool was_up = state_ == State::kUp;
  if (was_up && means_.reactor.now() - up_since_ > means_.options.backoff_most) attempts_ = 0;
  log_down(error, was_up);
  if (is_news(error, was_up)) {
    error_ = error;
    ++epoch_;
  }
  login_.reset();
  assign_.reset();
  for (auto& connection : std::exchange(connections_, {})) connection->close();
  for (auto& run : std::exchange(queue_, {})) run->drop();
  if (!passing(error.code())) {
    state_ = State::kRefused;
    home_.remember(key_, error);
  } else if (users_.empty()) {
    state_ = State::kIdle;
  } else {
    retry_later();
  }
  tell();
}

/// An outage is told once, in the words that it began with, however differently each attempt fails: a kernel that gives
/// up, a banner that does not come. Another code is another matter (what hung now refuses), but not again and again.
bool Lane::is_news(const Error& error, bool was_up) {
  if (was_up || !error_ || !passing(error.code())) told_codes_ = 0;
  const auto bit = 1U << static_cast<unsigned>(error.code());
  const bool news = (told_codes_ & bit) == 0;
  told_codes_ |= bit;
  return news;
}

void Lane::log_down(const Error& error, bool was_up) {
  if (means_.log == nullptr) return;
  // A node that stays away is told once.
  const auto level = was_up || attempts_ == 0 || !passing(error.code()) ? Level::kWarning : Level::kDebug;
  means_.log->write(level, "ssh", "node not connected",
                    {{"node", node_},
                     {"user", credential_->username},
                     {"lost", was_up},
                     {"code", name(error.code())},
                     {"why", error.what()}});
}

void Lane::retry_later() {
  state_ = State::kWaiting;
  const auto& options = means_.options;
  auto pause = options.backoff_first * (1U << std::min(attempts_++, 16U));
  pause = std::min(pause, options.backoff_most);
  pause -= pause * std::uniform_int_distribution<int>(0, 500)(random_) / 1000;
  retry_ = means_.reactor.after(pause, [this] {
    means_.metrics->reconnects.add();
    log_in();
  });
}

void Lane::tell_later() {
  if (std::exchange(telling_later_, true)) return;
  means_.reactor.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->telling_later_ = false;
    self->tell();
  });
}

void Lane::tell() {
  const auto self = shared_from_this();
  const auto epoch = epoch_;
  std::vector<std::uint64_t> ids;
  for (const auto& [id, entry] : users_)
    if (entry.told != epoch) ids.push_back(id);
  for (const auto id : ids) {
    // What a user does may change everything; whoever moved the epoch tells it.
    if (epoch != epoch_ || (state_ != State::kUp && !error_)) return;
    const auto found = users_.find(id);
    if (found == users_.end()) continue;
    found->second.told = epoch;
    if (state_ == State::kUp) {
      found->second.user->lane_up();
    } else {
      const auto error = *error_;
      found->second.user->lane_down(error);
    }
  }
}

std::unique_ptr<Operation> Lane::exec(const Command& command, Function<void(Exit)> done) {
  auto timed = [metrics = means_.metrics, &reactor = means_.reactor, asked = means_.reactor.now(),
                done = std::move(done)](Exit exit) mutable {
    metrics->exec_seconds.observe(reactor.now() - asked);
    done(std::move(exit));
  };
  auto run = enqueue(command, {.data = {}, .done = std::move(timed)});
  if (!run->over()) run->end_at(means_.reactor, means_.reactor.now() + command.timeout);
  return std::make_unique<Operation>(std::move(run));
}

std::unique_ptr<Operation> Lane::stream(const Command& command, Function<void(std::string_view)> data,
                                        Function<void(Exit)> done) {
  if (state_ == State::kUp && count_streams() >= stream_limit()) throw too_many_streams();
  return std::make_unique<Operation>(enqueue(command, {.data = std::move(data), .done = std::move(done)}));
}

/// How many commands the node takes at once, as far as is known; `with_further` connections, those that may be made.
std::size_t Lane::channels(bool with_further) const {
  std::size_t count = 0;
  for (const auto& connection : connections_) count += connection->capacity();
  const auto& options = means_.options;
  if (with_further && connections_.size() < options.connections_per_lane)
    count += (options.connections_per_lane - connections_.size()) * options.channels_per_connection;
  return count;
}

/// How many of so many channels streams may have: of few, fewer are kept for what ends.
std::size_t Lane::for_streams(std::size_t all) const {
  const auto kept = std::min<std::size_t>(means_.options.channels_for_exec, std::max<std::size_t>(1, all / 4));
  return all - std::min(all, kept);
}

std::size_t Lane::stream_limit() const { return std::max<std::size_t>(for_streams(channels(true)), 1); }

/// How many of the streams that wait may have a channel now.
std::size_t Lane::stream_places(std::size_t waiting) {
  const auto running = count_streams() - waiting;
  const bool more_to_come =
      connections_.size() < means_.options.connections_per_lane && means_.reactor.now() >= more_connections_after_;
  const auto limit = std::max<std::size_t>(for_streams(channels(false)), more_to_come ? 0 : 1);
  return limit - std::min(limit, running);
}

std::size_t Lane::count_streams() {
  std::erase_if(streams_, [](const auto& weak) {
    const auto run = weak.lock();
    return !run || run->over();
  });
  return streams_.size();
}

/// The node turned out to give fewer channels than the streams that were taken on need: the latest ones have to end.
void Lane::refuse_excess() {
  const auto limit = stream_limit();
  if (count_streams() <= limit) return;
  const auto error = too_many_streams();
  const std::vector<std::weak_ptr<Run>> excess(streams_.begin() + static_cast<std::ptrdiff_t>(limit), streams_.end());
  for (const auto& weak : excess)
    if (const auto run = weak.lock()) run->not_started(error.what());
}

Error Lane::too_many_streams() const {
  return {Code::kOverloaded, std::to_string(streams_.size()) + " streams run on " + node_ + " with this login, and " +
                                 std::to_string(stream_limit()) + " is the limit: end some, or try again later."};
}

std::shared_ptr<Run> Lane::enqueue(const Command& command, Run::Sink sink) {
  auto run = std::make_shared<Run>(command, std::move(sink), means_.options.exec_waste);
  if (state_ != State::kUp) {
    run->drop();
    return run;
  }
  if (queue_.size() >= means_.options.commands_waiting) {
    std::erase_if(queue_, [](const auto& waiting) { return waiting->over(); });
    if (queue_.size() >= means_.options.commands_waiting)
      throw Error(Code::kOverloaded, "Too many commands wait for " + node_ + ".");
  }
  run->asked(means_.reactor.now());
  queue_.push_back(run);
  if (run->is_stream()) streams_.push_back(run);
  assign();
  return run;
}

void Lane::assign() {
  std::erase_if(queue_, [](const auto& run) { return run->over(); });
  const auto waiting = std::count_if(queue_.begin(), queue_.end(), [](const auto& run) { return run->is_stream(); });
  auto places = waiting == 0 ? 0 : stream_places(static_cast<std::size_t>(waiting));
  for (auto next = queue_.begin(); next != queue_.end();) {
    if ((*next)->is_stream() && places == 0) {
      ++next;  // what ends goes ahead
      continue;
    }
    const auto free = std::find_if(connections_.begin(), connections_.end(),
                                   [](const auto& connection) { return connection->takes(); });
    if (free == connections_.end()) break;
    if ((*next)->is_stream()) --places;
    (*free)->open(std::move(*next));
    next = queue_.erase(next);
  }
  if (queue_.empty()) return crowded_.reset();
  means_.metrics->waiting(queue_.size());
  if (login_ || connections_.size() >= means_.options.connections_per_lane) return;
  if (connections_.empty()) return log_in();
  // Most commands are over in a moment; a further connection costs the node a login.
  if (!crowded_.pending()) crowded_ = means_.reactor.after(means_.options.channel_patience, [this] { expand(); });
}

void Lane::expand() {
  if (queue_.empty() || login_ || connections_.size() >= means_.options.connections_per_lane) return;
  if (means_.reactor.now() >= more_connections_after_ && home_.refusal(key_) == nullptr) log_in();
}

void Lane::room(Connection& /*connection*/) {
  if (!queue_.empty()) assign();
}

void Lane::turned_away(std::deque<std::shared_ptr<Run>> runs) {
  queue_.insert(queue_.begin(), std::make_move_iterator(runs.begin()), std::make_move_iterator(runs.end()));
  assign();
  // From the loop, for it calls back.
  means_.reactor.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->refuse_excess();
  });
}

void Lane::idle(Connection& connection, bool worn_out) {
  if (connections_.size() < 2 && !worn_out) return;
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& other) { return other.get() == &connection; });
  if (found == connections_.end()) return;
  (*found)->close();
  connections_.erase(found);
  assign();  // what waits for a place here goes elsewhere
}

void Lane::lost(Connection& /*connection*/, const Error& error) { go_down(error); }

}  // namespace pillard::ssh
