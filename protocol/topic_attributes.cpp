#include "protocol/topic_attributes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

namespace troupe::protocol {

namespace {

/// An attribute that RocketMQ has, and which of its values this broker acts on.
struct known_attribute {
    std::string_view name;
    std::string_view values; ///< separated by '|'; empty: a whole number from 0 on
    bool may_change = true;
};

/// message.type is a label for clients and tools. Three of RocketMQ's choose what the store does, and ours does one thing only. The quotas
/// are Troupe's own.
constexpr std::array<known_attribute, 8> known_attributes{{
    {"message.type", "UNSPECIFIED|NORMAL|FIFO|DELAY|TRANSACTION", true},
    {"queue.type", "SimpleCQ", false},
    {"cleanup.policy", "DELETE", false},
    {"reserve.time", "-1", true},
    {topic_attribute::send_messages, "", true},
    {topic_attribute::send_bytes, "", true},
    {topic_attribute::retention_ms, "", true},
    {topic_attribute::retention_bytes, "", true},
}};

bool is_whole_number(std::string_view value) {
    std::int64_t number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    return read.ec == std::errc{} && read.ptr == value.data() + value.size() && number >= 0;
}

bool is_among(std::string_view value, std::string_view values) {
    while (!values.empty()) {
        const auto one = values.substr(0, values.find('|'));
        if (one == value)
            return true;
        values.remove_prefix(std::min(values.size(), one.size() + 1));
    }
    return false;
}

/// Long texts come from requests: shown only this far.
std::string shown(std::string_view text) {
    constexpr std::size_t shown_bytes_max = 64;
    return '"' + std::string{text.substr(0, shown_bytes_max)} + (text.size() > shown_bytes_max ? "..." : "") + '"';
}

error malformed(std::string_view entry) {
    return {errc::argument_illegal, "topic attributes are written +name=value or -name, separated by commas; this is not: " + shown(entry)};
}

result<void> check_change(std::string_view topic, const std::map<std::string, std::string>& current, bool is_new,
                          const attribute_change& change) {
    const auto fail = [topic, &change](const std::string& why) {
        return error{errc::argument_illegal, "attribute " + shown(change.name) + " of topic " + std::string{topic} + " " + why};
    };
    const auto* known =
        std::find_if(known_attributes.begin(), known_attributes.end(), [&change](const auto& one) { return one.name == change.name; });
    if (known == known_attributes.end())
        return fail("is unknown; there are message.type, queue.type, cleanup.policy, reserve.time, quota.send.messages, "
                    "quota.send.bytes, retention.ms and retention.bytes");
    if (change.removes && is_new)
        return fail("cannot be removed: the topic is new");
    if (change.removes && !current.contains(change.name))
        return fail("cannot be removed: it is not set");
    if (!change.removes && known->values.empty() && !is_whole_number(change.value))
        return fail("cannot be " + shown(change.value) + "; it is a whole number from 0 on, and 0 means without limit");
    if (!change.removes && !known->values.empty() && !is_among(change.value, known->values))
        return fail("cannot be " + shown(change.value) + " on this broker; allowed is " + std::string{known->values});
    const auto before = current.find(change.name);
    const bool changes = change.removes || before == current.end() || before->second != change.value;
    if (!known->may_change && !is_new && changes)
        return fail("is fixed when the topic is created");
    return {};
}

} // namespace

result<attribute_change> parse_attribute_change(std::string_view prefixed_name, std::string_view value) {
    const auto name = prefixed_name.substr(std::min<std::size_t>(1, prefixed_name.size()));
    const bool removes = prefixed_name.starts_with('-');
    const bool is_named = !name.empty() && name.find_first_of("+-=, ") == std::string_view::npos;
    if (!is_named || (!removes && !prefixed_name.starts_with('+')))
        return malformed(prefixed_name);
    if (removes)
        return attribute_change{std::string{name}, {}, true};
    if (value.empty() || value.find_first_of("=, ") != std::string_view::npos)
        return malformed(std::string{prefixed_name} + "=" + std::string{value});
    return attribute_change{std::string{name}, std::string{value}, false};
}

result<void> add_attribute_change(std::vector<attribute_change>& changes, attribute_change change) {
    if (changes.size() >= attribute_changes_max)
        return error{errc::argument_illegal,
                     "at most " + std::to_string(attribute_changes_max) + " attributes of a topic can change in one request"};
    for (const auto& earlier : changes)
        if (earlier.name == change.name)
            return error{errc::argument_illegal, "topic attribute " + shown(change.name) + " is changed twice"};
    changes.push_back(std::move(change));
    return {};
}

result<std::vector<attribute_change>> parse_attribute_changes(std::string_view text) {
    std::vector<attribute_change> changes;
    while (!text.empty()) {
        const auto entry = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), entry.size() + 1));
        const auto equals = std::min(entry.find('='), entry.size());
        auto change = parse_attribute_change(entry.substr(0, equals), entry.substr(std::min(equals + 1, entry.size())));
        if (!change)
            return malformed(entry);
        if (const auto added = add_attribute_change(changes, std::move(*change)); !added)
            return added.failure();
    }
    return changes;
}

result<std::map<std::string, std::string>> apply_attribute_changes(std::string_view topic,
                                                                   const std::map<std::string, std::string>& current, bool is_new,
                                                                   const std::vector<attribute_change>& changes) {
    auto after = current;
    for (const auto& change : changes) {
        if (const auto legal = check_change(topic, current, is_new, change); !legal)
            return legal.failure();
        if (change.removes)
            after.erase(change.name);
        else
            after.insert_or_assign(change.name, change.value);
    }
    return after;
}

std::int64_t number_attribute(const std::map<std::string, std::string>& attributes, std::string_view name) {
    const auto found = attributes.find(std::string{name});
    std::int64_t number = 0;
    if (found != attributes.end() && is_whole_number(found->second))
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
    return number;
}

} // namespace troupe::protocol
