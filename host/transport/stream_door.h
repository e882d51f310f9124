#pragma once
// The door for one stream by HTTP: Server-Sent Events until either side leaves.
#include <string>
#include <utility>
#include <vector>

#include "router/client.h"
#include "transport/address_budgets.h"
#include "transport/call_door.h"
#include "transport/http.h"

namespace pillard::transport {

/// [lane] What a connection speaks once it was asked for a stream: sends the head of the answer, or a refusal, when the
/// session is known; then events. The answer ends with the connection.
class StreamDoor final : public Protocol, private router::Door {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Options {
    std::chrono::milliseconds heartbeat;
    Headers headers;  // on whatever it answers
  };
  /// The answer to `request`, which is a GET of a stream that there is: a refusal for what can be told at once.
  static Site::Taken open(router::Sockets& sockets, AddressBudgets& budgets, Connection& connection,
                          const wire::HttpRequest& request, Options options);

  StreamDoor(router::Sockets& sockets, Connection& connection, std::string token, std::string_view type,
             std::string_view params, Options options);

  std::size_t consume(std::span<char> input) override { return input.size(); }  // there is nothing to say
  void input_ended() override { connection_.abort("client left a stream"); }
  void going_away() override { streaming_ ? connection_.finish() : refuse(server_ends()); }
  void not_reading(observe::Text why) override;

 private:
  // router::Door
  const fanout::Encoder& encoder() const override;
  void send(const SharedBatch& batch, const Flow& flow) override { connection_.send(batch, flow); }
  void gap(const Flow& flow, std::uint64_t dropped) override { connection_.gap(flow, dropped); }
  void forget(const Flow& flow, bool deliver) override { connection_.forget(flow, deliver); }
  void emit(std::string_view event, std::string_view arguments_json) override;
  void problem(const Flow& flow, const Error& error, bool ended, const std::string& json) override;
  void close(std::string_view reason) override;
  std::uint64_t connection() const override { return connection_.id(); }

  void begin();
  void refuse(wire::HttpResponse response);
  void beat();

  Connection& connection_;
  const Options options_;
  bool streaming_ = false;  // the head is out
  bool refused_ = false;
  reactor::Timer heartbeat_;
  router::Client client_;  // last: its end needs all of the above
};

}  // namespace pillard::transport
