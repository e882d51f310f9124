#include "router/openapi.h"

#include <fmt/format.h>

#include "pillard/version.h"
#include "router/api.h"
#include "router/old_calls.h"

namespace pillard::router {

namespace {
/// Members of a JSON object, each by its key.
class Members {
 public:
  Members& add(std::string_view key, std::string_view json) {
    text_ += std::exchange(comma_, ',');
    json::append_string(text_, key);
    text_.append(":").append(json);
    return *this;
  }
  Members& add_text(std::string_view key, std::string_view text) {
    std::string json;
    json::append_string(json, text);
    return add(key, json);
  }
  std::string object() const { return comma_ == '{' ? "{}" : text_ + '}'; }

 private:
  std::string text_;
  char comma_ = '{';
};

std::string ref(std::string_view kind, std::string_view name) {
  return fmt::format(R"({{"$ref":"#/components/{}/{}"}})", kind, name);
}

/// One content type of a body.
std::string content(std::string_view type, std::string_view schema) {
  return Members().add(type, Members().add("schema", schema).object()).object();
}

/// A success, and whatever may go wrong.
std::string responses(std::string_view status, std::string_view success) {
  return Members().add(status, success).add("default", ref("responses", "Problem")).object();
}

/// The schema of each field, out of the schema of the whole.
std::string property(const Schema& schema, std::string_view name) {
  json::Reader reader(schema.json);
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    const auto part = reader.read_raw();
    if (*key != "properties") continue;
    json::Reader properties(part);
    properties.enter_object();
    while (const auto field = properties.next_key()) {
      const auto found = properties.read_raw();
      if (*field == name) return std::string(found);
    }
  }
  return "{}";
}

std::string parameter(const Schema& schema, const FieldSchema& field) {
  Members made;
  made.add_text("name", field.name).add_text("in", "query").add("required", field.options.required ? "true" : "false");
  if (field.options.about) made.add_text("description", field.options.about);
  const bool json = field.shape == Shape::kObject || field.shape == Shape::kAny;
  const auto of_field = property(schema, field.name);
  json ? made.add("content", content("application/json", of_field)) : made.add("schema", of_field);
  return made.object();
}

std::string call_operation(const loader::CallEntry& entry, const CallType& type) {
  const auto& name = entry.options().name;
  const auto& params = type.params();
  const bool required = std::any_of(params.fields.begin(), params.fields.end(),
                                    [](const FieldSchema& field) { return field.options.required; });
  const auto body = Members()
                        .add("required", required ? "true" : "false")
                        .add("content", content("application/json", params.json))
                        .object();
  const auto success = Members()
                           .add_text("description", "The answer of the node.")
                           .add("content", content("application/json", type.response_schema()))
                           .object();
  return Members()
      .add_text("operationId", name)
      .add("tags", fmt::format(R"(["{}"])", entry.plugin().name()))
      .add_text("summary", "Calls " + name + " of the plugin " + entry.plugin().name() + '.')
      .add("requestBody", body)
      .add("responses", responses("200", success))
      .object();
}

std::string stream_operation(const loader::StreamEntry& entry, const StreamType& type) {
  const auto& options = entry.options();
  const auto& schema = type.params();
  std::string parameters;
  bool resumes = false;
  for (const auto& field : schema.fields) {
    if (!parameters.empty()) parameters += ',';
    parameters += parameter(schema, field);
    resumes |= field.options.resume;
  }
  if (resumes) {
    if (!parameters.empty()) parameters += ',';
    parameters += ref("parameters", "LastEventId") + ',' + ref("parameters", "lastEventId");
  }
  const auto events = Members()
                          .add(options.event, ref("schemas", options.event))
                          .add(options.gap, ref("schemas", "Gap"))
                          .add("error", ref("schemas", "StreamError"))
                          .object();
  const auto success =
      Members()
          .add_text("description",
                    fmt::format("Server-Sent Events without an end: `{}`, `{}` for events that were dropped, `error`. "
                                "Their data is JSON, see x-pillard-events.",
                                options.event, options.gap))
          .add("content", content("text/event-stream", R"({"type":"string"})"))
          .add("x-pillard-events", events)
          .object();
  const auto ended = Members().add_text("description", "The stream is over; do not come back.").object();
  return Members()
      .add_text("operationId", options.subscribe)
      .add("tags", fmt::format(R"(["{}"])", entry.plugin().name()))
      .add_text("summary", "Streams " + options.event + " of the plugin " + entry.plugin().name() + '.')
      .add("parameters", '[' + parameters + ']')
      .add("responses",
           Members().add("200", success).add("204", ended).add("default", ref("responses", "Problem")).object())
      .object();
}

/// One of the old server's calls, as what answers it is described.
std::string old_operation(const OldCall& old, const loader::CallEntry& entry, const CallType& type) {
  const auto name = old.path.substr(old.path.rfind('/') + 1);
  const auto failure = Members()
                           .add_text("description", "It did not work.")
                           .add("content", content("application/json", ref("schemas", "OldFailure")))
                           .object();
  const auto success = Members()
                           .add_text("description", "As the old server answered.")
                           .add("content", content("application/json", old.schema()))
                           .object();
  const auto body =
      Members().add("required", "true").add("content", content("application/json", type.params().json)).object();
  Members responses;
  responses.add("200", success);
  if (old.failed) {
    const auto either = fmt::format(R"({{"anyOf":[{},{}]}})", old.failed(), ref("schemas", "OldFailure"));
    responses.add("500", Members()
                             .add_text("description", "It was tried and failed, or could not be tried.")
                             .add("content", content("application/json", either))
                             .object());
  }
  return Members()
      .add_text("operationId", name)
      .add("tags", fmt::format(R"(["{}"])", entry.plugin().name()))
      .add_text("summary", fmt::format("Calls {} and answers as the old server did.", old.type))
      .add("requestBody", body)
      .add("responses", responses.add("default", failure).object())
      .object();
}

std::string rest_paths(Members& paths) {
  constexpr std::string_view kOpen = R"("security":[])";
  paths.add("/api/ssh/connect",
            fmt::format(R"({{"post":{{"operationId":"connect","tags":["session"],"summary":"Logs in to a node.",{},)"
                        R"("requestBody":{{"required":true,"content":{}}},"responses":{{"200":{{"description":)"
                        R"("Logged in; the cookies ssh_session and ssh_session_ws are set.","content":{}}},)"
                        R"("default":{{"description":"Not logged in.","content":{}}}}}}}}})",
                        kOpen, content("application/json", ref("schemas", "ConnectRequest")),
                        content("application/json", ref("schemas", "ConnectSuccess")),
                        content("application/json", ref("schemas", "ConnectFailure"))));
  paths.add(
      "/api/ssh/disconnect",
      fmt::format(R"({{"post":{{"operationId":"disconnect","tags":["session"],"summary":"Logs out.",)"
                  R"("responses":{{"200":{{"description":"Logged out.","content":{}}},)"
                  R"("default":{{"description":"There was no session.","content":{}}}}}}}}})",
                  content("application/json",
                          R"({"type":"object","properties":{"success":{"type":"boolean"}},"required":["success"]})"),
                  content("application/json", ref("schemas", "Failure"))));
  for (const std::string_view name : {"healthz", "readyz"})
    paths.add(
        fmt::format("/{}", name),
        fmt::format(R"({{"get":{{"operationId":"{}","tags":["health"],"summary":"{}",{},"responses":{{)"
                    R"("200":{{"description":"Yes.","content":{}}},"503":{{"description":"No.","content":{}}}}}}}}})",
                    name, name == "healthz" ? "Whether it works." : "Whether traffic should be sent here.", kOpen,
                    content("application/json", ref("schemas", "Health")),
                    content("application/json", ref("schemas", "Health"))));
  paths.add("/api/openapi.json",
            fmt::format(R"({{"get":{{"operationId":"openapi","tags":["health"],"summary":"This document.",{},)"
                        R"("responses":{{"200":{{"description":"OpenAPI 3.1.","content":{}}}}}}}}})",
                        kOpen, content("application/json", R"({"type":"object"})")));
  return paths.object();
}

std::string schemas(const loader::Registry& registry) {
  constexpr std::string_view kCode =
      R"({"type":"string","enum":["bad_request","unauthenticated","access_denied","not_found","conflict","timeout",)"
      R"("disconnected","overloaded","unsupported","internal"]})";
  Members all;
  all.add("Code", kCode);
  all.add("Problem",
          fmt::format(R"({{"type":"object","description":"RFC 9457.","properties":{{"type":{{"type":"string"}},)"
                      R"("title":{{"type":"string"}},"status":{{"type":"integer"}},"detail":{{"type":"string",)"
                      R"("description":"For a person."}},"code":{0}}},)"
                      R"("required":["type","title","status","detail","code"]}})",
                      ref("schemas", "Code")));
  all.add("StreamError",
          fmt::format(R"({{"type":"object","properties":{{"message":{{"type":"string"}},"code":{},"type":)"
                      R"({{"type":"string"}},"params":{{}},"ended":{{"type":"boolean",)"
                      R"("description":"The stream is over."}}}},"required":["message","code"]}})",
                      ref("schemas", "Code")));
  all.add("Gap", R"({"type":"object","description":"The params, and how many events were dropped in this place.",)"
                 R"("properties":{"dropped":{"type":"integer","minimum":1}},"required":["dropped"]})");
  all.add("ConnectRequest", connect_request_schema());
  all.add("ConnectSuccess",
          R"({"type":"object","properties":{"success":{"const":true},"sessionId":{"type":"string",)"
          R"("description":"The token; left out for pages of this server's own address."}},"required":["success"]})");
  all.add("ConnectFailure", connect_failure_schema());
  all.add("Failure", R"({"type":"object","properties":{"success":{"const":false},"error":{"type":"string"},)"
                     R"("message":{"type":"string"}},"required":["success","error","message"]})");
  all.add("OldFailure", old_failure_schema());
  all.add("Health", R"({"type":"object","properties":{"status":{"enum":["ok","failing"]},"checks":{"type":"object"}},)"
                    R"("required":["status","checks"]})");
  for (const auto* stream : registry.streams())
    if (const auto type = stream->type()) all.add(stream->options().event, type->event_schema());
  return all.object();
}
}  // namespace

std::string openapi(const loader::Registry& registry, std::string_view base) {
  Members paths;
  for (const auto* call : registry.calls())
    if (const auto type = call->type())
      paths.add(fmt::format("{}{}", kCallPath, call->options().name),
                Members().add("post", call_operation(*call, *type)).object());
  for (const auto* stream : registry.streams())
    if (const auto type = stream->type())
      paths.add(fmt::format("{}{}", kStreamPath, stream->options().subscribe),
                Members().add("get", stream_operation(*stream, *type)).object());
  for (const auto& old : old_calls())
    if (const auto* entry = old.type.empty() ? nullptr : registry.find_call(old.type))
      if (const auto type = entry->type())
        paths.add(old.path, Members().add("post", old_operation(old, *entry, *type)).object());
  const auto info = Members()
                        .add_text("title", "pillard")
                        .add_text("version", PILLARD_SDK_VERSION)
                        .add_text("description",
                                  "What the loaded plugins offer. The same types are spoken as JSON over a WebSocket "
                                  "at /ws, and by Socket.IO.")
                        .object();
  const auto components =
      Members()
          .add("securitySchemes", R"({"cookie":{"type":"apiKey","in":"cookie","name":"ssh_session"},)"
                                  R"("bearer":{"type":"http","scheme":"bearer"}})")
          .add("parameters",
               R"({"LastEventId":{"name":"Last-Event-ID","in":"header","schema":{"type":"string"},"description":)"
               R"("The id of the last event that the client has; goes before everything else."},)"
               R"("lastEventId":{"name":"lastEventId","in":"query","schema":{"type":"string"},"description":)"
               R"("The same, for clients that cannot set headers."}})")
          .add("responses",
               Members()
                   .add("Problem", Members()
                                       .add_text("description", "What is wrong.")
                                       .add("content", content("application/problem+json", ref("schemas", "Problem")))
                                       .object())
                   .object())
          .add("schemas", schemas(registry))
          .object();
  return Members()
      .add_text("openapi", "3.1.0")
      .add("info", info)
      .add("servers", '[' + Members().add_text("url", base.empty() ? "/" : base).object() + ']')
      .add("security", R"([{"cookie":[]},{"bearer":[]}])")
      .add("paths", rest_paths(paths))
      .add("components", components)
      .object();
}

std::shared_ptr<const std::string> OpenApi::document() {
  const auto version = registry_.version();  // before it is read: what changes meanwhile is written the next time
  const std::lock_guard lock(mutex_);
  if (!document_ || version != version_) {
    document_ = std::make_shared<const std::string>(openapi(registry_, base_));
    version_ = version;
  }
  return document_;
}

}  // namespace pillard::router
