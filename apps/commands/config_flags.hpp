#pragma once

#include "apps/command_line.hpp"
#include "config/load_config.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Configuration on the command line: shared by `troupe node` and `troupe config`.
namespace troupe::apps {

struct config_arguments {
    std::string file; ///< empty: none
    std::vector<std::pair<std::string, std::string>> flags;
};

/// Adds one flag per configuration option. They are left out of --help, which names `troupe config explain` instead.
void add_config_flags(CLI::App& command, const std::shared_ptr<config_arguments>& arguments);

/// Reads file, environment and flags. On mistakes prints all of them to context.err and returns nothing.
std::optional<config::loaded_config> load(const config_arguments& arguments, const command_context& context);

} // namespace troupe::apps
