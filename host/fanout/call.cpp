#include "fanout/call.h"

#include "observe/ids.h"

namespace pillard::fanout {

PendingCall::Shared::Shared() = default;
PendingCall::Shared::~Shared() = default;

PendingCall::PendingCall(reactor::Reactor& lane, Function<void(Answer)> done)
    : lane_(lane), done_(std::move(done)), shared_(std::make_shared<Shared>()) {
  shared_->home = this;
}

PendingCall::~PendingCall() {
  shared_->home = nullptr;
  // Posted behind the start, so it finds what the start made.
  lane_.post([shared = shared_] { shared->run.reset(); });
}

CallRun::CallRun(const std::shared_ptr<PendingCall::Shared>& shared, reactor::Reactor& home, reactor::Reactor& lane,
                 ssh::Lane& ssh_lane, const loader::CallEntry& entry, std::string params, Login login)
    : shared_(shared),
      home_(home),
      reactor_(lane),
      ssh_(ssh_lane),
      plugin_(entry.plugin()),
      type_(entry.type()),
      params_(std::move(params)),
      login_(std::move(login)) {
  if (!type_) {
    answer(loader::not_offered(entry));
    return;
  }
  timer_ = reactor_.after(type_->options().timeout,
                          [this] { answer(Error(Code::kTimeout, "The node did not answer in time.")); });
  use_ = ssh_.use(*this);
}

CallRun::~CallRun() {
  write_record("left", {});
  take_down();
}

void CallRun::lane_up() {
  if (footing_ || answered_) return;
  stand_up(
      reactor_, ssh_, plugin_, [this](const Error& error) { answer(error); },
      [this] { return type_->start(*this, params_); });
}

void CallRun::lane_down(const Error& error) { answer(error); }

void CallRun::audit(const AuditEntry& entry) {
  if (answered_ || !footing_->at_work("audit()")) return;  // what was answered is on record already
  constexpr std::size_t kMost = 512;
  record_ = Record{std::string(entry.action.substr(0, kMost)), std::string(entry.object.substr(0, kMost)),
                   std::string(entry.result.substr(0, kMost))};
}

void CallRun::write_record(std::string_view end, std::string_view problem) {
  if (!record_) return;
  const auto& credential = login_.session->credential;
  plugin_.audit({.user = credential.username,
                 .node = session::node_key(credential),
                 .session = session::log_id(login_.session->id),
                 .client = login_.client,
                 .connection = observe::base36(login_.connection),
                 .action = record_->action,
                 .object = record_->object,
                 .end = end,
                 .result = record_->result.empty() ? problem : record_->result});
  record_.reset();
}

/// Once. The object goes in a later turn: its own code may be running.
void CallRun::answer(Answer answer) {
  if (std::exchange(answered_, true)) return;
  timer_.reset();
  if (answer) {
    write_record("replied", {});
  } else {
    write_record(name(answer.error().code()), answer.error().what());
  }
  const auto shared = shared_.lock();
  if (!shared) return;
  home_.post([shared, answer = std::move(answer)]() mutable {
    if (!shared->home) return;
    auto done = std::move(shared->home->done_);
    done(std::move(answer));
  });
  reactor_.post([shared] { shared->run.reset(); });
}

}  // namespace pillard::fanout
