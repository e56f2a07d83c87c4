#include "actors/messages/transaction_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "protocol/message_codec.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <utility>

namespace troupe::client {

namespace {

constexpr std::int32_t page_max = 1'000;

actors::transaction_actor transactions_of(const actors::broker_actor& broker) {
    return caf::actor_cast<actors::transaction_actor>(broker);
}

result<std::vector<admin::pending_transaction>> list_all(const connection& via, const actors::list_transactions& which) {
    const auto transactions_max = which.transactions_max;
    if (transactions_max < 1)
        return error{errc::argument_illegal, "ask for at least one transaction"};
    asker ask{via};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    std::vector<admin::pending_transaction> all;
    for (const auto& [name, broker] : *brokers) {
        auto order = which;
        for (std::int32_t left = transactions_max; left > 0;) {
            order.transactions_max = std::min(left, page_max);
            const auto page = ask.ask<actors::transactions_listed>(transactions_of(broker), order);
            if (!page)
                return at_broker(name, page.failure());
            for (const auto& one : page->list.entries)
                all.emplace_back(name, one);
            left -= static_cast<std::int32_t>(page->list.entries.size());
            const bool goes_on = which.of_given_up ? order.from < page->list.next_offset : order.after < page->list.next;
            if (page->list.is_complete || !goes_on)
                break;
            order.after = page->list.next;
            order.from = page->list.next_offset;
        }
    }
    return all;
}

} // namespace

result<std::vector<admin::pending_transaction>> admin::list_transactions(const std::string& group, std::int32_t transactions_max) {
    actors::list_transactions order;
    order.group = group;
    order.transactions_max = transactions_max;
    return list_all(via_, order);
}

result<std::vector<admin::pending_transaction>> admin::list_given_up_transactions(const std::string& group, std::int32_t transactions_max) {
    actors::list_transactions order;
    order.group = group;
    order.transactions_max = transactions_max;
    order.of_given_up = true;
    return list_all(via_, order);
}

result<admin::resumed_transaction> admin::resume_transaction(const std::string& id) {
    if (const auto place = protocol::parse_offset_message_id(id); !place)
        return place.failure();
    asker ask{via_};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    for (const auto& [name, broker] : *brokers) {
        auto resumed = ask.ask_again<actors::transaction_resumed>(transactions_of(broker), actors::resume_transaction{id, {}});
        if (resumed)
            return resumed_transaction{name, resumed->offset_message_id, resumed->position, resumed->offset};
        if (resumed.code() != errc::message_not_found)
            return at_broker(name, resumed.failure());
    }
    return error{errc::message_not_found, "no broker has a transaction " + id +
                                              ", or not any more; `troupe transaction list --given-up` shows those that can be resumed"};
}

result<admin::pending_transaction> admin::end_transaction(const std::string& id, transaction_outcome outcome) {
    if (outcome == transaction_outcome::unknown)
        return error{errc::argument_illegal, "a transaction is committed or rolled back"};
    const auto place = protocol::parse_offset_message_id(id);
    if (!place)
        return place.failure();
    asker ask{via_};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    for (const auto& [name, broker] : *brokers) {
        // The one behind the place before it: it is the one itself, or it is not pending.
        const auto found =
            ask.ask<actors::transactions_listed>(transactions_of(broker), actors::list_transactions{{}, place->second + -1, 1});
        if (!found)
            return at_broker(name, found.failure());
        if (found->list.entries.empty() || found->list.entries.front().offset_message_id != id)
            continue;
        const auto& one = found->list.entries.front();
        const auto decision =
            outcome == transaction_outcome::commit ? actors::transaction_decision::commit : actors::transaction_decision::roll_back;
        const auto ended =
            ask.ask<actors::transaction_ended>(transactions_of(broker), actors::end_transaction{one.group, one.position, one.offset,
                                                                                                decision, true, one.unique_key, one.topic});
        if (!ended)
            return at_broker(name, ended.failure());
        return pending_transaction{name, one};
    }
    return error{errc::message_not_found,
                 "no broker has a transaction " + id +
                     " without an outcome; `troupe transaction list` shows those that there are, and one that was given up "
                     "is resumed first"};
}

} // namespace troupe::client
