#include <algorithm>
#include <stdexcept>

#include "engine.h"

namespace pillard::testing::detail {

namespace {
constexpr std::size_t kMaxLog = 4096;
constexpr std::size_t kMaxMetrics = 32;

class FakeGate final : public Lane::Gate {
 public:
  FakeGate(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Owner> owner)
      : mailbox_(std::move(mailbox)), owner_(std::move(owner)) {}
  void post(Function<void()> task) override {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->letters.push_back({owner_, std::move(task)});
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::weak_ptr<Owner> owner_;
};
}  // namespace

Handle start_timer(Owner& owner, Engine& engine, Milliseconds delay, Function<void()> fn) {
  if (!owner.usable("after()")) return {};
  auto job = std::make_shared<Job>(owner.shared_from_this(), "after(" + std::to_string(delay.count()) + " ms)");
  job->timer = std::move(fn);
  engine.at(engine.now + std::max<std::int64_t>(delay.count(), 0), [weak = std::weak_ptr(job)] {
    const auto due = weak.lock();
    if (!due || !due->active) return;
    due->active = false;
    due->owner->enter(std::move(due->timer));
  });
  return engine.handle(std::move(job));
}

void add_count(Owner& owner, Engine& engine, std::string_view metric, std::int64_t by) {
  if (!owner.usable("count()")) return;
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  if (metric.empty() || !std::all_of(metric.begin(), metric.end(), allowed))
    engine.breaches.add(owner.name() + ": count(\"" + std::string(metric) + "\"): expected a name of a-z and _");
  engine.counters[std::string(metric)] += by;
  if (engine.counters.size() == kMaxMetrics + 1)
    engine.breaches.add(owner.name() + ": count(): more than 32 different metrics");
}

void add_log(Owner& owner, Engine& engine, Level level, std::string_view message) {
  if (owner.usable("log()")) engine.logs.push_back({level, std::string(message.substr(0, kMaxLog))});
}

Lane make_lane(Owner& owner, Engine& engine) {
  owner.usable("lane()");
  return Lane(std::make_shared<FakeGate>(engine.mailbox, owner.weak_from_this()));
}

StreamScope::StreamScope(Engine& engine, FakeStream& stream, std::string resume_from)
    : ScopeOf(engine, stream.type_.options().subscribe), stream_(stream), resume_from_(std::move(resume_from)) {}

void StreamScope::build(const StreamType& type, const Query& query) {
  enter([&] { source_ = type.start(*this, query); });
}

void StreamScope::retune(const StreamType& type, const Query& query) {
  enter([&] { type.retune(*source_, query); });
}

void StreamScope::publish_json(std::string json, std::string_view cursor) {
  if (!usable("publish()")) return;
  if (!json::valid(json)) engine_.breaches.add(name() + ": publish_json() of what is no JSON: " + json.substr(0, 200));
  stream_.events_.push_back(std::move(json));
  stream_.cursors_.emplace_back(cursor);
  if (!cursor.empty()) stream_.last_cursor_ = cursor;
}

void StreamScope::notice(const Error& error) {
  if (usable("notice()")) stream_.notices_.push_back(error);
}

void StreamScope::told(const Error& error) {
  stream_.problems_.push_back(error);
  if (!passing(error.code())) stream_.ended_ = true;
}

void CallScope::build(const CallType& type, std::string_view params) {
  enter([&] { object_ = type.start(*this, params); });
}

void CallScope::reply_json(std::string json) {
  if (!usable("reply()")) return;
  if (!json::valid(json)) engine_.breaches.add(name() + ": reply_json() of what is no JSON: " + json.substr(0, 200));
  call_.reply_ = std::move(json);
  if (record_) record_->end = "replied";
  end_with(std::nullopt);
}

void CallScope::audit(const AuditEntry& entry) {
  if (!usable("audit()")) return;
  if (entry.action.empty() || entry.object.empty())
    engine_.breaches.add(name() + ": audit() without an action or an object");
  record_ = AuditLine{std::string(entry.action), std::string(entry.object), std::string(entry.result), {}};
}

void CallScope::destroy_object() {
  object_.reset();
  if (record_ && record_->end.empty()) record_->end = "left";
  if (record_) engine_.audits.push_back(*record_);
}

/// Comes behind destroy_object().
void CallScope::told(const Error& error) {
  call_.problem_ = error;
  if (!record_) return;
  auto& line = engine_.audits.back();
  line.end = pillard::name(error.code());
  if (line.result.empty()) line.result = error.what();
}

}  // namespace pillard::testing::detail

namespace pillard::testing {

FakeStream::FakeStream(detail::Engine& engine, const StreamType& type, Query query)
    : engine_(engine), type_(type), query_(std::move(query)), last_cursor_(query_.resume) {
  start();
}

void FakeStream::start() {
  // A Source may come to fail while it is built, so it has to be known before.
  const auto scope = std::make_shared<detail::StreamScope>(engine_, *this, last_cursor_);
  scope_ = scope.get();
  engine_.owners.push_back(scope);
  scope->build(type_, query_);
}

std::vector<std::string> FakeStream::take_events() {
  cursors_.clear();
  return std::exchange(events_, {});
}

bool FakeStream::running() const noexcept { return scope_->running(); }

void FakeStream::unsubscribe() {
  ended_ = true;
  scope_->end(std::nullopt);
}

void FakeStream::retune(std::string_view params) {
  Query changed = type_.decode(params);
  if (changed.key != query_.key)
    throw std::logic_error("retune: " + changed.key + " is another topic than " + query_.key);
  query_ = std::move(changed);
  if (running()) scope_->retune(type_, query_);
}

void FakeStream::rebuild() {
  if (running() || ended_) throw std::logic_error("rebuild: the Source did not end with a passing failure");
  start();
}

FakeCall::FakeCall(detail::Engine& engine, const CallType& type, std::string_view params) : engine_(engine) {
  const auto scope = std::make_shared<detail::CallScope>(engine, *this, type.options().name);
  scope_ = scope.get();
  engine_.owners.push_back(scope);
  engine_.at(engine_.now + type.options().timeout.count(), [weak = std::weak_ptr(scope)] {
    const auto late = weak.lock();
    if (late && late->running()) late->end(Error(Code::kTimeout, "No answer in time."));
  });
  scope->build(type, params);
}

bool FakeCall::ended() const noexcept { return !scope_->running(); }

void FakeCall::cancel() { scope_->end(std::nullopt); }

}  // namespace pillard::testing
