#pragma once

#include "config/load_config.hpp"
#include "config/option_table.hpp"

#include <string>

/// The option table as text for people.
namespace troupe::config {

/// All of docs/reference/config.md, in Markdown.
std::string reference_page();
/// What `troupe config explain KEY` prints about one option.
std::string explain(const option& what);
/// A configuration file that gives exactly `settings`, each with a comment that says where it came from.
std::string to_file(const loaded_config& loaded);

} // namespace troupe::config
