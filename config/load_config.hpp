#pragma once

#include "config/json_document.hpp"
#include "config/node_config.hpp"
#include "config/option_table.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::config {

/// Who set a value. Later ones win.
enum class origin : std::uint8_t { default_value, file, environment, flag };
std::string_view to_string_view(origin from);

/// One option of a loaded configuration.
struct setting {
    const option* what = nullptr;
    option_value value;
    origin from = origin::default_value;
    std::string place; ///< "file:line:column", the environment variable, the flag; empty for a default
};

struct loaded_config {
    node_config config;
    std::vector<setting> settings; ///< in the order of the option table, all of them
};

/// One mistake in a configuration.
struct config_error {
    std::string place; ///< "file:line:column", the environment variable or the flag; the file alone if it has no better place
    std::string key;   ///< path of the key; empty when the file as a whole is wrong
    std::string text;  ///< what is wrong and what is valid
};
/// "place: key: text".
std::string to_string(const config_error& mistake);

/// Where a configuration comes from.
struct config_source {
    std::string file_name;                                  ///< for messages; empty: there is no file
    std::string file_text;                                  ///< JSON, with comments allowed
    std::map<std::string, std::string> environment;         ///< only names that begin with TROUPE_ are looked at
    std::vector<std::pair<std::string, std::string>> flags; ///< flag name as written ("--broker-port") and its value
};

/// A configuration, or everything that is wrong with it: exactly one of the two.
struct load_outcome {
    std::optional<loaded_config> loaded;
    std::vector<config_error> mistakes; ///< in the order of the file, then environment, flags, and contradictions
};

/// Merges the sources (flag over environment over file over default) and checks everything. Never throws; bounded by
/// json_bytes_max and json_depth_max, whatever the file holds.
load_outcome load_config(const config_source& source);

/// Reads a file for config_source. Fails with not_found or io, naming path and reason; argument_illegal when it is larger
/// than json_bytes_max.
result<std::string> read_config_file(const std::filesystem::path& path);
/// The TROUPE_ variables of this process.
std::map<std::string, std::string> troupe_environment();

} // namespace troupe::config
