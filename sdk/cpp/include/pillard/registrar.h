#pragma once
#include <concepts>
#include <memory>
#include <string>
#include <string_view>

#include "pillard/context.h"
#include "pillard/export.h"
#include "pillard/fields.h"
#include "pillard/schema.h"

namespace pillard {

/// What may be dropped of events that wait for a subscriber who reads slowly; the others do not notice. One who takes
/// nothing at all is disconnected with a reason.
enum class Overflow {
  kNewest,  ///< states: all but the newest, the others are not missed
  kDrop,    ///< lines: the oldest that wait; the subscriber is told how many, in their place, by the `gap` event
};

/// How a stream is reached and kept. Names are [a-z0-9_]+, 64 bytes at most, unlike all others of the daemon.
struct StreamOptions {
  std::string subscribe;       // message type that starts a subscription: "subscribe_logs"
  std::string unsubscribe;     // message type that ends it: "unsubscribe_logs"
  std::string event;           // type of what is published: "log_data"
  std::string gap{};           // of what tells of dropped events: the params and "dropped", how many; empty: stream_gap
  std::string batch{};         // of a frame that carries a list of events, at doors that write such; empty: none does
  std::size_t replay = 0;      // newest events kept for those who come late, 0-10000
  Milliseconds linger{2'000};  // how long the Source is kept after its last subscriber left, 0-60000
  Overflow overflow = Overflow::kDrop;
};

struct CallOptions {
  std::string name;              // message type of the request: "get_config"
  Milliseconds timeout{30'000};  // 1-600000; then the Call is destroyed and the caller told `timeout`
};

/// What one subscriber asked for, decoded. `key` is equal for those who can share a Source.
struct Query {
  std::string key;                      // canonical JSON of the params without pace and resume
  std::optional<std::int64_t> pace_ms;  // of the `pace` field
  std::string resume;                   // of the `resume` field
  std::shared_ptr<const void> params;   // the decoded struct
};

/// A registered stream as the host drives it. Immutable, [any].
class PILLARD_API StreamType {
 public:
  /// Throws std::invalid_argument for options out of their ranges. `event`: JSON Schema of what is published.
  explicit StreamType(StreamOptions options, Schema params = {}, std::string event = "{}");
  virtual ~StreamType();
  const StreamOptions& options() const noexcept { return options_; }
  const Schema& params() const noexcept { return params_; }
  const std::string& event_schema() const noexcept { return event_; }
  /// `params`: valid JSON, or empty for none. Throws Error(bad_request).
  virtual Query decode(std::string_view params) const = 0;
  /// [lane]
  virtual std::unique_ptr<Source> start(Context& context, const Query& query) const = 0;
  /// [lane] The audience changed what it asks for: the smallest pace of all. No effect unless the Source has retune().
  virtual void retune(Source& source, const Query& query) const = 0;
  /// A query that asks for the same at another pace.
  virtual Query with_pace(const Query& query, std::int64_t pace_ms) const = 0;

 private:
  StreamOptions options_;
  Schema params_;
  std::string event_;
};

/// A registered call. Immutable, [any].
class PILLARD_API CallType {
 public:
  /// Throws as StreamType's. `response`: JSON Schema of the answer.
  explicit CallType(CallOptions options, Schema params = {}, std::string response = "{}");
  virtual ~CallType();
  const CallOptions& options() const noexcept { return options_; }
  const Schema& params() const noexcept { return params_; }
  const std::string& response_schema() const noexcept { return response_; }
  /// [lane] Throws Error(bad_request) when `params` cannot be decoded.
  virtual std::unique_ptr<Call> start(CallContext& context, std::string_view params) const = 0;

 private:
  CallOptions options_;
  Schema params_;
  std::string response_;
};

namespace detail {
/// The key: canonical JSON of all fields but pace and resume.
template <class Params>
Query describe(Params params) {
  Query query;
  char comma = '{';
  std::apply(
      [&](const auto&... f) {
        [[maybe_unused]] const auto one = [&](const auto& one_field) {  // not used without fields
          const auto& part = params.*(one_field.member);
          using Part = std::remove_cvref_t<decltype(part)>;
          if (one_field.options.pace) {
            if constexpr (std::integral<Part>) query.pace_ms = static_cast<std::int64_t>(part);
            return;
          }
          if (one_field.options.resume) {
            if constexpr (std::same_as<Part, std::string>) query.resume = part;
            return;
          }
          query.key += std::exchange(comma, ',');
          encode(query.key, std::string_view(one_field.name));
          query.key += ':';
          encode(query.key, part);
        };
        (one(f), ...);
      },
      Params::pillard_fields());
  if (comma == '{') query.key += '{';
  query.key += '}';
  query.params = std::make_shared<const Params>(std::move(params));
  return query;
}

/// Of what a Source publishes, if it says so: `using Event = LogLine;`
template <class SourceT>
std::string event_schema_of() {
  if constexpr (requires { typename SourceT::Event; }) {
    return json_schema<typename SourceT::Event>();
  } else {
    return "{}";
  }
}
/// Of what a Call replies, if it says so: `using Response = ...;`
template <class CallT>
std::string response_schema_of() {
  if constexpr (requires { typename CallT::Response; }) {
    return json_schema<typename CallT::Response>();
  } else {
    return "{}";
  }
}

template <class Params, class SourceT, class Factory>
class TypedStream final : public StreamType {
 public:
  TypedStream(StreamOptions options, Factory factory)
      : StreamType(std::move(options), schema_of<Params>(), event_schema_of<SourceT>()), factory_(std::move(factory)) {}
  Query decode(std::string_view params) const override {
    Params decoded{};
    pillard::decode(decoded, params.empty() ? std::string_view("{}") : params, "params");
    if constexpr (requires { decoded.check(); }) decoded.check();
    return describe(std::move(decoded));
  }
  std::unique_ptr<Source> start(Context& context, const Query& query) const override {
    return factory_(context, params(query));
  }
  void retune(Source& source, const Query& query) const override {
    if constexpr (requires(SourceT & s) { s.retune(params(query)); })
      static_cast<SourceT&>(source).retune(params(query));
  }
  Query with_pace(const Query& query, std::int64_t pace_ms) const override {
    Params changed = params(query);
    std::apply(
        [&](const auto&... f) {
          [[maybe_unused]] const auto one = [&](const auto& one_field) {  // not used without fields
            if constexpr (std::integral<std::remove_cvref_t<decltype(changed.*(one_field.member))>>)
              if (one_field.options.pace)
                changed.*(one_field.member) =
                    static_cast<std::remove_cvref_t<decltype(changed.*(one_field.member))>>(pace_ms);
          };
          (one(f), ...);
        },
        Params::pillard_fields());
    return describe(std::move(changed));
  }

 private:
  static const Params& params(const Query& query) { return *static_cast<const Params*>(query.params.get()); }
  Factory factory_;
};

template <class Request, class CallT, class Factory>
class TypedCall final : public CallType {
 public:
  TypedCall(CallOptions options, Factory factory)
      : CallType(std::move(options), schema_of<Request>(), response_schema_of<CallT>()), factory_(std::move(factory)) {}
  std::unique_ptr<Call> start(CallContext& context, std::string_view params) const override {
    Request request{};
    decode(request, params.empty() ? std::string_view("{}") : params, "params");
    if constexpr (requires { request.check(); }) request.check();
    return factory_(context, std::move(request));
  }

 private:
  Factory factory_;
};
}  // namespace detail

/// Where a plugin says what it offers. [setup]
class PILLARD_API Registrar {
 public:
  virtual ~Registrar();

  /// Offers a stream: `SourceT(Context&, Params)`. Params is a struct with PILLARD_FIELDS; its optional `void check()`,
  /// const or not, throws Error for what the types cannot say, and may normalise: what it leaves is what is shared and
  /// handed to the Source. Optional `void SourceT::retune(Params)`, and `using SourceT::Event` for the description of
  /// what it publishes.
  template <class Params, std::derived_from<Source> SourceT>
  void stream(StreamOptions options) {
    stream<Params, SourceT>(std::move(options), [](Context& context, const Params& params) {
      return std::make_unique<SourceT>(context, params);
    });
  }
  /// The same for a Source that needs more than its params: `factory(Context&, const Params&)` returns a
  /// unique_ptr<SourceT>. It is called on any lane, several at once: let it hold only what never changes.
  template <class Params, std::derived_from<Source> SourceT, class Factory>
  void stream(StreamOptions options, Factory factory) {
    add(std::make_unique<detail::TypedStream<Params, SourceT, Factory>>(std::move(options), std::move(factory)));
  }

  /// Offers a call: `CallT(CallContext&, Request)`, or made by `factory(CallContext&, Request)`. Optional
  /// `using CallT::Response` for the description of what it replies.
  template <class Request, std::derived_from<Call> CallT>
  void call(CallOptions options) {
    call<Request, CallT>(std::move(options), [](CallContext& context, Request request) {
      return std::make_unique<CallT>(context, std::move(request));
    });
  }
  template <class Request, std::derived_from<Call> CallT, class Factory>
  void call(CallOptions options, Factory factory) {
    add(std::make_unique<detail::TypedCall<Request, CallT, Factory>>(std::move(options), std::move(factory)));
  }

  /// Throws std::invalid_argument for a bad or taken name.
  virtual void add(std::unique_ptr<StreamType> type) = 0;
  virtual void add(std::unique_ptr<CallType> type) = 0;
};

}  // namespace pillard
