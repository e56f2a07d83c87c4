#pragma once

#include "config/node_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// Two options that are each legal and contradict each other; reported at `key`.
struct contradiction {
    std::string_view key;
    std::string text;
};

/// All contradictions of a configuration. Rules for a role apply only where the role runs.
std::vector<contradiction> find_contradictions(const node_config& config);

} // namespace troupe::config
