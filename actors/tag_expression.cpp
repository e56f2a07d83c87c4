#include "actors/tag_expression.hpp"

#include "protocol/message_codec.hpp"

#include <algorithm>
#include <string>

namespace troupe::actors {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

result<std::shared_ptr<const storage::tag_filter>> parse_tag_expression(std::string_view expression, std::string_view type) {
    using filter_pointer = std::shared_ptr<const storage::tag_filter>;
    if (type == "SQL92")
        return error{errc::not_supported, "this broker does not filter messages by SQL92; subscribe by tags (\"TagA || TagB\") or \"*\""};
    if (!type.empty() && type != "TAG")
        return error{errc::subscription_illegal, "unknown expression type \"" + std::string{type} + "\"; use TAG"};
    auto rest = trimmed(expression);
    if (rest.empty() || rest == "*")
        return filter_pointer{};
    auto filter = std::make_shared<storage::tag_filter>();
    while (!rest.empty()) {
        const auto bars = std::min(rest.find("||"), rest.size());
        if (const auto tag = trimmed(rest.substr(0, bars)); !tag.empty())
            filter->hashes.push_back(protocol::tag_hash(tag));
        rest.remove_prefix(std::min(bars + 2, rest.size()));
    }
    if (filter->hashes.empty())
        return error{errc::subscription_illegal, "subscription \"" + std::string{expression} + "\" names no tag"};
    std::sort(filter->hashes.begin(), filter->hashes.end());
    filter->hashes.erase(std::unique(filter->hashes.begin(), filter->hashes.end()), filter->hashes.end());
    return filter_pointer{std::move(filter)};
}

} // namespace troupe::actors
