#pragma once
// Clients with a door that writes down what it is told, and a store that can be slow or away.
#include <memory>
#include <string>

#include "router/client.h"
#include "router/problem.h"
#include "session/record.h"
#include "unit/fanout/spine.h"
#include "wire/http_head.h"

namespace pillard::test {

/// Passes on to another store; holds back or refuses look-ups when told to.
class MoodyStore final : public session::Store {
 public:
  explicit MoodyStore(session::Store& inner) : inner_(inner) {}
  bool can_keep(const session::Credential& credential) const override { return keys || !needs_sealing(credential); }
  void create(reactor::Reactor& home, session::Credential credential, Found done) override {
    inner_.create(home, std::move(credential), std::move(done));
  }
  void find(reactor::Reactor& home, std::string token, Found done) override {
    if (away) return home.post([done = std::move(done)]() mutable { done(Error(Code::kDisconnected, "away")); });
    if (!hold) return inner_.find(home, std::move(token), std::move(done));
    held_.push_back([this, &home, token = std::move(token), done = std::move(done)]() mutable {
      inner_.find(home, std::move(token), std::move(done));
    });
  }
  void touch(std::string_view token) override { inner_.touch(token); }
  void remove(reactor::Reactor& home, std::string token, Found done) override {
    if (away) return home.post([done = std::move(done)]() mutable { done(Error(Code::kDisconnected, "away")); });
    if (busy) return home.post([done = std::move(done)]() mutable { done(Error(Code::kOverloaded, "busy")); });
    inner_.remove(home, std::move(token), std::move(done));
  }
  session::EndWatch watch(reactor::Reactor& home, std::string token, Function<void()> ended) override {
    return inner_.watch(home, std::move(token), std::move(ended));
  }
  /// Answers what was held back, and holds nothing more.
  void release() {
    hold = false;
    for (auto& look_up : std::exchange(held_, {})) look_up();
  }
  // Touched on one lane, or before the loops run.
  bool hold = false;
  bool away = false;
  bool busy = false;
  bool keys = true;  // are kept

 private:
  session::Store& inner_;
  std::vector<Function<void()>> held_;
};

inline wire::HttpRequest request_of(std::string method, std::string path) {
  wire::HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

inline router::Services services_of(Spine& spine, session::Store& store) {
  return {.reactors = spine.reactors,
          .store = store,
          .limiter = spine.limiter,
          .pool = *spine.pool,
          .hub = *spine.hub,
          .registry = spine.registry,
          .log = spine.log,
          .metrics = spine.metrics,
          .health = spine.health};
}

/// One client and all it was told.
class Guest final : public router::Door {
 public:
  Guest(router::Sockets& sockets, reactor::Reactor& reactor) : sockets_(sockets), home(reactor) {
    on(home, [&] { client = std::make_unique<router::Client>(sockets_, home, *this); });
  }
  ~Guest() { leave(); }
  void leave() {
    on(home, [&] { client.reset(); });
  }
  void open(const std::string& token) {
    on(home, [&] {
      client->open(token, [&](const std::optional<Error>& refusal) {
        heard.add(std::string("opened ") + (refusal ? refusal->what() : "well"));
      });
      heard.add("asked");
    });
  }
  void say(const std::string& type, const std::string& params = {}) {
    on(home, [&] { client->message(type, params, nullptr); });
  }
  /// With an acknowledgement, which is heard as "<type>: <items>".
  void ask(const std::string& type, const std::string& params = {}) {
    on(home, [&] { ask_here(type, params); });
  }
  void ask_here(const std::string& type, const std::string& params = {}) {
    client->message(type, params, [this, type](const router::Outcome& outcome) {
      if (type != "authenticate") return heard.add(type + ": " + router::acknowledgement(outcome));
      if (outcome.error) emit("error", router::problem_json(*outcome.error));
      heard.add(type + (outcome.error ? ": false" : ": true"));
    });
  }
  std::string last(std::size_t count) {
    const auto lines = heard.wait(count);
    return lines.size() < count ? "nothing" : lines[count - 1];
  }

 private:
  class PlainEncoder final : public fanout::Encoder {
   public:
    void encode(std::string& out, const fanout::Label&, std::string_view json, std::string_view) const override {
      out += json;
    }
  };
  const fanout::Encoder& encoder() const override {
    static const PlainEncoder kEncoder;
    return kEncoder;
  }
  void send(const fanout::SharedBatch& batch, const fanout::Flow&) override {
    heard.add(std::to_string(batch->size()) + " frames");
  }
  void gap(const fanout::Flow&, std::uint64_t dropped) override { heard.add(std::to_string(dropped) + " dropped"); }
  void forget(const fanout::Flow&, bool) override {}
  void emit(std::string_view event, std::string_view json) override {
    heard.add(std::string(event) + '(' + std::string(json) + ')');
  }
  void close(std::string_view reason) override { heard.add("closed: " + std::string(reason)); }

  router::Sockets& sockets_;

 public:
  reactor::Reactor& home;
  Journal heard;
  std::unique_ptr<router::Client> client;
};

}  // namespace pillard::test
