#pragma once

#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::filter {

/// The three values of SQL's logic. `unknown` is what a comparison with a missing property gives, and what is no match.
enum class truth : std::uint8_t { no, unknown, yes };

/// The value of the property `name` of one message, or nothing when it has none. Called once per name and evaluation.
using property_lookup = std::function<std::optional<std::string_view>(std::string_view name)>;

/// A condition over the properties of messages, in RocketMQ's SQL92 (`a > 5 AND region IN ('x', 'y')`), compiled.
///
/// Language  docs/reference/sql92.md; where Apache RocketMQ answers differently, that page says why.
/// Threads   immutable; copies share the compiled form and may be used from any thread at once.
/// Bounds    an expression has at most limits::expression_bytes_max bytes, limits::expression_nesting_max levels of parentheses
///           and NOT, and names limits::expression_properties_max properties. Evaluating it takes no memory, and time that
///           grows with its length times that of the properties, never faster.
/// Source    Apache RocketMQ 5.3, filter/: grammar and evaluation; docs/reference/sql92.md says where this differs.
class expression {
public:
    /// Compiles `text`. Fails with subscription_illegal, as "column 12: what was expected, what is there, and what helps";
    /// columns count characters of the text, from 1.
    static result<expression> parse(std::string_view text);

    /// Whether a message is wanted: its condition is `yes`. `encoded_properties` as in a record (protocol/properties.hpp).
    [[nodiscard]] bool matches(std::string_view encoded_properties) const { return evaluate(encoded_properties) == truth::yes; }
    [[nodiscard]] truth evaluate(std::string_view encoded_properties) const;
    /// The same for properties that lie elsewhere.
    [[nodiscard]] truth evaluate(const property_lookup& lookup) const;

    [[nodiscard]] const std::string& text() const;
    /// The properties it reads, each once, in the order of their first use.
    [[nodiscard]] const std::vector<std::string>& properties() const;

private:
    struct compiled;
    explicit expression(std::shared_ptr<const compiled> content) : content_{std::move(content)} {}

    std::shared_ptr<const compiled> content_;
};

} // namespace troupe::filter
