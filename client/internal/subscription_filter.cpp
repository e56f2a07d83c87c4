#include "client/internal/subscription_filter.hpp"

#include "filter/expression.hpp"

namespace troupe::client {

result<subscription_filter> subscription_filter::parse(const message_selector& wanted) {
    subscription_filter filter;
    if (wanted.is_sql92()) {
        // The broker compiles it too; here its column reaches the caller before anything is sent.
        if (const auto compiled = filter::expression::parse(wanted.text()); !compiled)
            return error{compiled.code(), "SQL92 expression: " + compiled.failure().text};
        filter.expression_ = wanted.text();
        filter.is_sql92_ = true;
        return filter;
    }
    auto tags = tag_filter::parse(wanted.text());
    if (!tags)
        return tags.failure();
    filter.tags_ = *std::move(tags);
    filter.expression_ = filter.tags_.to_expression();
    return filter;
}

} // namespace troupe::client
