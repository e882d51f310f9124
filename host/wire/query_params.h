#pragma once
// Parameters of a message type as the query of a URL brings them: text, of which the types are known from elsewhere.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pillard/schema.h"

namespace pillard::wire {

/// [any] The JSON object that `query` stands for: of each field its value, numbers and booleans as such, of lists each
/// element by a parameter of its own; objects and fields of any kind as JSON. Text that is not of its field's kind
/// becomes a string, which whoever decodes it refuses in their own words. Other parameters are left out. `resume`, if
/// it is not empty, takes the place of the field to resume behind. Throws Error(bad_request) for a parameter that is
/// given twice and is no list, and for one that is nested too deeply.
std::string params_of_query(const std::vector<std::pair<std::string, std::string>>& query,
                            const std::vector<FieldSchema>& fields, std::string_view resume = {});

}  // namespace pillard::wire
