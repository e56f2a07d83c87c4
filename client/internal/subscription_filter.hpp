#pragma once

#include "client/internal/tag_filter.hpp"
#include "client/message_selector.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>

namespace troupe::client {

/// What a consumer tells brokers that it wants of a topic, and what it tests itself. Immutable.
class subscription_filter {
public:
    subscription_filter() = default; ///< everything
    /// Fails with subscription_illegal: no tag expression, or no condition (then with its column).
    static result<subscription_filter> parse(const message_selector& wanted);

    /// Whether a message that a broker sent is wanted. Tags are tested again, conditions are the broker's work.
    [[nodiscard]] bool matches(std::string_view tags) const { return tags_.matches(tags); }
    /// For subscriptions and pulls: the expression in its normal form, and RocketMQ's word for its language.
    [[nodiscard]] const std::string& expression() const { return expression_; }
    [[nodiscard]] std::string type() const { return is_sql92_ ? "SQL92" : "TAG"; }

    friend bool operator==(const subscription_filter& x, const subscription_filter& y) {
        return x.expression_ == y.expression_ && x.is_sql92_ == y.is_sql92_;
    }

private:
    tag_filter tags_;
    std::string expression_ = "*";
    bool is_sql92_ = false;
};

} // namespace troupe::client
