// Reading, checking and printing one value of the option table.
#include "config/nearest.hpp"
#include "config/option_table.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

namespace troupe::config {

namespace {

error illegal(std::string text) {
    return error{errc::argument_illegal, std::move(text)};
}

std::string in_quotes(std::string_view text) {
    // Long values would bury the message.
    constexpr std::size_t shown_bytes_max = 60;
    std::string shown = "\"";
    for (const char c : text.substr(0, shown_bytes_max)) {
        shown += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    return shown + (text.size() > shown_bytes_max ? "...\"" : "\"");
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number number{};
    const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || rest != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::string format_ratio(double value) {
    char buffer[32];
    const int length = std::snprintf(buffer, sizeof buffer, "%.6g", value);
    return {buffer, static_cast<std::size_t>(length)};
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view part = text.substr(0, comma);
        while (part.starts_with(' ')) {
            part.remove_prefix(1);
        }
        while (part.ends_with(' ')) {
            part.remove_suffix(1);
        }
        parts.emplace_back(part);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

result<void> check_host(std::string_view host) {
    constexpr std::size_t host_bytes_max = 253;
    if (host.empty()) {
        return illegal("expected an IP address or host name, got nothing");
    }
    if (host.size() > host_bytes_max) {
        return illegal("a host name has at most " + std::to_string(host_bytes_max) + " bytes, this one " + std::to_string(host.size()));
    }
    const bool legal =
        std::all_of(host.begin(), host.end(), [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == ':'; });
    if (!legal) {
        return illegal(in_quotes(host) + " is no IP address or host name");
    }
    return {};
}

result<void> check_address(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) {
        return illegal(in_quotes(address) + " has no port; write \"host:port\"");
    }
    std::string_view host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return illegal(in_quotes(address) + " is ambiguous; write an IPv6 address in brackets: \"[::1]:9876\"");
    }
    if (const auto checked = check_host(host); !checked) {
        return illegal(in_quotes(address) + ": " + checked.failure().text);
    }
    const auto port = number_in<int>(address.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) {
        return illegal(in_quotes(address) + " has no port from 1 to 65535 behind the colon");
    }
    return {};
}

/// `has_room`: it may be two names, "room@name".
result<void> check_name(std::string_view name, bool has_room) {
    constexpr std::size_t name_bytes_max = 100;
    if (name.empty()) {
        return illegal("expected a name, got nothing");
    }
    if (name.size() > name_bytes_max) {
        return illegal("a name has at most " + std::to_string(name_bytes_max) + " bytes, this one " + std::to_string(name.size()));
    }
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool ends_room = has_room && name[i] == '@' && i > 0 && i + 1 < name.size() && name.find('@') == i;
        if (!is_letter_or_digit(name[i]) && name[i] != '_' && name[i] != '-' && !ends_room) {
            return illegal(in_quotes(name) + " has an illegal character at place " + std::to_string(i + 1) +
                           "; names have letters, digits, '_' and '-'" +
                           (has_room ? ", and that of a broker may have one '@', behind the name of its room" : ""));
        }
    }
    return {};
}

result<void> check_text(std::string_view text) {
    constexpr std::size_t text_bytes_max = 4096;
    if (text.empty()) {
        return illegal("must not be empty");
    }
    if (text.size() > text_bytes_max) {
        return illegal("is longer than " + std::to_string(text_bytes_max) + " bytes");
    }
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
        return illegal(in_quotes(text) + " has a control character");
    }
    return {};
}

result<void> check_choice(const option& what, std::string_view text) {
    if (std::find(what.choices.begin(), what.choices.end(), text) != what.choices.end()) {
        return {};
    }
    const std::string meant = nearest(text, what.choices);
    return illegal(in_quotes(text) + " is none of " + allowed_values(what) +
                   (meant.empty() ? "" : "; did you mean " + in_quotes(meant) + "?"));
}

result<void> check_list(const option& what, const std::vector<std::string>& list) {
    std::string all;
    for (const list_mistake& each : find_list_mistakes(what, list)) {
        all += (all.empty() ? "" : "; ") + each.text;
    }
    return all.empty() ? result<void>{} : illegal(std::move(all));
}

/// One bound of the table in the units of option_value.
option_value bound(const option& what, std::string_view text) {
    switch (what.kind) {
    case option_kind::ratio: return number_in<double>(text).value_or(0);
    case option_kind::size: return static_cast<std::int64_t>(*parse_size(text));
    case option_kind::duration: return parse_duration(text)->count();
    default: return number_in<std::int64_t>(text).value_or(0);
    }
}

result<void> check_range(const option& what, const option_value& value) {
    if (value < bound(what, what.min) || value > bound(what, what.max)) {
        return illegal(format_option(what, value) + " is out of range: " + allowed_values(what));
    }
    return {};
}

result<void> check(const option& what, const option_value& value) {
    switch (what.kind) {
    case option_kind::text: {
        const auto& text = std::get<std::string>(value);
        return text.empty() && what.default_text.empty() ? result<void>{} : check_text(text);
    }
    case option_kind::name:
    case option_kind::broker_name: return check_name(std::get<std::string>(value), what.kind == option_kind::broker_name);
    case option_kind::host: return check_host(std::get<std::string>(value));
    case option_kind::address: {
        const auto& text = std::get<std::string>(value);
        return text.empty() ? result<void>{} : check_address(text);
    }
    case option_kind::choice: return check_choice(what, std::get<std::string>(value));
    case option_kind::address_list:
    case option_kind::choice_list: return check_list(what, std::get<std::vector<std::string>>(value));
    case option_kind::boolean: return {};
    case option_kind::ratio:
        if (!std::isfinite(std::get<double>(value))) {
            return illegal("is not a finite number");
        }
        return check_range(what, value);
    case option_kind::integer:
    case option_kind::size:
    case option_kind::duration: return check_range(what, value);
    }
    return {};
}

result<option_value> unexpected(const option& what, std::string_view text) {
    return illegal("expected " + expectation(what) + ", got " + in_quotes(text));
}

} // namespace

result<option_value> parse_option(const option& what, std::string_view text) {
    switch (what.kind) {
    case option_kind::boolean:
        if (text != "true" && text != "false") {
            return unexpected(what, text);
        }
        return option_value{std::int64_t{text == "true"}};
    case option_kind::integer: {
        const auto number = number_in<std::int64_t>(text);
        return number ? check_option(what, *number) : unexpected(what, text);
    }
    case option_kind::ratio: {
        const auto number = number_in<double>(text);
        return number ? check_option(what, *number) : unexpected(what, text);
    }
    case option_kind::size: {
        const auto bytes = parse_size(text);
        return bytes ? check_option(what, static_cast<std::int64_t>(*bytes)) : bytes.failure();
    }
    case option_kind::duration: {
        const auto duration = parse_duration(text);
        return duration ? check_option(what, std::int64_t{duration->count()}) : duration.failure();
    }
    case option_kind::address_list:
    case option_kind::choice_list: return check_option(what, split(text));
    case option_kind::text:
    case option_kind::name:
    case option_kind::broker_name:
    case option_kind::host:
    case option_kind::address:
    case option_kind::choice: break;
    }
    return check_option(what, std::string{text});
}

result<option_value> check_option(const option& what, option_value value) {
    if (const auto checked = check(what, value); !checked) {
        return checked.failure();
    }
    return value;
}

std::vector<list_mistake> find_list_mistakes(const option& what, const std::vector<std::string>& list) {
    constexpr std::size_t items_max = 64;
    if (list.size() > items_max) {
        return {{std::nullopt, "has more than " + std::to_string(items_max) + " items"}};
    }
    if (what.kind == option_kind::choice_list && list.empty()) {
        return {{std::nullopt, "must name at least one of " + allowed_values(what)}};
    }
    std::vector<list_mistake> found;
    for (auto item = list.begin(); item != list.end(); ++item) {
        const auto at = static_cast<std::size_t>(item - list.begin());
        if (const auto checked = what.kind == option_kind::choice_list ? check_choice(what, *item) : check_address(*item); !checked) {
            found.push_back({at, checked.failure().text});
        } else if (std::find(list.begin(), item, *item) != item) {
            found.push_back({at, in_quotes(*item) + " is listed twice"});
        }
    }
    return found;
}

std::string format_option(const option& what, const option_value& value) {
    switch (what.kind) {
    case option_kind::boolean: return std::get<std::int64_t>(value) != 0 ? "true" : "false";
    case option_kind::integer: return std::to_string(std::get<std::int64_t>(value));
    case option_kind::ratio: return format_ratio(std::get<double>(value));
    case option_kind::size: return format_size(static_cast<std::uint64_t>(std::get<std::int64_t>(value)));
    case option_kind::duration: return format_duration(std::chrono::milliseconds{std::get<std::int64_t>(value)});
    case option_kind::address_list:
    case option_kind::choice_list: {
        std::string joined;
        for (const std::string& item : std::get<std::vector<std::string>>(value)) {
            joined += (joined.empty() ? "" : ",") + item;
        }
        return joined;
    }
    case option_kind::text:
    case option_kind::name:
    case option_kind::broker_name:
    case option_kind::host:
    case option_kind::address:
    case option_kind::choice: break;
    }
    return std::get<std::string>(value);
}

std::string expectation(const option& what) {
    switch (what.kind) {
    case option_kind::text: return "a text";
    case option_kind::name:
    case option_kind::broker_name: return "a name";
    case option_kind::host: return "an IP address or host name";
    case option_kind::address: return "an address \"host:port\"";
    case option_kind::address_list: return "a list of addresses \"host:port\"";
    case option_kind::choice: return "one of " + allowed_values(what);
    case option_kind::choice_list: return "a list of " + allowed_values(what);
    case option_kind::boolean: return "true or false";
    case option_kind::integer: return "a whole number";
    case option_kind::ratio: return "a number";
    case option_kind::size: return "a size with a unit, like \"" + std::string{what.default_text} + "\"";
    case option_kind::duration: return "a duration with a unit, like \"" + std::string{what.default_text} + "\"";
    }
    return "a value";
}

std::string allowed_values(const option& what) {
    if (!what.min.empty()) {
        return std::string{what.min} + " to " + std::string{what.max};
    }
    std::string names;
    for (const std::string& choice : what.choices) {
        names += (names.empty() ? "" : ", ") + choice;
    }
    return names;
}

std::string_view kind_name(option_kind kind) {
    switch (kind) {
    case option_kind::text: return "text";
    case option_kind::name: return "name";
    case option_kind::broker_name: return "broker name";
    case option_kind::host: return "host";
    case option_kind::address: return "address";
    case option_kind::address_list: return "list of addresses";
    case option_kind::choice: return "choice";
    case option_kind::choice_list: return "list of choices";
    case option_kind::boolean: return "true or false";
    case option_kind::integer: return "whole number";
    case option_kind::ratio: return "number";
    case option_kind::size: return "size";
    case option_kind::duration: return "duration";
    }
    return "value";
}

} // namespace troupe::config
