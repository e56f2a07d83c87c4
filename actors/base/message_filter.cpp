#include "actors/base/message_filter.hpp"

#include "filter/expression.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>

namespace troupe::actors {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool wants_everything(std::string_view expression) {
    return expression.empty() || expression == "*";
}

error too_long(std::size_t bytes) {
    return {errc::subscription_illegal, "the filter expression has " + std::to_string(bytes) + " bytes; at most " +
                                            std::to_string(limits::expression_bytes_max) + " are allowed"};
}

result<message_filter> parse_tags(std::string_view expression) {
    auto rest = trimmed(expression);
    if (wants_everything(rest))
        return message_filter{};
    auto filter = std::make_shared<storage::record_filter>();
    auto& hashes = filter->tag_hashes;
    while (!rest.empty()) {
        const auto bars = std::min(rest.find("||"), rest.size());
        if (const auto tag = trimmed(rest.substr(0, bars)); !tag.empty())
            hashes.push_back(protocol::tag_hash(tag));
        rest.remove_prefix(std::min(bars + 2, rest.size()));
    }
    if (hashes.empty())
        return error{errc::subscription_illegal, "subscription \"" + std::string{expression} + "\" names no tag"};
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return message_filter{std::move(filter)};
}

result<message_filter> parse_sql92(std::string_view expression) {
    auto compiled = filter::expression::parse(expression);
    if (!compiled)
        return error{compiled.code(), "SQL92 expression: " + compiled.failure().text};
    auto made = std::make_shared<storage::record_filter>();
    made->work = std::max<std::size_t>(expression.size(), 1);
    made->wants = [wanted = *std::move(compiled)](std::string_view properties) { return wanted.matches(properties); };
    return message_filter{std::move(made)};
}

} // namespace

result<message_filter> parse_message_filter(std::string_view expression, std::string_view type) {
    if (expression.size() > limits::expression_bytes_max)
        return too_long(expression.size());
    if (type == sql92_type)
        return parse_sql92(expression);
    if (type.empty() || type == "TAG")
        return parse_tags(expression);
    constexpr std::size_t shown_bytes_max = 80;
    return error{errc::subscription_illegal,
                 "unknown expression type \"" + std::string{type.substr(0, shown_bytes_max)} + "\"; use TAG or SQL92"};
}

bool is_filtered(std::string_view topic, std::string_view type) {
    return type != sql92_type || !is_retry_topic(topic);
}

result<message_filter> message_filters::find(const std::string& expression, const std::string& type) {
    if (type != sql92_type && wants_everything(expression))
        return message_filter{};
    // Neither is worth keeping: one is cheap to refuse, and the other may be as large as a frame.
    if (expression.size() > limits::expression_bytes_max || type.size() > sql92_type.size())
        return parse_message_filter(expression, type);
    auto key = type + '\x01' + expression;
    if (const auto known = known_.find(key); known != known_.end())
        return known->second;
    auto parsed = parse_message_filter(expression, type);
    if (known_.size() >= count_max_ || bytes_ + key.size() > bytes_max_) {
        known_.clear();
        bytes_ = 0;
    }
    bytes_ += key.size();
    known_.emplace(std::move(key), parsed);
    return parsed;
}

} // namespace troupe::actors
