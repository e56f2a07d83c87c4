#include "protocol/bodies.hpp"
#include "protocol/body_codec.hpp"
#include "protocol/client_body_codec.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/consumer_bodies.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>

namespace troupe::protocol {

namespace {

/// "TagA || TagB" as its tags; none for "*" and for what is no tag expression.
std::vector<std::string_view> tags_of(const subscription_data& subscription) {
    std::vector<std::string_view> tags;
    if (subscription.expression_type != "TAG" || subscription.expression == "*")
        return tags;
    for (std::string_view rest = subscription.expression; !rest.empty();) {
        const auto end = std::min(rest.find("||"), rest.size());
        auto tag = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 2, rest.size()));
        while (tag.starts_with(' '))
            tag.remove_prefix(1);
        while (tag.ends_with(' '))
            tag.remove_suffix(1);
        if (!tag.empty())
            tags.push_back(tag);
    }
    return tags;
}

} // namespace

consume_from read_consume_from(json_reader& json) {
    const auto from = read_enum(json, consume_from_names, consume_from::last_offset);
    return from == consume_from::first_offset || from == consume_from::timestamp ? from : consume_from::last_offset;
}

void write_subscription(json_writer& json, const subscription_data& subscription) {
    const auto tags = tags_of(subscription);
    json.begin_object();
    json.boolean_member("classFilterMode", false);
    write_array(json, "codeSet", tags, [&](std::string_view tag) { json.number(tag_hash(tag)); });
    json.text_member("expressionType", subscription.expression_type);
    json.text_member("subString", subscription.expression);
    json.number_member("subVersion", subscription.version);
    write_array(json, "tagsSet", tags, [&](std::string_view tag) { json.text(tag); });
    json.text_member("topic", subscription.topic);
    json.end_object();
}

/// Tags and their hashes are not read: the expression says the same, and C++ sends hashes that are none.
subscription_data read_subscription(json_reader& json) {
    const auto text_or = [&](std::string_view otherwise) {
        auto text = json.text();
        return text.empty() ? std::string{otherwise} : text;
    };
    subscription_data subscription;
    json.object([&](std::string_view key) {
        if (key == "topic")
            subscription.topic = json.text();
        else if (key == "subString")
            subscription.expression = text_or("*");
        else if (key == "expressionType")
            subscription.expression_type = text_or("TAG");
        else if (key == "subVersion")
            subscription.version = json.integer<std::int64_t>();
        else
            json.skip_member(key);
    });
    return subscription;
}

namespace {

void write_consumer(json_writer& json, const consumer_data& consumer) {
    json.begin_object();
    json.text_member("consumeFromWhere", consume_from_names[static_cast<std::size_t>(consumer.from)]);
    json.text_member("consumeType", consume_type_names[static_cast<std::size_t>(consumer.type)]);
    json.text_member("groupName", consumer.group);
    json.text_member("messageModel", message_model_names[static_cast<std::size_t>(consumer.model)]);
    write_array(json, "subscriptionDataSet", consumer.subscriptions,
                [&](const subscription_data& subscription) { write_subscription(json, subscription); });
    json.boolean_member("unitMode", false);
    json.end_object();
}

consumer_data read_consumer(json_reader& json) {
    consumer_data consumer;
    json.object([&](std::string_view key) {
        if (key == "groupName")
            consumer.group = json.text();
        else if (key == "consumeType")
            consumer.type = read_enum(json, consume_type_names, consume_type::passively);
        else if (key == "messageModel")
            consumer.model = read_enum(json, message_model_names, message_model::clustering);
        else if (key == "consumeFromWhere")
            consumer.from = read_consume_from(json);
        else if (key == "subscriptionDataSet")
            json.array([&] { consumer.subscriptions.push_back(read_subscription(json)); });
        else
            json.skip_member(key);
    });
    return consumer;
}

std::string read_producer(json_reader& json) {
    std::string group;
    json.object([&](std::string_view key) {
        if (key == "groupName")
            group = json.text();
        else
            json.skip_member(key);
    });
    return group;
}

} // namespace

std::string encode_heartbeat(const heartbeat_data& heartbeat) {
    return encode_versioned_heartbeat({heartbeat, 0, false});
}

result<heartbeat_data> decode_heartbeat(std::string_view json) {
    auto heartbeat = decode_versioned_heartbeat(json);
    if (!heartbeat)
        return heartbeat.failure();
    return std::move(heartbeat->data);
}

std::string encode_versioned_heartbeat(const versioned_heartbeat& heartbeat) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("clientID", heartbeat.data.client_id);
    write_array(json, "consumerDataSet", heartbeat.data.consumers, [&](const consumer_data& consumer) { write_consumer(json, consumer); });
    json.number_member("heartbeatFingerprint", heartbeat.fingerprint);
    write_array(json, "producerDataSet", heartbeat.data.producer_groups, [&](const std::string& group) {
        json.begin_object();
        json.text_member("groupName", group);
        json.end_object();
    });
    json.boolean_member("withoutSub", heartbeat.without_subscriptions);
    json.end_object();
    return out;
}

result<versioned_heartbeat> decode_versioned_heartbeat(std::string_view json) {
    return decode_document<versioned_heartbeat>(
        json, "heartbeat", [](json_reader& reader, std::string_view key, versioned_heartbeat& heartbeat) {
            if (key == "clientID")
                heartbeat.data.client_id = reader.text();
            else if (key == "producerDataSet")
                reader.array([&] { heartbeat.data.producer_groups.push_back(read_producer(reader)); });
            else if (key == "consumerDataSet")
                reader.array([&] { heartbeat.data.consumers.push_back(read_consumer(reader)); });
            else if (key == "heartbeatFingerprint")
                heartbeat.fingerprint = reader.integer<std::int32_t>();
            else if (key == "withoutSub")
                heartbeat.without_subscriptions = reader.boolean();
            else
                reader.skip_member(key);
        });
}

std::string encode_consumer_ids(const std::vector<std::string>& ids) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "consumerIdList", ids, [&](const std::string& id) { json.text(id); });
    json.end_object();
    return out;
}

result<std::vector<std::string>> decode_consumer_ids(std::string_view json) {
    using names = std::vector<std::string>;
    return decode_document<names>(json, "consumer ids", [](json_reader& reader, std::string_view key, names& ids) {
        if (key == "consumerIdList")
            reader.array([&] { ids.push_back(reader.text()); });
        else
            reader.skip_member(key);
    });
}

std::string encode_client_config_check(const client_config_check& check) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("clientId", check.client_id);
    json.text_member("group", check.group);
    json.text_member("namespace", check.name_space);
    json.key("subscriptionData");
    write_subscription(json, check.subscription);
    json.end_object();
    return out;
}

result<client_config_check> decode_client_config_check(std::string_view json) {
    return decode_document<client_config_check>(json, "client configuration",
                                                [](json_reader& reader, std::string_view key, client_config_check& check) {
                                                    if (key == "clientId")
                                                        check.client_id = reader.text();
                                                    else if (key == "group")
                                                        check.group = reader.text();
                                                    else if (key == "namespace")
                                                        check.name_space = reader.text();
                                                    else if (key == "subscriptionData")
                                                        check.subscription = read_subscription(reader);
                                                    else
                                                        reader.skip_member(key);
                                                });
}

} // namespace troupe::protocol
