#include "protocol/connection_bodies.hpp"

#include "protocol/client_body_codec.hpp"
#include "protocol/connection_codec.hpp"
#include "protocol/queue_codec.hpp"

#include <array>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr std::array<std::string_view, 14> language_names{"JAVA",  "CPP",  "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY",
                                                          "OTHER", "HTTP", "GO",     "PHP",    "OMS",    "RUST",   "NODE_JS"};

void write_connections(json_writer& json, const std::vector<client_connection>& connections) {
    write_array(json, "connectionSet", connections, [&](const client_connection& connection) {
        json.begin_object();
        json.text_member("clientAddr", connection.address);
        write_connection_members(json, connection);
        json.number_member("version", connection.version);
        json.end_object();
    });
}

std::vector<client_connection> read_connections(json_reader& json) {
    std::vector<client_connection> connections;
    json.array([&] {
        auto& connection = connections.emplace_back();
        json.object([&](std::string_view key) {
            if (key == "clientAddr")
                connection.address = json.text();
            else if (!read_connection_member(json, key, connection))
                json.skip_member(key);
        });
    });
    return connections;
}

void write_producer(json_writer& json, const producer_info& producer) {
    json.begin_object();
    write_connection_members(json, producer.connection);
    json.number_member("lastUpdateTimestamp", producer.last_heartbeat_ms);
    json.text_member("remoteIP", "/" + producer.connection.address);
    json.number_member("version", producer.connection.version);
    json.end_object();
}

producer_info read_producer(json_reader& json) {
    producer_info producer;
    json.object([&](std::string_view key) {
        if (key == "lastUpdateTimestamp") {
            producer.last_heartbeat_ms = json.integer<std::int64_t>();
        } else if (key == "remoteIP") {
            producer.connection.address = json.text();
            if (producer.connection.address.starts_with('/'))
                producer.connection.address.erase(0, 1);
        } else if (!read_connection_member(json, key, producer.connection)) {
            json.skip_member(key);
        }
    });
    return producer;
}

void write_offsets(json_writer& json, const queue_offsets& offsets) {
    json.begin_object();
    for (const auto& [queue, offset] : offsets) {
        write_queue_key(json, queue);
        json.number(offset);
    }
    json.end_object();
}

queue_offsets read_offsets(json_reader& json) {
    queue_offsets offsets;
    json.object([&](std::string_view queue) { offsets[read_queue_key(json, queue)] = json.integer<std::int64_t>(); });
    return offsets;
}

/// RocketMQ's brokers write it for members when the tool that asked was one of C++ (ResetOffsetBodyForC).
queue_offsets read_offset_list(json_reader& json) {
    queue_offsets offsets;
    json.array([&] {
        message_queue queue;
        std::int64_t offset = 0;
        json.object([&](std::string_view key) {
            if (key == "offset")
                offset = json.integer<std::int64_t>();
            else
                read_queue_member(json, key, queue);
        });
        offsets[std::move(queue)] = offset;
    });
    return offsets;
}

} // namespace

std::string_view language_name(language code) {
    const auto ordinal = static_cast<std::size_t>(code);
    return language_names[ordinal < language_names.size() ? ordinal : static_cast<std::size_t>(language::other)];
}

void write_connection_members(json_writer& json, const client_connection& connection) {
    json.text_member("clientId", connection.client_id);
    json.text_member("language", language_name(connection.from));
}

bool read_connection_member(json_reader& json, std::string_view key, client_connection& connection) {
    if (key == "clientId")
        connection.client_id = json.text();
    else if (key == "language")
        connection.from = read_enum(json, language_names, language::other);
    else if (key == "version")
        connection.version = json.integer<std::int32_t>();
    else
        return false;
    return true;
}

// ---- connections ----------------------------------------------------------------------------------------------------

std::string encode_consumer_connections(const consumer_connections& consumers) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_connections(json, consumers.connections);
    json.text_member("consumeFromWhere", enum_name(consume_from_names, consumers.from));
    json.text_member("consumeType", enum_name(consume_type_names, consumers.type));
    json.text_member("messageModel", enum_name(message_model_names, consumers.model));
    json.key("subscriptionTable");
    json.begin_object();
    for (const auto& [topic, subscription] : consumers.subscriptions) {
        json.key(topic);
        write_subscription(json, subscription);
    }
    json.end_object();
    json.end_object();
    return out;
}

result<consumer_connections> decode_consumer_connections(std::string_view json) {
    return decode_document<consumer_connections>(
        json, "consumer connections", [](json_reader& reader, std::string_view key, consumer_connections& consumers) {
            if (key == "connectionSet")
                consumers.connections = read_connections(reader);
            else if (key == "consumeFromWhere")
                consumers.from = read_consume_from(reader);
            else if (key == "consumeType")
                consumers.type = read_enum(reader, consume_type_names, consume_type::passively);
            else if (key == "messageModel")
                consumers.model = read_enum(reader, message_model_names, message_model::clustering);
            else if (key == "subscriptionTable")
                reader.object([&](std::string_view topic) {
                    consumers.subscriptions.insert_or_assign(std::string{topic}, read_subscription(reader));
                });
            else
                reader.skip_member(key);
        });
}

std::string encode_producer_connections(const std::vector<client_connection>& connections) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_connections(json, connections);
    json.end_object();
    return out;
}

result<std::vector<client_connection>> decode_producer_connections(std::string_view json) {
    using all = std::vector<client_connection>;
    return decode_document<all>(json, "producer connections", [](json_reader& reader, std::string_view key, all& connections) {
        if (key == "connectionSet")
            connections = read_connections(reader);
        else
            reader.skip_member(key);
    });
}

std::string encode_producer_table(const producer_table& table) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("data");
    json.begin_object();
    for (const auto& [group, producers] : table)
        write_array(json, group, producers, [&](const producer_info& producer) { write_producer(json, producer); });
    json.end_object();
    json.end_object();
    return out;
}

result<producer_table> decode_producer_table(std::string_view json) {
    return decode_document<producer_table>(json, "producers", [](json_reader& reader, std::string_view key, producer_table& table) {
        if (key == "data")
            reader.object([&](std::string_view name) {
                auto& producers = table[std::string{name}];
                reader.array([&] { producers.push_back(read_producer(reader)); });
            });
        else
            reader.skip_member(key);
    });
}

// ---- who reads what -------------------------------------------------------------------------------------------------

std::string encode_group_names(const std::vector<std::string>& groups) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "groupList", groups, [&](const std::string& group) { json.text(group); });
    json.end_object();
    return out;
}

result<std::vector<std::string>> decode_group_names(std::string_view json) {
    using names = std::vector<std::string>;
    return decode_document<names>(json, "group list", [](json_reader& reader, std::string_view key, names& groups) {
        if (key == "groupList")
            reader.array([&] { groups.push_back(reader.text()); });
        else
            reader.skip_member(key);
    });
}

std::string encode_topics_of_broker(const std::vector<std::string>& topics, std::string_view broker_address) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("brokerAddr", broker_address);
    write_array(json, "topicList", topics, [&](const std::string& topic) { json.text(topic); });
    json.end_object();
    return out;
}

std::string encode_group_subscription(const group_subscription& found) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("group", found.group);
    if (found.subscription) {
        json.key("subscriptionData");
        write_subscription(json, *found.subscription);
    }
    json.text_member("topic", found.topic);
    json.end_object();
    return out;
}

result<group_subscription> decode_group_subscription(std::string_view json) {
    return decode_document<group_subscription>(json, "group subscription",
                                               [](json_reader& reader, std::string_view key, group_subscription& found) {
                                                   if (key == "group")
                                                       found.group = reader.text();
                                                   else if (key == "topic")
                                                       found.topic = reader.text();
                                                   else if (key == "subscriptionData" && reader.peek() == json_kind::object)
                                                       found.subscription = read_subscription(reader);
                                                   else
                                                       reader.skip_member(key);
                                               });
}

// ---- offsets --------------------------------------------------------------------------------------------------------

std::string encode_reset_offsets(const queue_offsets& offsets) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("offsetTable");
    write_offsets(json, offsets);
    json.end_object();
    return out;
}

result<queue_offsets> decode_reset_offsets(std::string_view json) {
    return decode_document<queue_offsets>(json, "reset offsets", [](json_reader& reader, std::string_view key, queue_offsets& offsets) {
        if (key == "offsetTable")
            offsets = reader.peek() == json_kind::array ? read_offset_list(reader) : read_offsets(reader);
        else
            reader.skip_member(key);
    });
}

std::string encode_consumer_status(const consumer_status& status) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("consumerTable");
    json.begin_object();
    for (const auto& [client, offsets] : status.clients) {
        json.key(client);
        write_offsets(json, offsets);
    }
    json.end_object();
    json.key("messageQueueTable");
    write_offsets(json, status.own);
    json.end_object();
    return out;
}

result<consumer_status> decode_consumer_status(std::string_view json) {
    return decode_document<consumer_status>(
        json, "consumer status", [](json_reader& reader, std::string_view key, consumer_status& status) {
            if (key == "consumerTable")
                reader.object([&](std::string_view client) { status.clients[std::string{client}] = read_offsets(reader); });
            else if (key == "messageQueueTable")
                status.own = read_offsets(reader);
            else
                reader.skip_member(key);
        });
}

} // namespace troupe::protocol
