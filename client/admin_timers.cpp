#include "actors/net/broker_proxy.hpp"
#include "actors/schedule/timer_keeper.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

/// Messages that wait for their time. Each broker has its own, in order; here they become one list.
namespace troupe::client {

namespace {

using actors::net::role_of;

constexpr std::int32_t page_timers_max = 1'000;

std::int64_t number_of(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// What waits stands in a topic of the system, with its own among its properties.
pending_timer to_pending(const std::string& broker_name, protocol::message record, unpacking_room& room) {
    pending_timer timer;
    const message_queue queue{record.topic, broker_name, record.queue.value()};
    timer.message = to_received(queue, std::move(record), room);
    namespace name = protocol::property_name;
    timer.due = timestamp_ms{number_of(timer.message.property(name::timer_out_ms))};
    timer.topic = timer.message.property(name::real_topic);
    timer.message.queue = {timer.topic, broker_name, static_cast<std::int32_t>(number_of(timer.message.property(name::real_queue)))};
    return timer;
}

/// The first `max` of one broker, appended to `all`.
result<bool> list_at_broker(asker& ask, const std::string& name, const actors::broker_actor& broker, const std::string& topic,
                            std::size_t max, unpacking_room& room, pending_timers& all) {
    actors::list_timers order;
    order.topic = topic;
    for (std::size_t found = 0;;) {
        if (found == max)
            return true;
        order.timers_max = static_cast<std::int32_t>(std::min<std::size_t>(max - found, page_timers_max));
        auto page = ask.ask<actors::timers_listed>(role_of<actors::timers_actor>(broker), order);
        if (!page)
            return at_broker(name, page.failure());
        auto records = protocol::decode_records(page->records);
        if (!records)
            return at_broker(name, records.failure());
        if (order.from == storage::timer_key{})
            all.pending += page->pending;
        found += records->size();
        for (auto& record : *records)
            all.timers.push_back(to_pending(name, std::move(record), room));
        if (page->next == storage::no_timer_key)
            return false;
        if (!(order.from < page->next))
            return error{errc::protocol_error, "broker " + name + ": the list of timers does not go on"};
        order.from = page->next;
    }
}

result<void> check_name(const std::string& topic, const std::string& message_id) {
    if (auto legal = check_topic_name(topic); !legal)
        return legal;
    return message_id.empty() ? error{errc::argument_illegal, "the message id is empty"} : result<void>{};
}

error no_such_timer(const std::string& topic, const std::string& message_id) {
    return {errc::message_not_found,
            "no message " + message_id + " for topic " + topic + " waits for its time; it was delivered or recalled, or never sent"};
}

} // namespace

result<pending_timers> admin::list_timers(const std::string& topic, std::size_t max) {
    if (auto legal = topic.empty() ? result<void>{} : check_topic_name(topic); !legal)
        return legal.failure();
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    pending_timers all;
    unpacking_room room;
    for (const auto& [name, broker] : *brokers) {
        const auto more = list_at_broker(ask, name, broker, topic, max, room, all);
        if (!more)
            return more.failure();
        all.has_more = all.has_more || *more;
    }
    std::stable_sort(all.timers.begin(), all.timers.end(), [](const auto& x, const auto& y) { return x.due < y.due; });
    if (all.timers.size() > max) {
        all.timers.resize(max);
        all.has_more = true;
    }
    return all;
}

result<pending_timer> admin::find_timer(const std::string& topic, const std::string& message_id) {
    if (auto legal = check_name(topic, message_id); !legal)
        return legal.failure();
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    for (const auto& [name, broker] : *brokers) {
        auto found = ask.ask<actors::timer_found>(role_of<actors::timers_actor>(broker), actors::find_timer{topic, message_id});
        if (!found && found.code() != errc::message_not_found)
            return at_broker(name, found.failure());
        if (!found)
            continue;
        auto record = protocol::decode_record(found->record);
        if (!record)
            return at_broker(name, record.failure());
        unpacking_room room;
        return to_pending(name, std::move(*record), room);
    }
    return no_such_timer(topic, message_id);
}

result<void> admin::cancel_timer(const std::string& topic, const std::string& message_id) {
    if (auto legal = check_name(topic, message_id); !legal)
        return legal;
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    bool was_there = false;
    for (const auto& [name, broker] : *brokers) { // a repeated send may have left one at each
        auto cancelled = ask.ask<actors::timer_cancelled>(role_of<actors::timers_actor>(broker), actors::cancel_timer{topic, message_id});
        if (!cancelled && cancelled.code() != errc::message_not_found)
            return at_broker(name, cancelled.failure());
        was_there = was_there || cancelled.ok();
    }
    return was_there ? result<void>{} : no_such_timer(topic, message_id);
}

} // namespace troupe::client
