#pragma once

#include "filter/internal/condition.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::filter {

struct parsed_expression {
    condition root;
    std::vector<std::string> properties; ///< by slot
};

/// Fails as expression::parse does.
result<parsed_expression> parse_expression(std::string_view text);

} // namespace troupe::filter
