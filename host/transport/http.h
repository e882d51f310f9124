#pragma once
// HTTP/1.1 on a connection: one request at a time, kept alive, until it is upgraded or ends.
#include <memory>
#include <optional>
#include <string>

#include "reactor/reactor.h"
#include "transport/connection.h"
#include "wire/http_chunked.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::transport {

/// What is served on a listener. Its functions run on the reactor of the connection that asks.
class Site {
 public:
  using Answer = Function<void(wire::HttpResponse)>;
  virtual ~Site() = default;

  /// A request whose client must not leave unnoticed. Goes when its answer was given, or when the client has left.
  class Visit {
   public:
    virtual ~Visit() = default;
    /// As Site::handle(), when the body is there.
    virtual void handle(std::string body, Answer answer) = 0;
    /// The daemon ends: answer soon.
    virtual void going_away() = 0;
  };
  using Admission = std::variant<std::unique_ptr<Visit>, wire::HttpResponse>;

  /// A connection was accepted: its place among those of its address. Empty optional: there are too many. [any]
  virtual std::optional<AddressLimit::Place> enter(const wire::Address&) { return AddressLimit::Place(); }
  /// The head has been read, and nobody has looked at it. Fills in who asks (client, secure, local_socket), and may
  /// refuse; one that is not to be kept alive closes the connection. Once more when the connection has moved.
  virtual std::optional<wire::HttpResponse> admit(Connection& connection, wire::HttpRequest& request);
  /// A request of this connection was answered, and another one may follow.
  virtual void answered(Connection&) {}
  /// Where the request has to be served, if not here.
  virtual Connections* home(const Connection&, const wire::HttpRequest&) { return nullptr; }
  /// Most bytes of its body.
  virtual std::uint64_t body_limit(const Connection& connection, const wire::HttpRequest& request);
  /// Behind refuse(), before the body: a visit, nothing for handle(), or a refusal.
  virtual Admission visit(Connection&, const wire::HttpRequest&) { return nullptr; }
  /// The refusal of a body that cannot be read, in the form that its address answers in.
  virtual wire::HttpResponse refusal(const wire::HttpRequest& request, const wire::HttpError& error);
  /// Adds what every answer to this request has to carry.
  virtual void dress(const wire::HttpRequest&, wire::HttpResponse&) {}

  /// Looked at when only the head has arrived: refuses before a body is read. Empty: go on.
  virtual std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) = 0;
  /// Answers once, from inside or later.
  virtual void handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) = 0;
  /// What is asked for when all of a request is there, unless it has a visit: nothing for handle() if the answer has no
  /// end. Then either the refusal, or what the connection speaks from now on, which sends the head of the answer
  /// itself.
  using Taken = std::variant<std::monostate, wire::HttpResponse, std::unique_ptr<Protocol>>;
  virtual Taken take_over(Connection&, const wire::HttpRequest&) { return {}; }
  /// For requests that want to become a WebSocket: what the connection speaks from now on, after `first` was sent; or
  /// the refusal.
  struct Upgrade {
    std::string first;
    std::unique_ptr<Protocol> protocol;
  };
  virtual std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection,
                                                            const wire::HttpRequest& request) = 0;
};

class HttpProtocol final : public Protocol {
 public:
  HttpProtocol(Connection& connection, Site& site);
  ~HttpProtocol() override;

  std::size_t consume(std::span<char> input) override;
  void input_ended() override;
  void going_away() override;
  void not_reading(observe::Text why) override { connection_.abort(why); }

 private:
  std::size_t take_head(std::string_view input);
  std::size_t take_body(std::string_view input);
  std::size_t take_chunks(std::string_view input);
  bool expect_body();
  void dispatch();
  void upgrade();
  void answer(wire::HttpResponse response);
  void refuse(const wire::HttpError& error);
  void refuse_unread(wire::HttpResponse response);
  void arm(std::chrono::milliseconds timeout);

  Connection& connection_;
  Site& site_;
  const wire::HttpLimits limits_;
  std::optional<wire::HttpRequest> request_;  // its head has arrived
  std::string body_;
  std::unique_ptr<wire::ChunkedDecoder> chunks_;  // while such a body comes
  std::unique_ptr<Site::Visit> visit_;
  std::size_t scanned_ = 0;  // bytes of an unfinished head that were searched already
  bool begun_ = false;       // some byte of a request has come
  bool kept_ = false;        // others were answered before
  bool answering_ = false;
  bool closing_ = false;  // this answer is the last
  reactor::Timer deadline_;
  std::shared_ptr<HttpProtocol*> self_;  // for answers that come late
};

}  // namespace pillard::transport
