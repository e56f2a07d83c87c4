#include "filter/expression.hpp"

#include "filter/internal/parser.hpp"
#include "protocol/properties.hpp"

#include <array>

namespace troupe::filter {

struct expression::compiled {
    std::string text;
    parsed_expression parsed;
};

namespace {

using property_values = std::array<std::optional<std::string_view>, limits::expression_properties_max>;

} // namespace

result<expression> expression::parse(std::string_view text) {
    auto parsed = parse_expression(text);
    if (!parsed)
        return parsed.failure();
    return expression{std::make_shared<const compiled>(compiled{std::string{text}, *std::move(parsed)})};
}

truth expression::evaluate(std::string_view encoded_properties) const {
    const auto& names = content_->parsed.properties;
    property_values values;
    protocol::for_each_property(encoded_properties, [&](std::string_view name, std::string_view value) {
        for (std::size_t slot = 0; slot < names.size(); ++slot) {
            if (names[slot] == name) {
                values[slot] = value;
                break;
            }
        }
    });
    return filter::evaluate(content_->parsed.root, std::span{values}.first(names.size()));
}

truth expression::evaluate(const property_lookup& lookup) const {
    const auto& names = content_->parsed.properties;
    property_values values;
    for (std::size_t slot = 0; slot < names.size(); ++slot)
        values[slot] = lookup(names[slot]);
    return filter::evaluate(content_->parsed.root, std::span{values}.first(names.size()));
}

const std::string& expression::text() const {
    return content_->text;
}

const std::vector<std::string>& expression::properties() const {
    return content_->parsed.properties;
}

} // namespace troupe::filter
