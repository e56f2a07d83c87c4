#pragma once

#include "apps/output.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The settings of a consumer group as commands name, read and show them: one table, of which come the options of `troupe group create` and
/// `update`, what `show` prints, and what is said of a change.
namespace troupe::apps {

struct group_setting {
    std::string_view name;    ///< in output; RocketMQ's name of the field (SubscriptionGroupConfig), in snake case
    std::string_view type;    ///< of its value, in the help
    std::string_view meaning; ///< for the help
    /// As it is shown. Text, where it has one, is what `set` takes.
    cell (*shown)(const group_config& group);
    /// Fails with argument_illegal, whose text says what to write instead; the group is then as it was.
    result<void> (*set)(group_config& group, std::string_view text);
};

/// What changes something here first, then what RocketMQ's tools and clients ask for and nothing else.
std::span<const group_setting> group_settings();
/// "--retry-max-times" for "retry_max_times".
std::string option_of(const group_setting& setting);
/// What tables show of it.
std::string text_of(const group_setting& setting, const group_config& group);

/// "levels": the broker's delay levels. "customized:1s,5s,10s": one delay after the other. "exponential:5s,2h,2": the first, the longest,
/// and how many times as long each is; "exponential" alone is that of RocketMQ, which this one is. Fails with argument_illegal.
result<retry_policy> parse_retry_policy(std::string_view text);
/// The same, for every policy that can be written so.
std::string format_retry_policy(const retry_policy& policy);

/// Of one setting, in the text that tables show.
struct setting_change {
    std::string name;
    std::string from;
    std::string to;
    friend bool operator==(const setting_change&, const setting_change&) = default;
};
/// Empty when the two are alike.
std::vector<setting_change> changes_between(const group_config& before, const group_config& after);

} // namespace troupe::apps
