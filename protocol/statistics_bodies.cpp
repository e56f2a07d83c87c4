#include "protocol/admin_bodies.hpp"
#include "protocol/bodies.hpp"
#include "protocol/body_codec.hpp"
#include "protocol/queue_codec.hpp"

namespace troupe::protocol {

namespace {

queue_stats read_queue_stats(json_reader& json) {
    queue_stats stats;
    json.object([&](std::string_view key) {
        if (key == "minOffset")
            stats.min_offset = json.integer<std::int64_t>();
        else if (key == "maxOffset")
            stats.max_offset = json.integer<std::int64_t>();
        else if (key == "lastUpdateTimestamp")
            stats.last_stored_ms = json.integer<std::int64_t>();
        else
            json.skip_member(key);
    });
    return stats;
}

group_progress read_group_progress(json_reader& json) {
    group_progress progress;
    json.object([&](std::string_view key) {
        if (key == "brokerOffset")
            progress.broker_offset = json.integer<std::int64_t>();
        else if (key == "consumerOffset")
            progress.consumer_offset = json.integer<std::int64_t>();
        else if (key == "pullOffset")
            progress.pull_offset = json.integer<std::int64_t>();
        else if (key == "lastTimestamp")
            progress.last_stored_ms = json.integer<std::int64_t>();
        else
            json.skip_member(key);
    });
    return progress;
}

} // namespace

std::string encode_topic_stats(const topic_stats& stats) {
    return encode_topic_stats(stats, 0);
}

std::string encode_topic_stats(const topic_stats& stats, double put_tps) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("offsetTable");
    json.begin_object();
    for (const auto& [queue, bounds] : stats) {
        write_queue_key(json, queue);
        json.begin_object();
        json.number_member("lastUpdateTimestamp", bounds.last_stored_ms);
        json.number_member("maxOffset", bounds.max_offset);
        json.number_member("minOffset", bounds.min_offset);
        json.end_object();
    }
    json.end_object();
    json.key("topicPutTps");
    json.real(put_tps);
    json.end_object();
    return out;
}

result<topic_stats> decode_topic_stats(std::string_view json) {
    return decode_document<topic_stats>(json, "topic stats", [](json_reader& reader, std::string_view key, topic_stats& stats) {
        if (key == "offsetTable")
            reader.object([&](std::string_view queue) { stats[read_queue_key(reader, queue)] = read_queue_stats(reader); });
        else
            reader.skip_member(key);
    });
}

std::string encode_consume_stats(const consume_stats& stats) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("consumeTps");
    json.real(stats.consume_tps);
    json.key("offsetTable");
    json.begin_object();
    for (const auto& [queue, progress] : stats.queues) {
        write_queue_key(json, queue);
        json.begin_object();
        json.number_member("brokerOffset", progress.broker_offset);
        json.number_member("consumerOffset", progress.consumer_offset);
        json.number_member("lastTimestamp", progress.last_stored_ms);
        json.number_member("pullOffset", progress.pull_offset);
        json.end_object();
    }
    json.end_object();
    json.end_object();
    return out;
}

result<consume_stats> decode_consume_stats(std::string_view json) {
    return decode_document<consume_stats>(json, "consume stats", [](json_reader& reader, std::string_view key, consume_stats& stats) {
        if (key == "consumeTps")
            stats.consume_tps = reader.real();
        else if (key == "offsetTable")
            reader.object([&](std::string_view queue) { stats.queues[read_queue_key(reader, queue)] = read_group_progress(reader); });
        else
            reader.skip_member(key);
    });
}

std::string encode_key_value_table(const key_value_table& table) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("table");
    json.begin_object();
    for (const auto& [name, value] : table)
        json.text_member(name, value);
    json.end_object();
    json.end_object();
    return out;
}

result<key_value_table> decode_key_value_table(std::string_view json) {
    return decode_document<key_value_table>(json, "key value table", [](json_reader& reader, std::string_view key, key_value_table& table) {
        if (key == "table")
            reader.object([&](std::string_view name) { table.insert_or_assign(std::string{name}, reader.text()); });
        else
            reader.skip_member(key);
    });
}

} // namespace troupe::protocol
