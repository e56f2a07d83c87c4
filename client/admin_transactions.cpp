#include "actors/messages/transaction_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace troupe::client {

namespace {

using actors::net::role_of;

constexpr std::int32_t page_max = 1'000;

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
            const auto page = ask.ask<actors::transactions_listed>(role_of<actors::transaction_actor>(broker), order);
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

struct registered_broker {
    std::string name;
    std::string address;
};

std::vector<registered_broker> masters_of(const protocol::cluster_info& cluster) {
    std::vector<registered_broker> all;
    for (const auto& [name, broker] : cluster.brokers)
        if (!broker.addresses.empty())
            all.push_back({name, broker.addresses.begin()->second});
    return all;
}

result<admin::resumed_transaction> resume_at(asker& ask, const registered_broker& one, const std::string& id) {
    const auto broker = ask.dial(one.name, one.address);
    if (!broker)
        return at_broker(one.name, broker.failure());
    auto resumed = ask.ask<actors::transaction_resumed>(role_of<actors::transaction_actor>(*broker), actors::resume_transaction{id, {}});
    if (!resumed)
        return at_broker(one.name, resumed.failure());
    return admin::resumed_transaction{one.name, resumed->offset_message_id, resumed->position, resumed->offset};
}

/// Whether it answers a request that only Troupe has.
result<bool> lists_transactions(asker& ask, const registered_broker& one) {
    const auto broker = ask.dial(one.name, one.address);
    if (!broker)
        return at_broker(one.name, broker.failure());
    const auto listed =
        ask.ask<actors::transactions_listed>(role_of<actors::transaction_actor>(*broker), actors::list_transactions{{}, {}, 1});
    if (!listed && listed.code() != errc::not_supported)
        return at_broker(one.name, listed.failure());
    return listed.ok();
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

// Apache RocketMQ's brokers take no notice of the address in the id: whatever lies at that place of their log they store once more, each
// time that they are asked. So the broker of that address is asked, once, and another one only when it is a Troupe, which looks whose it
// is.
result<admin::resumed_transaction> admin::resume_transaction(const std::string& id) {
    const auto place = protocol::parse_offset_message_id(id);
    if (!place)
        return place.failure();
    asker ask{via_};
    const auto cluster = ask.ask_any_name_server<actors::cluster_described>(actors::describe_cluster{});
    if (!cluster)
        return cluster.failure();
    const auto all = masters_of(cluster->info);
    if (all.empty())
        return error{errc::no_route, "no broker is registered with the name servers"};
    const auto named = std::find_if(all.begin(), all.end(), [&place](const registered_broker& one) {
        const auto host = protocol::parse_host_address(one.address);
        return host && *host == place->first;
    });
    if (named != all.end())
        return resume_at(ask, *named, id);
    std::string names;
    for (const auto& one : all) {
        names += (names.empty() ? "" : ", ") + one.name + " at " + one.address;
        const auto is_troupe = lists_transactions(ask, one);
        if (!is_troupe)
            return is_troupe.failure();
        if (!*is_troupe)
            continue;
        auto resumed = resume_at(ask, one, id);
        if (resumed || resumed.code() != errc::message_not_found)
            return resumed;
    }
    return error{errc::message_not_found, "transaction " + id + " is of a broker at " + to_string(place->first) + ", and there are only " +
                                              names +
                                              ", which do not have it; `troupe transaction list --given-up` shows those that can "
                                              "be resumed"};
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
        const auto found = ask.ask<actors::transactions_listed>(role_of<actors::transaction_actor>(broker),
                                                                actors::list_transactions{{}, place->second + -1, 1});
        if (!found)
            return at_broker(name, found.failure());
        if (found->list.entries.empty() || found->list.entries.front().offset_message_id != id)
            continue;
        const auto& one = found->list.entries.front();
        const auto decision =
            outcome == transaction_outcome::commit ? actors::transaction_decision::commit : actors::transaction_decision::roll_back;
        const auto ended = ask.ask<actors::transaction_ended>(
            role_of<actors::transaction_actor>(broker),
            actors::end_transaction{one.group, one.position, one.offset, decision, true, one.unique_key, one.topic});
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
