// Names of units, as clients give them: refused, or a unit's full name that no program takes for an option or a
// pattern, and that a client reads back as what it may ask for again.
#include "fuzz/fuzz.h"
#include "pillard/problem.h"
#include "pillard/unit.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

void run(std::string_view input) {
  std::string unit;
  try {
    unit = unit_of_service(input);
  } catch (const Error& error) {
    FUZZ_REQUIRE(error.code() == Code::kBadRequest && wire::is_utf8(error.what()));
    return;
  }
  FUZZ_REQUIRE(valid_unit_name(unit));
  FUZZ_REQUIRE(unit.front() != '-');
  FUZZ_REQUIRE(unit.find_first_of("*?[]/ \n\t'\"`$&|;<>") == std::string::npos);
  FUZZ_REQUIRE(unit_of_service(unit) == unit);
  FUZZ_REQUIRE(unit_of_service(service_of_unit(unit)) == unit);
}

}  // namespace pillard::fuzz
