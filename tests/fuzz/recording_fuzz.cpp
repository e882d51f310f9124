// Recordings: what can be read is written as text that reads the same; what cannot is refused with its line.
#include "fuzz/fuzz.h"
#include "pillard/testing/recording.h"

namespace pillard::fuzz {

void run(std::string_view input) {
  try {
    const auto text = testing::to_text(testing::parse_recording(input));
    FUZZ_REQUIRE(testing::to_text(testing::parse_recording(text)) == text);
  } catch (const std::runtime_error& error) {
    FUZZ_REQUIRE(std::string_view(error.what()).starts_with("line "));
  }
  // Any bytes can be output.
  testing::RecordedRun any{.argv = {"program", std::string(input)}};
  any.out.push_back({.bytes = std::string(input)});
  any.err = input;
  const auto again = testing::parse_recording(testing::to_text({.runs = {any}})).runs.at(0);
  FUZZ_REQUIRE(again.argv == any.argv && again.out.at(0).bytes == input && again.err == input);
}

}  // namespace pillard::fuzz
