#pragma once

#include <string>
#include <utility>

namespace troupe::client {

/// Which messages of a topic a consumer wants (RocketMQ: MessageSelector). Whoever subscribes with it checks it.
class message_selector {
public:
    /// "*" or nothing: every message. Or tags: "TagA || TagB".
    message_selector(std::string tags = "*") : text_{std::move(tags)} {}
    message_selector(const char* tags) : text_{tags} {}
    /// A condition over the properties of a message, which the broker evaluates: "price > 10.5 AND region IN ('eu', 'us')".
    /// docs/reference/sql92.md has the language.
    static message_selector sql92(std::string condition) {
        message_selector wanted{std::move(condition)};
        wanted.is_sql92_ = true;
        return wanted;
    }

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool is_sql92() const { return is_sql92_; }

private:
    std::string text_;
    bool is_sql92_ = false;
};

} // namespace troupe::client
