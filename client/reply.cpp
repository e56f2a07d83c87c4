#include "actors/net/broker_proxy.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/encode_send.hpp"
#include "client/internal/unique_key.hpp"
#include "client/requester.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"

#include <string_view>
#include <utility>

namespace troupe::client {

namespace {

namespace name = protocol::property_name;

constexpr std::string_view reply_type = "reply";

} // namespace

result<void> reply(const connection& via, const received_message& request, message answer) {
    const auto id = request.property(name::correlation_id);
    const auto client = request.property(name::reply_to_client);
    const auto cluster = request.property(name::cluster);
    if (id.empty() || client.empty() || cluster.empty())
        return error{errc::argument_illegal, "the message is no request: it lacks CORRELATION_ID, REPLY_TO_CLIENT or CLUSTER"};
    if (!answer.topic.empty())
        return error{errc::argument_illegal, "a reply goes to whoever asked, not to a topic; leave the topic empty"};
    answer.topic = std::string{cluster} + "_REPLY_TOPIC";
    answer.properties.insert_or_assign(std::string{name::message_type}, std::string{reply_type});
    answer.properties.insert_or_assign(std::string{name::correlation_id}, std::string{id});
    answer.properties.insert_or_assign(std::string{name::reply_to_client}, std::string{client});
    if (const auto ttl = request.property(name::time_to_live); !ttl.empty())
        answer.properties.insert_or_assign(std::string{name::time_to_live}, std::string{ttl});
    unique_key_generator ids;
    const auto now = wall_clock_ms();
    auto encoded = encode_send(std::move(answer), ids, now);
    if (!encoded)
        return encoded.failure();
    actors::send_reply order;
    order.message.producer_group = "CLIENT_INNER_PRODUCER";
    order.message.topic = encoded->topic;
    order.message.born = timestamp_ms{now};
    order.message.flag = encoded->flag;
    order.message.properties = std::move(encoded->properties);
    order.message.body = std::move(encoded->body);
    asker ask{via};
    auto broker = ask.broker(request.queue.broker_name); // it knows whoever sent the request
    if (!broker)
        return broker.failure();
    auto told = ask.ask<actors::messages_stored>(actors::net::role_of<actors::reply_sender_actor>(*broker), std::move(order));
    return told ? result<void>{} : told.failure();
}

} // namespace troupe::client
