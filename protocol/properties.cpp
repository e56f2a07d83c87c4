#include "protocol/properties.hpp"

#include "protocol/vocabulary/limits.hpp"

#include <algorithm>

namespace troupe::protocol {

namespace {

constexpr char name_end = property_name_end;
constexpr char value_end = property_value_end;

} // namespace

result<std::string> encode_properties(const properties& all) {
    std::string out;
    for (const auto& [name, value] : all) {
        if (name.empty())
            return error{errc::property_illegal, "a property has an empty name: name it or leave it out"};
        if (value.empty())
            return error{errc::property_illegal, "property \"" + name + "\" has an empty value: readers would drop it, leave it out"};
        if (holds_property_end(name) || holds_property_end(value))
            return error{errc::property_illegal, "property \"" + name + "\" holds byte 0x01 or 0x02, which separate properties"};
        out.append(name).push_back(name_end);
        out.append(value).push_back(value_end);
    }
    if (out.size() > limits::properties_bytes_max)
        return error{errc::properties_too_large, "the properties encode to " + std::to_string(out.size()) + " bytes, at most " +
                                                     std::to_string(limits::properties_bytes_max) + " are allowed"};
    return out;
}

properties decode_properties(std::string_view encoded) {
    properties all;
    for_each_property(encoded, [&](std::string_view name, std::string_view value) { all.insert_or_assign(std::string{name}, value); });
    return all;
}

std::optional<std::string_view> find_property(std::string_view encoded, std::string_view name) {
    std::optional<std::string_view> found;
    for_each_property(encoded, [&](std::string_view candidate, std::string_view value) {
        if (candidate == name)
            found = value;
    });
    return found;
}

} // namespace troupe::protocol
