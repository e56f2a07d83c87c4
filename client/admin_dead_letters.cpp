#include "actors/log/message_finder.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/net/broker_proxy.hpp"
#include "actors/schedule/message_return.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

/// Dead letters: each broker has those of its own messages.
namespace troupe::client {

namespace {

using actors::net::role_of;

constexpr std::size_t page_messages_max = 1'000;
/// RocketMQ's brokers answer with at most as many.
constexpr std::int32_t copies_max = 64;

using broker_handles = std::map<std::string, actors::broker_actor>;

/// Ids are told in either case.
bool is_same_id(std::string_view left, std::string_view right) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; };
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&upper](char x, char y) { return upper(x) == upper(y); });
}

std::int32_t page_of(std::size_t max) {
    return static_cast<std::int32_t>(std::min(max, page_messages_max));
}

/// As it lies in its queue: a message of a dead letter topic is there, and not in the topic it was sent to first.
result<std::vector<received_message>> to_messages(const std::string& broker_name, const payload& records, unpacking_room& room) {
    auto decoded = protocol::decode_records(records);
    if (!decoded)
        return at_broker(broker_name, decoded.failure());
    std::vector<received_message> messages;
    for (auto& record : *decoded) {
        const message_queue queue{record.topic, broker_name, record.queue.value()};
        messages.push_back(to_received(queue, std::move(record), room));
        messages.back().queue = queue;
    }
    return messages;
}

result<std::vector<dead_letters>> letters_of(asker& ask, const std::string& broker_name, const actors::broker_actor& broker,
                                             const std::string& group) {
    auto listed = ask.ask_again<actors::dead_letters_listed>(role_of<actors::operator_actor>(broker), actors::list_dead_letters{group});
    if (!listed)
        return at_broker(broker_name, listed.failure());
    std::vector<dead_letters> letters;
    for (auto& one : listed->queues)
        if (one.max.value() > 0)
            letters.push_back({one.group,
                               {actors::dead_letter_topic_of(one.group), broker_name, one.queue.value()},
                               one.min,
                               one.max,
                               one.first_stored,
                               one.last_stored,
                               one.resent});
    return letters;
}

/// At most `max` of one queue.
result<resent_letters> resend_queue(asker& ask, const actors::broker_actor& broker, const std::string& group, const dead_letters& letters,
                                    std::size_t max) {
    resent_letters done{letters.queue, 0, letters.resent, letters.next};
    while (done.resent < max) {
        const actors::resend_dead_letters order{group, queue_id{letters.queue.queue}, queue_offset{-1}, page_of(max - done.resent)};
        // Not asked again by itself: whether a lost answer was a success is unknown.
        const auto page = ask.ask<actors::dead_letters_resent>(role_of<actors::operator_actor>(broker), order);
        if (!page)
            return at_broker(letters.queue.broker_name, {page.code(), page.failure().text + " (" + std::to_string(done.resent) +
                                                                          " messages of this queue were put back before)"});
        const bool stands_still = page->resent == 0 && page->next <= done.next; // else it has passed over what is damaged or gone
        done.resent += static_cast<std::size_t>(page->resent);
        done.next = page->next;
        done.end = page->max;
        if (page->next >= page->max || stands_still)
            break;
    }
    return done;
}

/// The newest dead letter with that unique key on any broker.
result<received_message> find_letter(asker& ask, const broker_handles& brokers, const std::string& group, const std::string& unique_key) {
    actors::find_messages order;
    order.topic = actors::dead_letter_topic_of(group);
    order.key = unique_key;
    order.messages_max = copies_max;
    order.end = timestamp_ms{INT64_MAX};
    order.by_unique_key = true;
    std::optional<received_message> newest;
    for (const auto& [name, broker] : brokers) {
        const auto found = ask.ask<actors::messages_found>(role_of<actors::message_lookup_actor>(broker), order);
        if (!found && found.code() != errc::message_not_found && found.code() != errc::topic_not_found)
            return at_broker(name, found.failure());
        if (!found)
            continue;
        unpacking_room room; // of each broker the newest is kept
        auto messages = to_messages(name, found->records, room);
        if (!messages)
            return messages.failure();
        for (auto& message : *messages)
            if (message.message_id() == unique_key && (!newest || newest->stored < message.stored))
                newest = std::move(message);
    }
    if (!newest)
        return error{errc::message_not_found, "group " + group + " has no dead letter " + unique_key + ", or not any more"};
    return std::move(*newest);
}

} // namespace

result<std::vector<dead_letters>> admin::list_dead_letters(const std::string& group) {
    if (auto legal = group.empty() ? result<void>{} : check_group_name(group); !legal)
        return legal.failure();
    asker ask{via_};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    std::vector<dead_letters> all;
    for (const auto& [name, broker] : *brokers) {
        auto letters = letters_of(ask, name, broker, group);
        if (!letters)
            return letters.failure();
        std::move(letters->begin(), letters->end(), std::back_inserter(all));
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.group < right.group; });
    return all;
}

result<std::pair<std::vector<received_message>, queue_offset>> admin::read_queue(const message_queue& queue, queue_offset from,
                                                                                 std::size_t max) {
    asker ask{via_};
    const auto brokers = ask.brokers({queue.broker_name});
    if (!brokers)
        return brokers.failure();
    std::pair<std::vector<received_message>, queue_offset> read{{}, from};
    unpacking_room room;
    while (read.first.size() < max) {
        const actors::read_page order{{queue.topic, queue_id{queue.queue}}, read.second, page_of(max - read.first.size())};
        const auto page = ask.ask_again<actors::page_read>(role_of<actors::operator_actor>(brokers->at(queue.broker_name)), order);
        if (!page)
            return at_broker(queue.broker_name, page.failure());
        auto messages = to_messages(queue.broker_name, page->records, room);
        if (!messages)
            return messages.failure();
        std::move(messages->begin(), messages->end(), std::back_inserter(read.first));
        const bool moved = read.second < page->next;
        read.second = page->next;
        if (!moved || page->next >= page->max)
            break;
    }
    return read;
}

result<std::vector<resent_letters>> admin::resend_dead_letters(const std::string& group, std::size_t max) {
    if (auto legal = check_group_name(group); !legal)
        return legal.failure();
    asker ask{via_};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    std::vector<resent_letters> all;
    std::size_t left = max;
    const auto after_some = [&left, max](const error& failure) {
        if (left == max)
            return failure;
        return error{failure.code, failure.text + " (" + std::to_string(max - left) + " messages of other queues were put back before)"};
    };
    for (const auto& [name, broker] : *brokers) {
        const auto letters = letters_of(ask, name, broker, group);
        if (!letters)
            return after_some(letters.failure());
        for (const auto& queue : *letters) {
            if (left == 0 || queue.resent == queue.next)
                continue;
            auto done = resend_queue(ask, broker, group, queue, left);
            if (!done)
                return after_some(done.failure());
            left -= std::min(left, done->resent);
            all.push_back(std::move(*done));
        }
    }
    return all;
}

result<received_message> admin::resend_dead_letter(const std::string& group, const std::string& id) {
    if (auto legal = check_group_name(group); !legal)
        return legal.failure();
    const auto dead_topic = actors::dead_letter_topic_of(group);
    auto letter = find_message(id, dead_topic);
    if (!letter)
        return letter.failure();
    asker ask{via_};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    if (letter->queue.topic == dead_topic && !is_same_id(letter->offset_message_id, id) && !letter->message_id().empty()) {
        letter = find_letter(ask, *brokers, group, std::string{letter->message_id()});
        if (!letter)
            return letter.failure();
    }
    if (letter->queue.topic != dead_topic)
        return error{errc::message_not_found, "message " + id + " lies in topic " + letter->queue.topic +
                                                  " and is no dead letter of group " + group + "; `troupe dlq show " + group +
                                                  "` lists those"};
    const actors::resend_dead_letters order{group, queue_id{letter->queue.queue}, letter->offset, 1};
    const auto broker = brokers->find(letter->queue.broker_name);
    if (broker == brokers->end())
        return at_broker(letter->queue.broker_name, {errc::no_route, "no name server knows it any more"});
    const auto done = ask.ask<actors::dead_letters_resent>(role_of<actors::operator_actor>(broker->second), order);
    if (!done)
        return at_broker(letter->queue.broker_name, done.failure());
    return letter;
}

} // namespace troupe::client
