#include "protocol/bodies.hpp"
#include "protocol/body_codec.hpp"
#include "protocol/config_json.hpp"
#include "protocol/inflate.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr std::int32_t bare_body_version_end = 37; ///< frame version V3_0_11, the first with the outer object

topic_config read_topic(json_reader& json, std::string_view name) {
    topic_config topic = java_default_topic(name);
    // The name inside is passed over: the key it stands under is the one that counts.
    json.object([&](std::string_view key) { read_topic_member(json, key, topic); });
    return topic;
}

void write_table(json_writer& json, const topic_table& table) {
    json.begin_object();
    write_version(json, "dataVersion", table.version);
    write_version(json, "mappingDataVersion", {});
    json.key("topicConfigTable");
    json.begin_object();
    for (const auto& [name, topic] : table.topics) {
        json.key(name);
        write_topic(json, topic);
    }
    json.end_object();
    write_empty_object(json, "topicQueueMappingDetailMap");
    write_empty_object(json, "topicQueueMappingInfoMap");
    json.end_object();
}

void read_table_member(json_reader& json, std::string_view key, topic_table& table) {
    if (key == "dataVersion")
        table.version = read_version(json);
    else if (key == "topicConfigTable")
        json.object([&](std::string_view name) { table.topics.insert_or_assign(std::string{name}, read_topic(json, name)); });
    else
        json.skip(); // static topics' tables may hold references; nothing there is ours
}

// ---- the compressed form: length-prefixed texts inside one zlib stream ----------------------------------------------

/// A small frame inflates to much: these keep what is made of it small too.
constexpr std::int32_t topics_max = 200'000;
constexpr std::size_t topic_text_bytes_max = 64u << 10;

error bad_compressed(std::string_view what) {
    return {errc::protocol_error, "compressed register body: " + std::string{what}};
}

std::optional<std::string_view> read_text(byte_reader& bytes) {
    const auto size = bytes.number<std::int32_t>();
    return bytes.bytes(size.value_or(-1));
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    return problem == std::errc{} && end == text.data() + text.size();
}

/// "name readQueueNums writeQueueNums perm filterType {attributes}", the last one possibly missing.
result<topic_config> parse_topic_text(std::string_view text) {
    std::array<std::string_view, 5> words;
    for (auto& word : words) {
        const auto end = std::min(text.find(' '), text.size());
        word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    topic_config topic = java_default_topic(words[0]);
    if (words[0].empty() || !parse_number(words[1], topic.read_queues) || !parse_number(words[2], topic.write_queues) ||
        !parse_number(words[3], topic.perm) || topic.read_queues < 0 || topic.read_queues > queue_count_max || topic.write_queues < 0 ||
        topic.write_queues > queue_count_max)
        return bad_compressed("a topic's text is not name, queue numbers and permission");
    if (!text.empty()) {
        json_reader json{text};
        topic.attributes = read_attributes(json);
        if (auto fine = json.finish("attributes of a topic"); !fine)
            return fine.failure();
    }
    return topic;
}

result<topic_table> decode_compressed_body(std::string_view body) {
    const auto inflated = inflate_bounded(body);
    if (!inflated)
        return inflated.failure();
    byte_reader bytes{*inflated};
    topic_table table;
    const auto version_text = read_text(bytes);
    const auto topic_count = bytes.number<std::int32_t>();
    if (!version_text || !topic_count)
        return bad_compressed("it ends inside its data version");
    json_reader json{*version_text};
    table.version = read_version(json);
    if (auto fine = json.finish("data version"); !fine)
        return fine.failure();
    if (*topic_count > topics_max)
        return bad_compressed("it says " + std::to_string(*topic_count) + " topics, at most " + std::to_string(topics_max) +
                              " are allowed");
    for (std::int32_t i = 0; i < *topic_count; ++i) {
        const auto text = read_text(bytes);
        if (!text)
            return bad_compressed("it ends inside its topics");
        if (text->size() > topic_text_bytes_max)
            return bad_compressed("the text of a topic has " + std::to_string(text->size()) + " bytes, at most " +
                                  std::to_string(topic_text_bytes_max) + " are allowed");
        auto topic = parse_topic_text(*text);
        if (!topic)
            return topic.failure();
        table.topics.insert_or_assign(topic->name, *topic);
    }
    return table; // filter servers and static topics follow; nothing there is ours
}

// ---- groups ---------------------------------------------------------------------------------------------------------

/// Of a group; RocketMQ does not have it.
constexpr std::string_view deliver_messages_attribute = "quota.deliver.messages";
// RocketMQ: GroupRetryPolicyType
constexpr std::string_view customized_retries = "CUSTOMIZED";
constexpr std::string_view exponential_retries = "EXPONENTIAL";

void write_retries(json_writer& json, const retry_policy& retries) {
    json.key("groupRetryPolicy");
    json.begin_object();
    if (!retries.delays_ms.empty()) {
        json.key("customizedRetryPolicy");
        json.begin_object();
        write_array(json, "next", retries.delays_ms, [&json](std::int64_t delay) { json.number(delay); });
        json.end_object();
    }
    if (retries.has_growth) {
        json.key("exponentialRetryPolicy");
        json.begin_object();
        json.number_member("initial", retries.initial_ms);
        json.number_member("max", retries.max_ms);
        json.number_member("multiplier", retries.multiplier);
        json.end_object();
    }
    json.text_member("type", retries.is_exponential ? exponential_retries : customized_retries);
    json.end_object();
}

/// The text of a member that refers to another group's policy goes to `reference`, as fastjson writes one that groups share.
void read_retries(json_reader& json, retry_policy& retries, std::string& reference) {
    json.object([&](std::string_view key) {
        if (key == "type") {
            const auto type = json.text();
            if (type != exponential_retries && type != customized_retries)
                json.fail("the type of a groupRetryPolicy is not CUSTOMIZED or EXPONENTIAL");
            retries.is_exponential = type == exponential_retries;
        } else if (key == "customizedRetryPolicy") {
            json.object([&](std::string_view inner) {
                if (inner != "next")
                    return json.skip_member(inner);
                retries.delays_ms.clear();
                json.array([&] {
                    retries.delays_ms.push_back(json.integer<std::int64_t>());
                    if (retries.delays_ms.size() > limits::retry_delays_max)
                        json.fail("a groupRetryPolicy has at most " + std::to_string(limits::retry_delays_max) + " delays");
                });
            });
        } else if (key == "exponentialRetryPolicy") {
            retries.has_growth = json.peek() == json_kind::object;
            json.object([&](std::string_view inner) {
                if (inner == "initial")
                    retries.initial_ms = json.integer<std::int64_t>();
                else if (inner == "max")
                    retries.max_ms = json.integer<std::int64_t>();
                else if (inner == "multiplier")
                    retries.multiplier = json.integer<std::int64_t>();
                else
                    json.skip_member(inner);
            });
        } else if (key == "$ref") {
            reference = json.text();
        } else {
            json.skip();
        }
    });
}

void write_group(json_writer& json, const group_config& group) {
    json.begin_object();
    json.key("attributes");
    json.begin_object();
    if (group.deliver_messages != 0)
        json.text_member(deliver_messages_attribute, std::to_string(group.deliver_messages));
    for (const auto& [name, value] : group.unknown_attributes)
        json.text_member(name, value);
    json.end_object();
    json.number_member("brokerId", group.read_broker_id);
    json.boolean_member("consumeBroadcastEnable", group.consume_broadcast_enable);
    json.boolean_member("consumeEnable", group.consume_enable);
    json.boolean_member("consumeFromMinEnable", group.consume_from_min_enable);
    json.boolean_member("consumeMessageOrderly", group.consume_message_orderly);
    json.number_member("consumeTimeoutMinute", group.consume_timeout_minutes);
    json.text_member("groupName", group.name);
    write_retries(json, group.retries);
    json.number_member("groupSysFlag", group.sys_flag);
    json.boolean_member("notifyConsumerIdsChangedEnable", group.notify_members_changed);
    json.number_member("retryMaxTimes", group.retry_max);
    json.number_member("retryQueueNums", group.retry_queues);
    json.number_member("whichBrokerWhenConsumeSlowly", group.slow_read_broker_id);
    json.end_object();
}

/// As tools write them, +name or -name, and as brokers list them. Of those that are not known here the first is kept: it says enough, and a
/// document may have very many.
void read_group_attribute(json_reader& json, std::string_view key, group_config& group) {
    const bool removes = key.starts_with('-');
    key.remove_prefix(removes || key.starts_with('+') ? 1 : 0);
    if (key != deliver_messages_attribute) {
        if (key.starts_with('+') || key.starts_with('-'))
            json.fail("the name of an attribute begins with + or -");
        auto value = json.text();
        if (key.size() + value.size() > limits::attributes_bytes_max)
            json.fail("an attribute of a group has more than " + std::to_string(limits::attributes_bytes_max) + " bytes");
        else if (group.unknown_attributes.empty())
            group.unknown_attributes.emplace(key, std::move(value));
        return;
    }
    const auto messages = json.integer<std::int64_t>();
    if (messages < 0)
        json.fail("quota.deliver.messages is below 0");
    group.deliver_messages = removes ? 0 : messages;
}

} // namespace

void read_group_member(json_reader& json, std::string_view key, group_config& group, std::string& retries_reference) {
    if (key == "attributes")
        json.object([&](std::string_view name) { read_group_attribute(json, name, group); });
    else if (key == "groupName")
        group.name = json.text();
    else if (key == "consumeEnable")
        group.consume_enable = json.boolean();
    else if (key == "consumeBroadcastEnable")
        group.consume_broadcast_enable = json.boolean();
    else if (key == "consumeFromMinEnable")
        group.consume_from_min_enable = json.boolean();
    else if (key == "consumeMessageOrderly")
        group.consume_message_orderly = json.boolean();
    else if (key == "notifyConsumerIdsChangedEnable")
        group.notify_members_changed = json.boolean();
    else if (key == "retryQueueNums")
        group.retry_queues = read_queue_count(json);
    else if (key == "retryMaxTimes")
        group.retry_max = json.integer<std::int32_t>();
    else if (key == "brokerId")
        group.read_broker_id = json.integer<std::int64_t>();
    else if (key == "whichBrokerWhenConsumeSlowly")
        group.slow_read_broker_id = json.integer<std::int64_t>();
    else if (key == "groupSysFlag")
        group.sys_flag = json.integer<std::int32_t>();
    else if (key == "consumeTimeoutMinute")
        group.consume_timeout_minutes = json.integer<std::int32_t>();
    else if (key == "groupRetryPolicy")
        read_retries(json, group.retries, retries_reference);
    else
        json.skip();
}

namespace {

group_config read_group(json_reader& json, std::string_view name) {
    group_config group;
    // To a policy that groups share, as fastjson writes one: it may stand behind this group. It is dropped, and the group shown without a
    // policy of its own. Troupe's brokers write none.
    std::string reference;
    json.object([&](std::string_view key) { read_group_member(json, key, group, reference); });
    group.name = name;
    return group;
}

} // namespace

std::string encode_register_broker_body(const topic_table& table) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("filterServerList");
    json.begin_array();
    json.end_array();
    json.key("topicConfigSerializeWrapper");
    write_table(json, table);
    json.end_object();
    return out;
}

result<topic_table> decode_register_broker_body(std::string_view body, std::int32_t frame_version) {
    constexpr char zlib_first_byte = '\x78';
    if (body.empty())
        return topic_table{};
    if (body.front() == zlib_first_byte)
        return decode_compressed_body(body);
    if (frame_version < bare_body_version_end)
        return decode_topic_table(body);
    return decode_document<topic_table>(body, "register body", [](json_reader& json, std::string_view key, topic_table& table) {
        if (key == "topicConfigSerializeWrapper")
            json.object([&](std::string_view inner) { read_table_member(json, inner, table); });
        else
            json.skip_member(key);
    });
}

std::string encode_topic_table(const topic_table& table) {
    std::string out;
    json_writer json{out};
    write_table(json, table);
    return out;
}

result<topic_table> decode_topic_table(std::string_view json) {
    return decode_document<topic_table>(json, "topic table", read_table_member);
}

std::string encode_group_table(const group_table& table) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_version(json, "dataVersion", table.version);
    write_empty_object(json, "forbiddenTable");
    json.key("subscriptionGroupTable");
    json.begin_object();
    for (const auto& [name, group] : table.groups) {
        json.key(name);
        write_group(json, group);
    }
    json.end_object();
    json.end_object();
    return out;
}

result<group_table> decode_group_table(std::string_view json) {
    return decode_document<group_table>(json, "group table", [](json_reader& reader, std::string_view key, group_table& table) {
        if (key == "dataVersion")
            table.version = read_version(reader);
        else if (key == "subscriptionGroupTable")
            reader.object([&](std::string_view name) { table.groups.insert_or_assign(std::string{name}, read_group(reader, name)); });
        else
            reader.skip_member(key);
    });
}

std::string encode_group_config(const group_config& group) {
    std::string out;
    json_writer json{out};
    write_group(json, group);
    return out;
}

result<group_config> decode_group_config(std::string_view json) {
    return decode_document<group_config>(json, "group", [](json_reader& reader, std::string_view key, group_config& group) {
        std::string reference;
        read_group_member(reader, key, group, reference);
        if (!reference.empty())
            reader.fail("a groupRetryPolicy refers to another one; write it out");
    });
}

} // namespace troupe::protocol
