#include "actors/log/message_finder.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>

/// Looking up messages: the brokers' index answers with a hash's matches, so what comes is compared with what was asked for.
namespace troupe::client {

namespace {

using actors::net::role_of;

/// RocketMQ's brokers answer with at most as many.
constexpr std::int32_t copies_max = 64;

bool is_word_of(std::string_view word, std::string_view words) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word)
            return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

bool is_hex_id(std::string_view id) {
    const bool is_hex = std::all_of(id.begin(), id.end(),
                                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); });
    return is_hex && (id.size() == 32 || id.size() == 56);
}

std::string upper(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'f')
            c = static_cast<char>(c - 'a' + 'A');
    return text;
}

received_message of_broker(const std::string& broker_name, protocol::message record, unpacking_room& room) {
    const message_queue queue{record.topic, broker_name, record.queue.value()};
    auto message = to_received(queue, std::move(record), room);
    message.queue = queue; // where it is, and not what it was first sent to
    return message;
}

using broker_handles = std::map<std::string, actors::broker_actor>;

/// message_not_found when no broker has a message of this id.
result<received_message> at_place(asker& ask, const broker_handles& brokers, const std::string& id, log_position position) {
    // The host in an id is the one that the broker stores under, which need not be the one that clients dial: all are asked.
    error last;
    for (const auto& [name, broker] : brokers) {
        auto found = ask.ask<actors::message_found>(role_of<actors::message_lookup_actor>(broker), actors::find_message{position});
        if (!found) {
            last = error{found.code(), "broker " + name + ": " + found.failure().text};
            continue;
        }
        auto record = protocol::decode_record(found->record);
        if (!record)
            continue; // another broker's position in the middle of a record of this one
        unpacking_room room;
        auto message = of_broker(name, std::move(*record), room);
        if (message.offset_message_id == id)
            return message;
    }
    // "internal" is how RocketMQ answers for a position at which no message begins.
    if (last.code != errc::none && last.code != errc::internal && last.code != errc::message_not_found && last.code != errc::corrupt)
        return last;
    return error{errc::message_not_found, "no broker has a message " + id + ", or not any more"};
}

/// Over all brokers; empty when there is none.
result<std::vector<received_message>> by_key(asker& ask, const broker_handles& brokers, const actors::find_messages& order) {
    std::vector<received_message> all;
    unpacking_room room;
    for (const auto& [name, broker] : brokers) {
        auto found = ask.ask<actors::messages_found>(role_of<actors::message_lookup_actor>(broker), order);
        const bool nothing =
            found.code() == errc::message_not_found || found.code() == errc::offset_not_found || found.code() == errc::topic_not_found;
        if (!found && !nothing)
            return error{found.code(), "broker " + name + ": " + found.failure().text};
        if (!found)
            continue;
        auto records = protocol::decode_records(found->records);
        if (!records)
            return error{records.code(), "broker " + name + ": " + records.failure().text};
        for (auto& record : *records) {
            auto message = of_broker(name, std::move(record), room);
            if (message.queue.topic == order.topic &&
                (order.by_unique_key ? message.message_id() == order.key : is_word_of(order.key, message.keys())))
                all.push_back(std::move(message));
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const received_message& left, const received_message& right) {
        return left.stored.value() > right.stored.value();
    });
    return all;
}

} // namespace

result<received_message> admin::find_message(const std::string& id, const std::string& topic) {
    if (!is_hex_id(id))
        return error{errc::argument_illegal, "\"" + id + "\" is no message id, which is 32 or 56 hexadecimal digits"};
    if (auto legal = topic.empty() ? result<void>{} : check_topic_name(topic); !legal)
        return legal.failure();
    const auto wanted = upper(id);
    const auto place = protocol::parse_offset_message_id(wanted);
    if (!place && topic.empty())
        return error{errc::argument_illegal, id + " is a unique key, which is looked up in a topic: name it"};
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    if (place) {
        auto found = at_place(ask, *brokers, wanted, place->second);
        if (found || found.code() != errc::message_not_found || topic.empty())
            return found;
    }
    actors::find_messages order;
    order.topic = topic;
    order.key = wanted;
    order.messages_max = copies_max;
    order.end = timestamp_ms{INT64_MAX};
    order.by_unique_key = true;
    auto copies = by_key(ask, *brokers, order);
    if (!copies)
        return copies.failure();
    if (copies->empty())
        return error{errc::message_not_found, "topic " + topic + " has no message " + id + ", or not any more"};
    return std::move(copies->back());
}

result<std::vector<received_message>> admin::find_messages(const std::string& topic, const std::string& key, const find_options& options) {
    if (auto legal = check_topic_name(topic); !legal)
        return legal.failure();
    if (key.empty() || key.find(' ') != std::string::npos)
        return error{errc::argument_illegal, "key \"" + key + "\" is empty or holds a space"};
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    actors::find_messages order;
    order.topic = topic;
    order.key = key;
    order.messages_max = options.messages_max;
    order.begin = options.begin;
    order.end = options.end;
    auto found = by_key(ask, *brokers, order);
    if (!found)
        return found.failure();
    if (found->empty())
        return error{errc::message_not_found, "topic " + topic + " has no message with key " + key + " on any broker"};
    return found;
}

} // namespace troupe::client
