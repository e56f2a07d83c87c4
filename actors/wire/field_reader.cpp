#include "actors/wire/field_reader.hpp"

#include <charconv>
#include <limits>

namespace troupe::actors::net {

namespace {

template <class Number>
constexpr std::int64_t lowest = std::numeric_limits<Number>::min();
template <class Number>
constexpr std::int64_t highest = std::numeric_limits<Number>::max();

} // namespace

const std::string* field_reader::require(std::string_view name) {
    const auto* found = command_.fields.find(name);
    if (found == nullptr && problem_.code == errc::none)
        problem_ = {errc::protocol_error, "command " + std::to_string(command_.code) + " lacks the header field " + std::string{name}};
    return found;
}

std::int64_t field_reader::parse(std::string_view name, const std::string& text, std::int64_t min, std::int64_t max) {
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = problem == std::errc{} && end == text.data() + text.size();
    if (whole && value >= min && value <= max)
        return value;
    if (problem_.code == errc::none)
        problem_ = {errc::protocol_error, "header field " + std::string{name} + " of command " + std::to_string(command_.code) +
                                              " is no number in range: \"" + text.substr(0, 40) + "\""};
    return 0;
}

std::string field_reader::text(std::string_view name) {
    const auto* found = require(name);
    return found == nullptr ? std::string{} : *found;
}

std::string field_reader::text_or(std::string_view name, std::string_view otherwise) {
    const auto* found = command_.fields.find(name);
    return found == nullptr ? std::string{otherwise} : *found;
}

std::int32_t field_reader::int32(std::string_view name) {
    const auto* found = require(name);
    return found == nullptr ? 0 : static_cast<std::int32_t>(parse(name, *found, lowest<std::int32_t>, highest<std::int32_t>));
}

std::int32_t field_reader::int32_or(std::string_view name, std::int32_t otherwise) {
    const auto* found = command_.fields.find(name);
    if (found == nullptr || found->empty())
        return otherwise;
    return static_cast<std::int32_t>(parse(name, *found, lowest<std::int32_t>, highest<std::int32_t>));
}

std::int64_t field_reader::int64(std::string_view name) {
    const auto* found = require(name);
    return found == nullptr ? 0 : parse(name, *found, lowest<std::int64_t>, highest<std::int64_t>);
}

std::int64_t field_reader::int64_or(std::string_view name, std::int64_t otherwise) {
    const auto* found = command_.fields.find(name);
    return found == nullptr || found->empty() ? otherwise : parse(name, *found, lowest<std::int64_t>, highest<std::int64_t>);
}

bool field_reader::boolean_or(std::string_view name, bool otherwise) {
    const auto* found = command_.fields.find(name);
    return found == nullptr ? otherwise : *found == "true";
}

} // namespace troupe::actors::net
