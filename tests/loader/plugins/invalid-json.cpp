// Publishes what is no JSON.
#include "rogue.h"

namespace {
class Babbler final : public pillard::Source {
 public:
  Babbler(pillard::Context& context, const rogue::NoParams&) {
    context.publish_json(R"({"fine":true})", {});
    context.publish_json(R"({"half":)", {});
    context.publish("never reached");
  }
};
}  // namespace

ROGUE(Babbler, "invalid-json")
