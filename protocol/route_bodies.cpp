#include "protocol/bodies.hpp"
#include "protocol/body_codec.hpp"
#include "protocol/name_server_bodies.hpp"

#include <charconv>

namespace troupe::protocol {

namespace {

void write_addresses(json_writer& json, const broker_data& broker) {
    json.key("brokerAddrs");
    json.begin_object();
    for (const auto& [id, address] : broker.addresses)
        json.text_member(std::to_string(id), address);
    json.end_object();
}

void write_broker(json_writer& json, const broker_data& broker) {
    json.begin_object();
    write_addresses(json, broker);
    json.text_member("brokerName", broker.broker_name);
    json.text_member("cluster", broker.cluster);
    json.boolean_member("enableActingMaster", false);
    json.end_object();
}

std::int64_t read_broker_id(json_reader& json, std::string_view key) {
    std::int64_t id = 0;
    const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (problem != std::errc{} || end != key.data() + key.size())
        json.fail("a broker id is no whole number");
    return id;
}

broker_data read_broker(json_reader& json) {
    broker_data broker;
    json.object([&](std::string_view key) {
        if (key == "brokerAddrs")
            json.object([&](std::string_view id) { broker.addresses[read_broker_id(json, id)] = json.text(); });
        else if (key == "brokerName")
            broker.broker_name = json.text();
        else if (key == "cluster")
            broker.cluster = json.text();
        else
            json.skip_member(key);
    });
    return broker;
}

void write_queue(json_writer& json, const queue_data& queue) {
    json.begin_object();
    json.text_member("brokerName", queue.broker_name);
    json.number_member("perm", queue.perm);
    json.number_member("readQueueNums", queue.read_queues);
    json.number_member("topicSysFlag", queue.sys_flag);
    json.number_member("writeQueueNums", queue.write_queues);
    json.end_object();
}

queue_data read_queue(json_reader& json) {
    queue_data queue;
    json.object([&](std::string_view key) {
        if (key == "brokerName")
            queue.broker_name = json.text();
        else if (key == "perm")
            queue.perm = json.integer<std::int32_t>();
        else if (key == "readQueueNums")
            queue.read_queues = read_queue_count(json);
        else if (key == "topicSysFlag" || key == "topicSynFlag") // the second is how 4.x spelled it
            queue.sys_flag = json.integer<std::int32_t>();
        else if (key == "writeQueueNums")
            queue.write_queues = read_queue_count(json);
        else
            json.skip_member(key);
    });
    return queue;
}

} // namespace

std::string encode_topic_route(const topic_route& route) {
    return encode_topic_route(route, {});
}

std::string encode_topic_route(const topic_route& route, const std::string& order_topic_conf) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "brokerDatas", route.brokers, [&](const broker_data& broker) { write_broker(json, broker); });
    write_empty_object(json, "filterServerTable");
    if (!order_topic_conf.empty())
        json.text_member("orderTopicConf", order_topic_conf);
    write_array(json, "queueDatas", route.queues, [&](const queue_data& queue) { write_queue(json, queue); });
    json.end_object();
    return out;
}

result<topic_route> decode_topic_route(std::string_view json) {
    return decode_document<topic_route>(json, "topic route", [](json_reader& reader, std::string_view key, topic_route& route) {
        if (key == "brokerDatas")
            reader.array([&] { route.brokers.push_back(read_broker(reader)); });
        else if (key == "queueDatas")
            reader.array([&] { route.queues.push_back(read_queue(reader)); });
        else
            reader.skip_member(key);
    });
}

std::string encode_cluster_info(const cluster_info& info) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("brokerAddrTable");
    json.begin_object();
    for (const auto& [name, broker] : info.brokers) {
        json.key(name);
        write_broker(json, broker);
    }
    json.end_object();
    json.key("clusterAddrTable");
    json.begin_object();
    for (const auto& [name, members] : info.clusters)
        write_array(json, name, members, [&](const std::string& broker) { json.text(broker); });
    json.end_object();
    json.end_object();
    return out;
}

result<cluster_info> decode_cluster_info(std::string_view json) {
    return decode_document<cluster_info>(json, "cluster info", [](json_reader& reader, std::string_view key, cluster_info& info) {
        if (key == "brokerAddrTable")
            reader.object([&](std::string_view name) { info.brokers.insert_or_assign(std::string{name}, read_broker(reader)); });
        else if (key == "clusterAddrTable")
            reader.object([&](std::string_view name) {
                auto& members = info.clusters[std::string{name}];
                reader.array([&] { members.push_back(reader.text()); });
            });
        else
            reader.skip_member(key);
    });
}

std::string encode_broker_members(const broker_data& members) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("brokerMemberGroup");
    json.begin_object();
    write_addresses(json, members);
    json.text_member("brokerName", members.broker_name);
    json.text_member("cluster", members.cluster);
    json.end_object();
    json.end_object();
    return out;
}

result<broker_data> decode_broker_members(std::string_view json) {
    return decode_document<broker_data>(json, "broker members", [](json_reader& reader, std::string_view key, broker_data& members) {
        if (key == "brokerMemberGroup")
            members = read_broker(reader);
        else
            reader.skip_member(key);
    });
}

std::string encode_topic_list(const std::vector<std::string>& topics) {
    return encode_topic_list(topics, {});
}

std::string encode_topic_list(const std::vector<std::string>& topics, const std::string& broker_address) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    if (!broker_address.empty())
        json.text_member("brokerAddr", broker_address);
    write_array(json, "topicList", topics, [&](const std::string& topic) { json.text(topic); });
    json.end_object();
    return out;
}

result<std::vector<std::string>> decode_topic_list(std::string_view json) {
    using names = std::vector<std::string>;
    return decode_document<names>(json, "topic list", [](json_reader& reader, std::string_view key, names& topics) {
        if (key == "topicList")
            reader.array([&] { topics.push_back(reader.text()); });
        else
            reader.skip_member(key);
    });
}

} // namespace troupe::protocol
