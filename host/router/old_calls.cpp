#include "router/old_calls.h"

#include <algorithm>

#include "pillard/schema.h"
#include "router/rest.h"

namespace pillard::router {

namespace {
// The old server's words: its pages show some of them.
constexpr std::string_view kInvalid = "Invalid request data";
constexpr std::string_view kAway = "Sessions cannot be looked up just now. Try again in a moment.";
constexpr std::string_view kLogIn = "Authentication required. Please log in.";

struct FieldErrors {
  std::vector<std::string> _errors;  // NOLINT: a name on the wire
  PILLARD_FIELDS(FieldErrors, PILLARD_FIELD(_errors))
};

/// Some of the old pages show `error`, others `message`.
struct OldFailure {
  bool success = false;
  std::string error;
  std::string message;
  std::string code;
  std::optional<FieldErrors> details;
  PILLARD_FIELDS(OldFailure, PILLARD_FIELD(success), PILLARD_FIELD(error), PILLARD_FIELD(message), PILLARD_FIELD(code),
                 PILLARD_FIELD(details))
};

/// What is used of what control_service answers.
struct Controlled {
  std::string service;
  std::string action;
  bool success = false;
  std::string message;
  json::Raw exit_status{"null"};
  json::Raw state{"null"};
  json::Raw command{"null"};
  json::Raw output{"null"};
  json::Raw journal{"[]"};
  PILLARD_FIELDS(Controlled, PILLARD_FIELD(service, {.required = true}), PILLARD_FIELD(action, {.required = true}),
                 PILLARD_FIELD(success, {.required = true}), PILLARD_FIELD(message), PILLARD_FIELD(exit_status),
                 PILLARD_FIELD(state), PILLARD_FIELD(command), PILLARD_FIELD(output), PILLARD_FIELD(journal))
};

struct ControlDetails {
  json::Raw output;
  json::Raw command;
  PILLARD_FIELDS(ControlDetails, PILLARD_FIELD(output), PILLARD_FIELD(command))
};
struct ControlSuccess {
  bool success = true;
  std::string message;
  ControlDetails details;
  PILLARD_FIELDS(ControlSuccess, PILLARD_FIELD(success), PILLARD_FIELD(message), PILLARD_FIELD(details))
};

struct FailedDetails {
  json::Raw output;
  json::Raw command;
  json::Raw exit_status;
  json::Raw state;
  json::Raw journal;
  PILLARD_FIELDS(FailedDetails, PILLARD_FIELD(output), PILLARD_FIELD(command), PILLARD_FIELD(exit_status),
                 PILLARD_FIELD(state), PILLARD_FIELD(journal))
};
struct ControlFailure {
  bool success = false;
  std::string error;
  std::string message;
  json::Raw command;
  FailedDetails details;
  PILLARD_FIELDS(ControlFailure, PILLARD_FIELD(success), PILLARD_FIELD(error), PILLARD_FIELD(message),
                 PILLARD_FIELD(command), PILLARD_FIELD(details))
};

struct ConfigText {
  json::Raw content;
  PILLARD_FIELDS(ConfigText, PILLARD_FIELD(content, {.required = true}))
};
struct ConfigSuccess {
  bool success = true;
  json::Raw content;
  PILLARD_FIELDS(ConfigSuccess, PILLARD_FIELD(success), PILLARD_FIELD(content))
};

wire::HttpResponse failure(const Error& error, int status) {
  if (status == 0) status = status_of(error.code());
  OldFailure told{
      .error = error.what(), .message = error.what(), .code = std::string(name(error.code())), .details = std::nullopt};
  if (status == 400) {
    told.error = kInvalid;
    told.details = FieldErrors{{error.what()}};
  }
  if (status == 401) told.error = kLogIn;
  // The words for old clients on a socket begin with "Authentication": a page would ask for the password again.
  if (told.message.starts_with("Auth") && status != 401) told.error = told.message = kAway;
  return json_response(status, encoded(told));
}

/// Any plugin may offer a call of this name.
template <class T>
T read(const std::string& json) {
  try {
    T answer;
    decode(answer, json, "the answer");
    return answer;
  } catch (const Error& error) {
    throw Error(Code::kInternal, error.what());
  }
}

wire::HttpResponse controlled(std::string json) {  // NOLINT: as Wording has it
  auto answer = read<Controlled>(json);
  if (answer.success)
    return json_response(
        200, encoded(ControlSuccess{
                 .message = "Service " + answer.service + " " + answer.action + " command executed successfully",
                 .details = {.output = std::move(answer.output), .command = std::move(answer.command)}}));
  return json_response(500, encoded(ControlFailure{.error = answer.message,
                                                   .message = answer.message,
                                                   .command = answer.command,
                                                   .details = {.output = std::move(answer.output),
                                                               .command = answer.command,
                                                               .exit_status = std::move(answer.exit_status),
                                                               .state = std::move(answer.state),
                                                               .journal = std::move(answer.journal)}}));
}

wire::HttpResponse config(std::string json) {  // NOLINT: as Wording has it
  return json_response(200, encoded(ConfigSuccess{.content = read<ConfigText>(json).content}));
}
}  // namespace

const std::vector<OldCall>& old_calls() {
  static const std::vector<OldCall> kCalls{
      {.path = "/api/ssh/controlService",
       .type = "control_service",
       .instead = "Services are controlled by the plugin service-control: enable it in [plugins] of pillard.ini.",
       .wording = {controlled, failure},
       .schema = json_schema<ControlSuccess>,
       .failed = json_schema<ControlFailure>},
      {.path = "/api/ssh/getConfig",
       .type = "get_config",
       .instead = "Unit files are shown by the plugin service-control: enable it in [plugins] of pillard.ini.",
       .wording = {config, failure},
       .schema = json_schema<ConfigSuccess>,
       .failed = nullptr},
      {.path = "/api/ssh/execute",
       .instead = "Commands of a client's own making are not run here: use what the plugins offer (GET "
                  "/api/openapi.json), write a plugin, or log in to the node with an SSH client."},
      {.path = "/api/ssh/updateClient",
       .instead = "Clients are updated on the node itself: log in with an SSH client and use the menu of ethpillar."},
      {.path = "/api/ssh/resyncClient",
       .instead = "Clients are resynchronized on the node itself: log in with an SSH client and use the menu of "
                  "ethpillar."},
      {.path = "/api/ssh/exposeRpc",
       .instead = "The flags of a client are changed on the node itself, in its unit file; get_config (POST "
                  "/api/ssh/getConfig) shows them."}};
  return kCalls;
}

const OldCall* find_old_call(std::string_view path) noexcept {
  const auto& all = old_calls();
  const auto found = std::find_if(all.begin(), all.end(), [&](const OldCall& call) { return call.path == path; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<wire::HttpResponse> refuse_old_call(const OldCall& call, const loader::Registry& registry,
                                                  const wire::HttpRequest& request) {
  if (request.method != "POST") {
    auto response = error_response(405, "This address takes POST only.");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  if (!call.type.empty() && registry.find_call(call.type)) return std::nullopt;
  return failure(Error(Code::kUnsupported, std::string(call.instead)), 0);
}

std::string old_failure_schema() { return json_schema<OldFailure>(); }

}  // namespace pillard::router
