#include "transport/native_door.h"

#include "pillard/fields.h"
#include "router/problem.h"

namespace pillard::transport {

namespace native = wire::native;

namespace {
constexpr std::size_t kFrameEvents = 256;       // of a list in one frame at most,
constexpr std::size_t kFrameBytes = 64 * 1024;  // unless a single event has more

class NativeEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, const fanout::Label& label, std::string_view json, std::string_view) const override {
    native::append_event_frame(out, label.type, label.topic, json.size(), [&](std::string& data) { data += json; });
  }
  /// Lists, where the stream has a name for them.
  void encode_all(fanout::Batch& out, const fanout::Label& label,
                  std::span<const fanout::SharedEvent> events) const override {
    if (label.batch.empty()) return Encoder::encode_all(out, label, events);
    while (!events.empty()) {
      std::size_t count = 0;
      std::size_t size = 1;  // brackets and commas
      while (count < events.size() && count < kFrameEvents) {
        const auto more = events[count]->json.size() + 1;
        if (count > 0 && size + more > kFrameBytes) break;
        size += more;
        ++count;
      }
      native::append_event_frame(out.bytes, label.batch, label.topic, size, [&](std::string& data) {
        char comma = '[';
        for (const auto& event : events.first(count)) {
          data += std::exchange(comma, ',');
          data += event->json;
        }
        data += ']';
      });
      out.ends.push_back(static_cast<std::uint32_t>(out.bytes.size()));
      out.events.push_back(static_cast<std::uint32_t>(count));
      events = events.subspan(count);
    }
  }
};

struct AuthParams {
  std::string token;
  PILLARD_FIELDS(AuthParams, PILLARD_FIELD(token, {.required = true, .secret = true}))
};

struct GrantParams {
  std::string topic;
  std::int64_t credit = 0;
  PILLARD_FIELDS(GrantParams, PILLARD_FIELD(topic, {.required = true, .max_length = 256}),
                 PILLARD_FIELD(credit, {.min = 1, .max = native::kMaxCredit, .required = true}))
};

template <class Params>
Params decoded(const native::Message& message) {
  Params params;
  decode(params, message.params.empty() ? std::string_view("{}") : message.params, "params");
  return params;
}
}  // namespace

/// From a valve to the socket.
class NativeDoor::Way final : public Valve::Outlet {
 public:
  Way(NativeDoor& door, const Flow& flow) : door_(door), flow_(flow) {}
  void pass(SharedBatch batch) override { door_.socket_->send(std::move(batch), flow_); }
  void tell_gap(std::uint64_t dropped) override { door_.socket_->gap(flow_, dropped); }

 private:
  NativeDoor& door_;
  const Flow& flow_;
};

const fanout::Encoder& native_encoder() {
  static const NativeEncoder kEncoder;
  return kEncoder;
}

void NativeDoor::opened(WebSocket& socket) {
  socket_ = &socket;
  client_ = std::make_unique<router::Client>(sockets_, reactor(), *this);
  client_->open(std::exchange(token_, {}), [this](const std::optional<Error>& refusal) {
    // It may still bring a better one.
    if (refusal) socket_->send_text(native::error({}, router::problem_json(*refusal)));
  });
  deadline_ = reactor().after(options_.connect_timeout, [this] {
    if (!client_->authenticated()) end("no authentication in time");
  });
  heard();
}

void NativeDoor::text(std::string_view message) {
  heard();
  auto read = native::read(message);
  if (const auto* refusal = std::get_if<native::Refusal>(&read)) {
    const Error error(Code::kBadRequest, refusal->words);
    return socket_->send_text(native::refusal(refusal->type, refusal->id, router::problem_json(error)));
  }
  take(std::move(std::get<native::Message>(read)));
}

void NativeDoor::binary(std::string_view) { socket_->close(wire::kWsUnsupportedData, "messages are text here"); }

void NativeDoor::pong() {
  heard();
  client_->alive();
}

void NativeDoor::take(native::Message message) {
  const auto& registry = sockets_.services().registry;
  const bool subscribes = registry.find_subscribe(message.type) != nullptr;
  try {
    if (message.credit && !subscribes)
      throw Error(Code::kBadRequest, "credit: only a subscription has credit; `grant` adds to it");
    if (message.type == "auth") return authenticate(message);
    if (message.type == "grant") return grant(message);
    if (!subscribes && !registry.find_unsubscribe(message.type) && !registry.find_call(message.type)) {
      std::string words = "There is no message type ";
      json::append_string(words, message.type);
      throw Error(Code::kUnsupported, words + " here; GET /api/openapi.json lists them.");
    }
  } catch (const Error& error) {
    return answer(message, {.error = error});
  }
  const std::string type = message.type;
  const std::string params(message.params);
  message.params = {};  // a slice of what is gone when the answer comes
  client_->message(type, params, [self = self_, message = std::move(message)](const router::Outcome& outcome) {
    if (*self) (*self)->answer(message, outcome);
  });
}

void NativeDoor::authenticate(const native::Message& message) {
  const auto params = decoded<AuthParams>(message);
  std::string token;
  json::append_string(token, params.token);
  auto later = message;
  later.params = {};
  client_->message("authenticate", token, [self = self_, later = std::move(later)](const router::Outcome& outcome) {
    if (*self) (*self)->answer(later, outcome);
  });
}

void NativeDoor::grant(const native::Message& message) {
  const auto params = decoded<GrantParams>(message);
  const auto topic = topics_.find(params.topic);
  if (topic == topics_.end()) throw Error(Code::kNotFound, "params.topic: there is no subscription of this topic");
  const auto valve = valves_.find(topic->second);
  if (valve == valves_.end())
    throw Error(Code::kBadRequest, "params.topic: this subscription was made without credit and is not held back");
  answer(message, {});
  Way way(*this, *topic->second);
  valve->second.grant(params.credit, way);
}

void NativeDoor::answer(const native::Message& message, const router::Outcome& outcome) {
  if (outcome.error)
    return socket_->send_text(native::refusal(message.type, message.id, router::problem_json(*outcome.error)));
  if (!outcome.flow) return socket_->send_text(native::answer(message.type, message.id, outcome.data));
  std::string data = "{\"topic\":";
  json::append_string(data, outcome.flow->topic());
  socket_->send_text(native::answer(message.type, message.id, data + '}'));
  subscribed(*outcome.flow, message.credit);
}

/// Its first events come in a later turn. Asked for again, it has the credit that was given last.
void NativeDoor::subscribed(const Flow& flow, std::optional<std::int64_t> credit) {
  topics_.insert_or_assign(flow.topic(), &flow);
  const auto known = valves_.find(&flow);
  if (known == valves_.end()) {
    if (!credit) return;
    valves_.emplace(&flow, Valve(flow.overflow(), *credit));
    for (auto& [other, valve] : valves_) valve.hold(held_at_most());  // their share is smaller now
    return;
  }
  Way way(*this, flow);
  if (credit) return known->second.grant(*credit - known->second.credit(), way);
  known->second.open(way);
  valves_.erase(known);
}

/// All that is held for a client together is no more than what may wait to be sent to it.
std::size_t NativeDoor::held_at_most() const {
  return socket_->connection().home().limits().outbox_bytes / std::max<std::size_t>(1, valves_.size());
}

void NativeDoor::send(const SharedBatch& batch, const Flow& flow) {
  const auto valve = valves_.find(&flow);
  if (valve == valves_.end()) return socket_->send(batch, flow);
  Way way(*this, flow);
  valve->second.offer(batch, held_at_most(), way);
}

/// What never leaves takes no credit: a client can only count what reaches it. Not from inside, where a valve may be at
/// work.
void NativeDoor::lost(const Flow& flow, std::uint64_t events) {
  const auto valve = valves_.find(&flow);
  if (valve == valves_.end()) return;
  valve->second.refund(events);
  if (valve->second.held_cost() == 0 || refunded_.pending()) return;
  refunded_ = reactor().after(std::chrono::milliseconds(0), [this] {
    for (auto& [of, held] : valves_) {
      Way way(*this, *of);
      held.grant(0, way);
    }
  });
}

void NativeDoor::gap(const Flow& flow, std::uint64_t dropped) {
  const auto valve = valves_.find(&flow);
  if (valve == valves_.end()) return socket_->gap(flow, dropped);
  Way way(*this, flow);
  valve->second.gap(dropped, way);
}

void NativeDoor::forget(const Flow& flow, bool deliver) {
  valves_.erase(&flow);
  if (const auto topic = topics_.find(flow.topic()); topic != topics_.end() && topic->second == &flow)
    topics_.erase(topic);
  socket_->connection().forget(flow, deliver);
}

void NativeDoor::emit(std::string_view event, std::string_view arguments_json) {
  socket_->send_text(event == "error" ? native::error({}, arguments_json) : native::event(event, arguments_json));
}

void NativeDoor::problem(const Flow& flow, const Error&, bool ended, const std::string& json) {
  if (const auto valve = valves_.find(&flow); ended && valve != valves_.end()) {
    Way way(*this, flow);
    valve->second.open(way);
  }
  socket_->send_text(native::error(flow.topic(), json));
}

void NativeDoor::close(std::string_view reason) { socket_->close(wire::kWsNormal, reason); }

/// Any sign of life puts the next heartbeat off only if one is waited for: a client that talks is still asked at times.
void NativeDoor::heard() {
  if (!std::exchange(awaits_pong_, false) && heartbeat_.pending()) return;
  heartbeat_ = reactor().after(options_.ping_interval, [this] { beat(); });
}

void NativeDoor::beat() {
  if (!socket_->open()) return;
  socket_->ping();
  awaits_pong_ = true;
  expect_pong(options_.ping_timeout);
}

void NativeDoor::expect_pong(std::chrono::milliseconds timeout) {
  heartbeat_ = reactor().after(timeout, [this] {
    // It may be among what is not read just now.
    if (!socket_->connection().reads()) return expect_pong(std::chrono::seconds(1));
    end("no answer to a heartbeat");
  });
}

void NativeDoor::end(std::string_view why) {
  if (!socket_->open()) return;
  socket_->connection().home().log().info("transport", "client closed",
                                          {{"connection", observe::base36(connection())}, {"why", why}});
  socket_->close(wire::kWsPolicy, why);
}

}  // namespace pillard::transport
