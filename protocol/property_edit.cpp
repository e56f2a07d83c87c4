#include "protocol/property_edit.hpp"

#include "protocol/properties.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::protocol {

void remove_property(std::string& encoded, std::string_view name) {
    std::size_t kept = 0; // everything before it stays; one pass, however many go
    std::size_t at = 0;
    while (at < encoded.size()) {
        const auto end = std::min(encoded.find(property_value_end, at), encoded.size());
        const auto pair = std::string_view{encoded}.substr(at, end - at);
        const auto bytes = std::min(end + 1, encoded.size()) - at;
        const bool goes = pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == property_name_end;
        if (!goes) {
            if (kept != at)
                std::copy_n(encoded.begin() + static_cast<std::ptrdiff_t>(at), bytes, encoded.begin() + static_cast<std::ptrdiff_t>(kept));
            kept += bytes;
        }
        at += bytes;
    }
    encoded.resize(kept);
}

void set_property(std::string& encoded, std::string_view name, std::string_view value) {
    assert(!holds_property_end(value));
    remove_property(encoded, name);
    if (value.empty())
        return;
    if (!encoded.empty() && encoded.back() != property_value_end)
        encoded.push_back(property_value_end);
    encoded.append(name).push_back(property_name_end);
    encoded.append(value).push_back(property_value_end);
}

} // namespace troupe::protocol
