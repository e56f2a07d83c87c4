#pragma once

#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::client {

/// A subscription by tags, tested on the text: brokers test hashes, which may collide.
class tag_filter {
public:
    /// "*" or empty: everything; "TagA || TagB". Fails with subscription_illegal.
    static result<tag_filter> parse(std::string_view expression);

    [[nodiscard]] bool matches(std::string_view tags) const;
    /// The normal form: "*" or "TagA || TagB".
    [[nodiscard]] std::string to_expression() const;

private:
    std::vector<std::string> tags_; // sorted; empty: everything
};

} // namespace troupe::client
