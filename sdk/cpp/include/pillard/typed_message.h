#pragma once
// The kinds of messages made of a plugin's own types: Registrar's templates, nothing that a plugin names.
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pillard/context.h"
#include "pillard/fields.h"
#include "pillard/message_type.h"
#include "pillard/schema.h"

namespace pillard::detail {

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

}  // namespace pillard::detail
