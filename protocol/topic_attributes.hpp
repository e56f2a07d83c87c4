#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Attributes of a topic: how a change of them is written, and which there are.
/// RocketMQ: TopicAttributes, AttributeParser.
namespace troupe::protocol {

/// Names of attributes that RocketMQ does not have.
namespace topic_attribute {
inline constexpr std::string_view send_messages = "quota.send.messages"; ///< a second, on this broker; 0: without limit
inline constexpr std::string_view send_bytes = "quota.send.bytes";       ///< likewise, of records as they are stored
inline constexpr std::string_view retention_ms = "retention.ms";         ///< a message is read for so long; 0: as long as the log has it
inline constexpr std::string_view retention_bytes = "retention.bytes"; ///< of records on each broker, the newest; 0: as many as the log has
} // namespace topic_attribute

/// One attribute that is set, or removed.
struct attribute_change {
    std::string name;
    std::string value;    ///< empty when `removes`
    bool removes = false; ///< the attribute goes back to its default
    friend bool operator==(const attribute_change&, const attribute_change&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, attribute_change& x) {
        return f(x.name, x.value, x.removes);
    }
};

/// What one request may change. There are few attributes, and the names of a request are compared with each other.
inline constexpr std::size_t attribute_changes_max = 64;

/// Adds `change`. Fails with argument_illegal for a name that is there already, and beyond attribute_changes_max.
result<void> add_attribute_change(std::vector<attribute_change>& changes, attribute_change change);

/// Reads "+name=value,-name": the form of the header field of code 17. An empty text changes nothing.
/// Fails with argument_illegal for anything else, and as add_attribute_change.
result<std::vector<attribute_change>> parse_attribute_changes(std::string_view text);
/// Reads one member of the JSON form of code 18: "+name" with its value, or "-name" with whatever value.
result<attribute_change> parse_attribute_change(std::string_view prefixed_name, std::string_view value);

/// What a topic that has `current` has after `changes`. Fails with argument_illegal, naming the topic, the attribute and what
/// is allowed, for an attribute that is unknown, may not change, is to be removed and not there, or has a value this broker
/// does not act on: what it only stored would look as if it worked.
result<std::map<std::string, std::string>> apply_attribute_changes(std::string_view topic,
                                                                   const std::map<std::string, std::string>& current, bool is_new,
                                                                   const std::vector<attribute_change>& changes);

/// The value of an attribute that is a whole number; 0 when it is not there, or is none.
std::int64_t number_attribute(const std::map<std::string, std::string>& attributes, std::string_view name);

} // namespace troupe::protocol
