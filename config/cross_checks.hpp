#pragma once

#include "config/node_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// Options that are each legal and contradict each other; reported at `key`.
struct contradiction {
    std::string_view key;
    std::string text;
    std::vector<std::string_view> others; ///< keys of the other options that it looks at
};

/// All contradictions of a configuration. Rules for a role apply only where the role runs.
std::vector<contradiction> find_contradictions(const node_config& config);

} // namespace troupe::config
