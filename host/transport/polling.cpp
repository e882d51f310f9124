#include "transport/polling.h"

#include <limits>

#include "transport/engine_server.h"
#include "wire/http_text.h"

namespace pillard::transport {

namespace eio = wire::engine_io;

namespace {

/// Packets in one answer: Python's client takes no more, and gives up over a longer one. Whoever is so far behind that
/// much of the outbox is full is given what waits all the same.
constexpr std::size_t kPackets = 16;

/// Gathers whole frames of an outbox into the body of one answer, until that is long enough.
class PayloadSink final : public Sink {
 public:
  PayloadSink(std::size_t most, std::size_t packets) : most_(most), packets_(packets) {}
  std::string body;

  Result write(std::span<iovec> parts, std::size_t& written) override {
    written = 0;
    for (const auto& part : parts) {
      std::string_view frames(static_cast<const char*>(part.iov_base), part.iov_len);
      while (!frames.empty()) {
        const auto frame = wire::read_own_ws_frame(frames);
        if (packets_ == 0 || (!body.empty() && body.size() + frame.payload.size() > most_))
          return written > 0 ? Result::kOk : Result::kBlocked;
        --packets_;
        if (frame.opcode == wire::WsOpcode::kBinary) {
          eio::append_binary_to_payload(body, frame.payload);
        } else {
          const auto packet = eio::decode(frame.payload);
          eio::append_to_payload(body, packet->type, packet->data);
        }
        frames.remove_prefix(frame.size);
        written += frame.size;
      }
    }
    return Result::kOk;
  }

 private:
  const std::size_t most_;
  std::size_t packets_;
};

wire::HttpResponse payload(std::string body) {
  return {.headers = {{"Content-Type", "text/plain; charset=UTF-8"}, {"Cache-Control", "no-store"}},
          .body = std::move(body)};
}
wire::HttpResponse taken() {
  return {.headers = {{"Content-Type", "text/html"}, {"Cache-Control", "no-store"}}, .body = "ok"};
}
wire::HttpResponse bad_request() { return EngineServer::verdict(3, false); }

}  // namespace

/// A request that may outlive the polling, and the session.
class Polling::Get final : public Site::Visit {
 public:
  explicit Get(Polling& polling) : polling_(polling.self_) {}
  ~Get() override {
    auto* const polling = *polling_;
    if (!polling || polling->get_ != this) return;
    polling->get_ = nullptr;
    polling->session_.lost("the client left a poll");
  }
  void handle(std::string, Site::Answer answer) override {
    auto* const polling = *polling_;
    if (!polling) return answer(EngineServer::verdict(1, false));
    if (polling->get_) {
      polling->session_.lost("polled twice at the same time");
      return answer(bad_request());
    }
    answer_ = std::move(answer);
    polling->get_ = this;
    if (polling->probed_ || polling->last_ || !polling->outbox_.empty()) polling->answer_later();
  }
  void going_away() override {
    if (auto* const polling = *polling_) polling->session_.close("the server ends", wire::kWsGoingAway);
  }
  /// The caller has forgotten it: this may destroy it.
  void give(wire::HttpResponse response) { std::exchange(answer_, nullptr)(std::move(response)); }

 private:
  std::shared_ptr<Polling*> polling_;
  Site::Answer answer_;
};

class Polling::Post final : public Site::Visit {
 public:
  explicit Post(Polling& polling) : polling_(polling.self_) { polling.post_ = this; }
  ~Post() override {
    auto* const polling = *polling_;
    if (!polling || polling->post_ != this) return;
    polling->post_ = nullptr;
    polling->session_.lost("the client left a request unfinished");
  }
  void handle(std::string body, Site::Answer answer) override {
    auto* const polling = *polling_;
    if (!polling || polling->post_ != this) return answer(EngineServer::verdict(1, false));
    answer_ = std::move(answer);
    polling->take_post(std::move(body));
  }
  void going_away() override {
    if (auto* const polling = *polling_) polling->session_.close("the server ends", wire::kWsGoingAway);
  }
  bool waits() const noexcept { return static_cast<bool>(answer_); }
  /// The caller has forgotten it: this may destroy it.
  void give(wire::HttpResponse response) { std::exchange(answer_, nullptr)(std::move(response)); }

 private:
  std::shared_ptr<Polling*> polling_;
  Site::Answer answer_;
};

Polling::Polling(EngineTable& table, EngineSession& session, AddressLimit::Place place)
    : table_(table),
      session_(session),
      place_(std::move(place)),
      budget_(table.home()->limits().messages_per_second, table.home()->limits().messages_burst) {}

Polling::~Polling() {
  *self_ = nullptr;
  withdraw();
}

Site::Admission Polling::get() { return std::make_unique<Get>(*this); }

Site::Admission Polling::post(const wire::HttpRequest& request) {
  if (post_) {
    session_.lost("two requests at the same time");
    return bad_request();
  }
  const auto type = request.header("Content-Type").value_or(std::string_view{});
  if (wire::iequals(type.substr(0, type.find(';')), "application/octet-stream")) {
    session_.lost("a body of an older protocol");
    return bad_request();
  }
  return std::make_unique<Post>(*this);
}

void Polling::send(SharedBatch batch) {
  table_.home()->metrics().frames.add(batch->size());
  outbox_.push(std::move(batch));
  queued();
}

void Polling::send(SharedBatch batch, const Flow& flow) {
  table_.home()->metrics().frames.add(batch->size());
  outbox_.push(std::move(batch), flow);
  queued();
}

void Polling::gap(const Flow& flow, std::uint64_t dropped) {
  table_.home()->metrics().dropped.add(dropped);
  outbox_.gap(flow, dropped);
  queued();
}

void Polling::queued() {
  auto& home = *table_.home();
  home.metrics().batches.add();
  const auto bounded = outbox_.hold(home.limits().outbox_bytes);
  home.metrics().dropped.add(bounded.dropped);
  if (bounded.over) {
    home.metrics().overflows.add();
    home.metrics().limits.outbox_bytes.add();
    return session_.lost("the client does not poll");
  }
  if (get_) answer_later();
}

/// With all that this turn brings.
void Polling::answer_later() {
  if (std::exchange(answering_, true)) return;
  table_.reactor().at_turn_end([self = self_] {
    if (!*self) return;
    (*self)->answering_ = false;
    (*self)->answer();
  });
}

void Polling::answer() {
  if (!get_) return;
  auto body = take();
  const bool over = body.empty() && last_;
  if (over) eio::append_to_payload(body, *std::exchange(last_, std::nullopt));
  if (body.empty() && probed_) eio::append_to_payload(body, eio::Type::kNoop);
  if (body.empty()) return;
  std::exchange(get_, nullptr)->give(payload(std::move(body)));
  if (over) table_.remove(session_);
}

/// What waits, as much as one answer may carry.
std::string Polling::take() {
  const bool behind = outbox_.cost() > table_.home()->limits().outbox_bytes / 4;
  PayloadSink sink(session_.options().max_payload, behind ? std::numeric_limits<std::size_t>::max() : kPackets);
  outbox_.flush(sink);
  outbox_.settle();
  return std::move(sink.body);
}

void Polling::take_post(std::string body) {
  posted_ = std::move(body);
  packets_.emplace(posted_);
  work_off();
}

/// One POST may bring thousands of packets. Until it is answered the client must not send more, so whoever is over the
/// budget waits in the middle of it.
void Polling::work_off() {
  const auto now = table_.reactor().now();
  auto& metrics = table_.home()->metrics();
  while (const auto packet = packets_->next()) {
    metrics.messages.add();
    const auto pause = budget_.charge(now, packet->data.size());
    session_.packet(*packet);
    if (!post_) return forget_post();  // the session has ended, and with it the request
    if (pause == MessageBudget::Clock::duration::zero()) continue;
    metrics.throttled.add();
    metrics.limits.messages_per_second.add();
    if (budget_.flooded(now)) {
      metrics.floods.add();
      session_.close("too many messages");
      return forget_post();
    }
    release_ = table_.reactor().at(now + pause, [this] { work_off(); });
    return;
  }
  const bool failed = packets_->failed();
  forget_post();
  std::exchange(post_, nullptr)->give(failed ? bad_request() : taken());
  if (failed) session_.lost("not an Engine.IO payload");
}

void Polling::forget_post() {
  packets_.reset();
  posted_ = {};
}

void Polling::offer(EngineCarrier& carrier) {
  offered_ = &carrier;
  upgrade_deadline_ = table_.reactor().after(session_.options().upgrade_timeout, [this] { withdraw(); });
}

void Polling::withdraw() {
  probed_ = false;
  upgrade_deadline_.reset();
  if (auto* const carrier = std::exchange(offered_, nullptr)) {
    carrier->part();
    carrier->leave(wire::kWsNormal);
  }
}

void Polling::probed() {
  probed_ = true;
  if (get_) answer_later();
}

void Polling::end(eio::Type last) {
  withdraw();
  if (release_.pending()) forget_post();  // else a packet of it is being handled
  release_.reset();
  if (post_ && post_->waits()) std::exchange(post_, nullptr)->give(taken());
  post_ = nullptr;
  if (last == eio::Type::kNoop) outbox_ = {};  // the client wants nothing more
  last_ = last;
  answer();
}

void Polling::taken_over() {
  offered_ = nullptr;
  if (post_ && post_->waits()) std::exchange(post_, nullptr)->give(taken());
  post_ = nullptr;
  if (get_) std::exchange(get_, nullptr)->give(payload("6"));
}

}  // namespace pillard::transport
