#include "protocol/admin_bodies.hpp"

#include "protocol/body_codec.hpp"
#include "protocol/config_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace troupe::protocol {

namespace {

topic_change read_topic_change(json_reader& json) {
    topic_change change;
    change.topic = java_default_topic("");
    json.object([&](std::string_view key) {
        if (key == "topicName")
            change.topic.name = json.text();
        else if (key == "attributes")
            json.object([&](std::string_view name) {
                auto attribute = parse_attribute_change(name, json.text());
                if (!attribute)
                    return json.fail(attribute.failure().text);
                if (const auto added = add_attribute_change(change.attributes, std::move(*attribute)); !added)
                    json.fail(added.failure().text);
            });
        else
            read_topic_member(json, key, change.topic);
    });
    // Members of an object have no order.
    std::sort(change.attributes.begin(), change.attributes.end(),
              [](const auto& x, const auto& y) { return std::tie(x.removes, x.name) < std::tie(y.removes, y.name); });
    return change;
}

void write_window(json_writer& json, std::string_view name, const window_statistics& window) {
    json.key(name);
    json.begin_object();
    json.key("avgpt");
    json.real(window.average);
    json.number_member("sum", window.sum);
    json.key("tps");
    json.real(window.tps);
    json.end_object();
}

window_statistics read_window(json_reader& json) {
    window_statistics window;
    json.object([&](std::string_view key) {
        if (key == "avgpt")
            window.average = json.real();
        else if (key == "sum")
            window.sum = json.integer<std::int64_t>();
        else if (key == "tps")
            window.tps = json.real();
        else
            json.skip_member(key);
    });
    return window;
}

/// Reads a list with `read_one`, no further than it may be long: 16 MiB of "{}" would become much more memory.
template <class Entry, class ReadOne>
void read_list(json_reader& json, std::vector<Entry>& entries, ReadOne read_one) {
    json.array([&] {
        if (entries.size() < list_entries_max)
            read_one(entries);
        else
            json.fail("a list has at most " + std::to_string(list_entries_max) + " topics or groups; send several");
    });
}

/// Reads a value with a decoder of whole documents.
template <class Decode>
auto read_document(json_reader& json, Decode decode) {
    auto value = decode(json.skip());
    if (!value && !json.failed())
        json.fail(value.failure().text);
    return value;
}

} // namespace

// ---- topics and groups ----------------------------------------------------------------------------------------------

std::string encode_topic_changes(const std::vector<topic_change>& changes) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "topicConfigList", changes, [&json](const topic_change& change) {
        auto topic = change.topic;
        topic.attributes.clear();
        for (const auto& one : change.attributes)
            topic.attributes.emplace((one.removes ? "-" : "+") + one.name, one.value);
        write_topic(json, topic);
    });
    json.end_object();
    return out;
}

result<std::vector<topic_change>> decode_topic_changes(std::string_view json) {
    return decode_document<std::vector<topic_change>>(
        json, "topic list", [](json_reader& reader, std::string_view key, std::vector<topic_change>& changes) {
            if (key == "topicConfigList")
                read_list(reader, changes, [&reader](auto& list) { list.push_back(read_topic_change(reader)); });
            else
                reader.skip_member(key);
        });
}

std::string encode_topic_config(const topic_config& topic) {
    std::string out;
    json_writer json{out};
    write_topic(json, topic);
    return out;
}

result<topic_config> decode_topic_config(std::string_view json) {
    bool is_first = true;
    return decode_document<topic_config>(json, "topic", [&is_first](json_reader& reader, std::string_view key, topic_config& topic) {
        if (std::exchange(is_first, false))
            topic = java_default_topic("");
        if (key == "topicName")
            topic.name = reader.text();
        else
            read_topic_member(reader, key, topic);
    });
}

namespace {

/// The group whose retry policy `reference` means, as fastjson writes it: "$.groupConfigList[0].groupRetryPolicy". Null for anything else.
const group_config* shared_with(std::string_view reference, const std::vector<group_config>& groups) {
    constexpr std::string_view front = "$.groupConfigList[";
    constexpr std::string_view back = "].groupRetryPolicy";
    if (!reference.starts_with(front) || !reference.ends_with(back) || reference.size() <= front.size() + back.size())
        return nullptr;
    const auto digits = reference.substr(front.size(), reference.size() - front.size() - back.size());
    std::size_t index = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    return problem == std::errc{} && end == digits.data() + digits.size() && index < groups.size() ? &groups[index] : nullptr;
}

} // namespace

std::string encode_group_list(const std::vector<group_config>& groups) {
    std::string out = R"({"groupConfigList":[)";
    for (const auto& group : groups)
        out += (out.back() == '[' ? "" : ",") + encode_group_config(group);
    return out + "]}";
}

result<std::vector<group_config>> decode_group_list(std::string_view json) {
    return decode_document<std::vector<group_config>>(
        json, "group list", [](json_reader& reader, std::string_view key, std::vector<group_config>& groups) {
            if (key != "groupConfigList")
                return static_cast<void>(reader.skip());
            read_list(reader, groups, [&reader](auto& list) {
                if (reader.peek() != json_kind::object)
                    reader.fail("an object is expected");
                group_config group;
                std::string reference;
                reader.object([&](std::string_view member) { read_group_member(reader, member, group, reference); });
                if (const auto* shared = reference.empty() ? &group : shared_with(reference, list); shared != nullptr)
                    group.retries = shared->retries;
                else
                    reader.fail("a groupRetryPolicy refers to none before it");
                list.push_back(std::move(group));
            });
        });
}

std::string encode_group_forbidden(const std::string& group, const std::string& topic, bool readable) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("group", group);
    json.boolean_member("readable", readable);
    json.text_member("topic", topic);
    json.end_object();
    return out;
}

namespace {

void write_request_mode(json_writer& json, const message_request_mode& mode) {
    json.begin_object();
    json.text_member("consumerGroup", mode.group);
    json.text_member("mode", mode.mode);
    json.number_member("popShareQueueNum", mode.pop_share_queues);
    json.text_member("topic", mode.topic);
    json.end_object();
}

} // namespace

std::string encode_message_request_mode(const message_request_mode& mode) {
    std::string out;
    json_writer json{out};
    write_request_mode(json, mode);
    return out;
}

result<message_request_mode> decode_message_request_mode(std::string_view json) {
    return decode_document<message_request_mode>(json, "message request mode",
                                                 [](json_reader& reader, std::string_view key, message_request_mode& mode) {
                                                     if (key == "topic")
                                                         mode.topic = reader.text();
                                                     else if (key == "consumerGroup")
                                                         mode.group = reader.text();
                                                     else if (key == "mode")
                                                         mode.mode = reader.text();
                                                     else if (key == "popShareQueueNum")
                                                         mode.pop_share_queues = reader.integer<std::int32_t>();
                                                     else
                                                         reader.skip_member(key);
                                                 });
}

std::string encode_message_request_modes(const std::vector<message_request_mode>& modes) {
    std::map<std::string, std::map<std::string, const message_request_mode*>> sorted;
    for (const auto& mode : modes)
        sorted[mode.topic][mode.group] = &mode;
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("messageRequestModeMap");
    json.begin_object();
    for (const auto& topic : sorted) {
        json.key(topic.first);
        json.begin_object();
        for (const auto& group : topic.second) {
            json.key(group.first);
            write_request_mode(json, *group.second);
        }
        json.end_object();
    }
    json.end_object();
    json.end_object();
    return out;
}

// ---- statistics -----------------------------------------------------------------------------------------------------

std::string encode_counter_statistics(const counter_statistics& statistics) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_window(json, "statsDay", statistics.day);
    write_window(json, "statsHour", statistics.hour);
    write_window(json, "statsMinute", statistics.minute);
    json.end_object();
    return out;
}

result<counter_statistics> decode_counter_statistics(std::string_view json) {
    return decode_document<counter_statistics>(json, "statistics",
                                               [](json_reader& reader, std::string_view key, counter_statistics& statistics) {
                                                   if (key == "statsDay")
                                                       statistics.day = read_window(reader);
                                                   else if (key == "statsHour")
                                                       statistics.hour = read_window(reader);
                                                   else if (key == "statsMinute")
                                                       statistics.minute = read_window(reader);
                                                   else
                                                       reader.skip_member(key);
                                               });
}

/// One object with a single member per group, as the reference writes them.
std::string encode_broker_consume_stats(const broker_consume_stats& stats) {
    std::string out = R"({"brokerAddr":)";
    append_json_string(out, stats.broker_address);
    out += R"(,"consumeStatsList":[)";
    for (const auto& [group, topics] : stats.groups) {
        out += out.back() == '[' ? "{" : ",{";
        append_json_string(out, group);
        out += ":[";
        for (const auto& topic : topics)
            out += (out.back() == '[' ? "" : ",") + encode_consume_stats(topic);
        out += "]}";
    }
    out += R"(],"totalDiff":)" + std::to_string(stats.total_diff);
    out += R"(,"totalInflightDiff":)" + std::to_string(stats.total_inflight_diff) + "}";
    return out;
}

result<broker_consume_stats> decode_broker_consume_stats(std::string_view json) {
    const auto read_group = [](json_reader& reader, std::string_view group, broker_consume_stats& stats) {
        auto& topics = stats.groups[std::string{group}];
        reader.array([&] {
            if (auto topic = read_document(reader, decode_consume_stats))
                topics.push_back(std::move(*topic));
        });
    };
    return decode_document<broker_consume_stats>(
        json, "consume stats list", [&read_group](json_reader& reader, std::string_view key, broker_consume_stats& stats) {
            if (key == "brokerAddr")
                stats.broker_address = reader.text();
            else if (key == "consumeStatsList")
                reader.array([&] { reader.object([&](std::string_view group) { read_group(reader, group, stats); }); });
            else if (key == "totalDiff")
                stats.total_diff = reader.integer<std::int64_t>();
            else if (key == "totalInflightDiff")
                stats.total_inflight_diff = reader.integer<std::int64_t>();
            else
                reader.skip_member(key);
        });
}

// ---- settings -------------------------------------------------------------------------------------------------------

std::string encode_data_version(const data_version& version) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.number_member("counter", version.counter);
    json.number_member("stateVersion", version.state_version);
    json.number_member("timestamp", version.timestamp_ms);
    json.end_object();
    return out;
}

} // namespace troupe::protocol
