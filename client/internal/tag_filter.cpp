#include "client/internal/tag_filter.hpp"

#include <algorithm>

namespace troupe::client {

namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

} // namespace

result<tag_filter> tag_filter::parse(std::string_view expression) {
    tag_filter filter;
    const auto whole = trim(expression);
    if (whole.empty() || whole == "*")
        return filter;
    std::size_t at = 0;
    while (at <= whole.size()) {
        const auto bar = std::min(whole.find("||", at), whole.size());
        const auto tag = trim(whole.substr(at, bar - at));
        if (tag.empty() || tag == "*" || tag.find('|') != std::string_view::npos)
            return error{errc::subscription_illegal,
                         "\"" + std::string{expression} + "\" is no tag expression; write \"*\" or tags like \"TagA || TagB\""};
        filter.tags_.emplace_back(tag);
        at = bar + 2;
    }
    std::sort(filter.tags_.begin(), filter.tags_.end());
    filter.tags_.erase(std::unique(filter.tags_.begin(), filter.tags_.end()), filter.tags_.end());
    return filter;
}

bool tag_filter::matches(std::string_view tags) const {
    return tags_.empty() || std::binary_search(tags_.begin(), tags_.end(), tags);
}

std::string tag_filter::to_expression() const {
    if (tags_.empty())
        return "*";
    std::string text;
    for (const auto& tag : tags_)
        text += (text.empty() ? "" : " || ") + tag;
    return text;
}

} // namespace troupe::client
