#pragma once

#include "config/node_config.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Every option, once. The loader, `troupe config explain`, the flags of `troupe node` and docs/reference/config.md are
/// made from this table.
namespace troupe::config {

enum class option_kind : std::uint8_t {
    text,         ///< printable characters
    name,         ///< letters, digits, '_' and '-'
    broker_name,  ///< a name, or two: "room@name"
    host,         ///< an IP address or host name
    address,      ///< "host:port", or empty
    address_list, ///< list of "host:port"
    choice,       ///< one of option::choices
    choice_list,  ///< at least one of option::choices, each once
    boolean,
    integer,
    ratio, ///< a number with a fraction
    size,  ///< bytes, written "64MiB"
    duration,
};

/// A checked value; the kind of the option says which alternative it is: int64 for integer, size (bytes), duration
/// (milliseconds) and boolean (0 or 1); double for ratio; lists for the two list kinds; text for the rest.
using option_value = std::variant<std::int64_t, double, std::string, std::vector<std::string>>;

struct option {
    std::string_view key; ///< path in the file: "broker.store.flush"
    option_kind kind;
    std::string_view default_text; ///< as in a file or flag; lists are joined by commas
    /// Inclusive range as in a file or flag; empty where the kind has none.
    std::string_view min = {};
    std::string_view max = {};
    std::vector<std::string> choices = {};
    std::string_view meaning; ///< a full sentence, or several
    void (*apply)(node_config& config, const option_value& value);
};

/// In the order of the reference page: sections stay together.
std::span<const option> option_table();
/// Null when there is no such key.
const option* find_option(std::string_view key);
/// "TROUPE_BROKER_STORE_FLUSH" for "broker.store.flush".
std::string environment_name(const option& what);
/// "--broker-store-flush" for "broker.store.flush".
std::string flag_name(const option& what);

/// Reads a value from a flag, an environment variable or a default. Fails with argument_illegal; the text says what is
/// expected, what was found and, if something close is valid, what was probably meant.
result<option_value> parse_option(const option& what, std::string_view text);
/// Range, choices and form of a value of the right type. Fails as parse_option.
result<option_value> check_option(const option& what, option_value value);

/// One thing that is wrong with a list.
struct list_mistake {
    std::optional<std::size_t> item; ///< none: the list as a whole
    std::string text;
};
/// All that check_option finds wrong with a value of a list kind; its text has them joined by "; ".
std::vector<list_mistake> find_list_mistakes(const option& what, const std::vector<std::string>& list);
/// The value as in a flag; parse_option reads it back.
std::string format_option(const option& what, const option_value& value);

/// "a size with a unit, like \"64MiB\"" and the like, for messages.
std::string expectation(const option& what);
/// Range or choices for people: "1 to 65535", "sync, async"; empty when anything of the kind goes.
std::string allowed_values(const option& what);
/// "size", "duration", "list of addresses", ...: for tables.
std::string_view kind_name(option_kind kind);

/// The configuration that an empty file gives.
node_config default_config();

} // namespace troupe::config
