#include "protocol/config_json.hpp"

#include "protocol/body_codec.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <utility>

namespace troupe::protocol {

void write_version(json_writer& json, std::string_view name, const data_version& version) {
    json.key(name);
    json.begin_object();
    json.number_member("counter", version.counter);
    json.number_member("stateVersion", version.state_version);
    json.number_member("timestamp", version.timestamp_ms);
    json.end_object();
}

data_version read_version(json_reader& json) {
    data_version version;
    json.object([&](std::string_view key) {
        if (key == "counter")
            version.counter = json.integer<std::int64_t>();
        else if (key == "stateVersion")
            version.state_version = json.integer<std::int64_t>();
        else if (key == "timestamp")
            version.timestamp_ms = json.integer<std::int64_t>();
        else
            json.skip_member(key);
    });
    return version;
}

void write_text_map(json_writer& json, std::string_view name, const std::map<std::string, std::string>& map) {
    json.key(name);
    json.begin_object();
    for (const auto& [key, value] : map)
        json.text_member(key, value);
    json.end_object();
}

std::map<std::string, std::string> read_text_map(json_reader& json) {
    std::map<std::string, std::string> map;
    json.object([&](std::string_view key) { map.insert_or_assign(std::string{key}, json.text()); });
    return map;
}

std::map<std::string, std::string> read_attributes(json_reader& json) {
    std::map<std::string, std::string> attributes;
    std::size_t bytes = 0;
    json.object([&](std::string_view key) {
        auto value = json.text();
        bytes += key.size() + value.size();
        if (bytes > limits::attributes_bytes_max)
            return json.fail("the attributes of a topic have more than " + std::to_string(limits::attributes_bytes_max) + " bytes");
        attributes.insert_or_assign(std::string{key}, std::move(value));
    });
    return attributes;
}

void write_topic(json_writer& json, const topic_config& topic) {
    json.begin_object();
    write_text_map(json, "attributes", topic.attributes);
    json.boolean_member("order", topic.order);
    json.number_member("perm", topic.perm);
    json.number_member("readQueueNums", topic.read_queues);
    json.text_member("topicFilterType", "SINGLE_TAG");
    json.text_member("topicName", topic.name);
    json.number_member("topicSysFlag", topic.sys_flag);
    json.number_member("writeQueueNums", topic.write_queues);
    json.end_object();
}

topic_config java_default_topic(std::string_view name) {
    topic_config topic;
    topic.name = name;
    topic.read_queues = 16;
    topic.write_queues = 16;
    return topic;
}

void read_topic_member(json_reader& json, std::string_view key, topic_config& topic) {
    if (key == "attributes")
        topic.attributes = read_attributes(json);
    else if (key == "order")
        topic.order = json.boolean();
    else if (key == "perm")
        topic.perm = json.integer<std::int32_t>();
    else if (key == "readQueueNums")
        topic.read_queues = read_queue_count(json);
    else if (key == "topicSysFlag")
        topic.sys_flag = json.integer<std::int32_t>();
    else if (key == "writeQueueNums")
        topic.write_queues = read_queue_count(json);
    else
        json.skip_member(key);
}

} // namespace troupe::protocol
