#include "actors/broker/broker_state.hpp"
#include "actors/messages/pop_messages.hpp"
#include "actors/messages/trace_messages.hpp"

#include <map>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

/// Names that no client can have are the broker's own (delayed_message.hpp, dead_letters.hpp).
bool is_own_group(const std::string& group) {
    return group.starts_with('@');
}

protocol::message_trace trace_of(delivery_book::found found, const queue_offsets_listed& committed, const popped_found& popped) {
    std::map<std::string, protocol::traced_group> groups;
    for (const auto& [group, state] : popped.groups)
        groups[group].popped = state;
    for (const auto& [group, offset] : committed.groups)
        if (!is_own_group(group))
            groups[group].committed = offset;
    for (auto& [group, deliveries] : found.by_group)
        groups[group].deliveries = std::move(deliveries);
    protocol::message_trace trace;
    trace.complete_since = found.complete_since;
    for (auto& [name, group] : groups) {
        group.group = name;
        trace.groups.push_back(std::move(group));
    }
    return trace;
}

} // namespace

caf::result<message_traced> broker_state::handle(const trace_message& order) {
    if (const auto known = check_queue(order.queue); !known)
        return make_caf_error(known.failure());
    auto promise = self_->make_response_promise<message_traced>();
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    send_notes();
    questions_.ask<queue_offsets_listed>(
        setup_.offset_keeper, list_queue_offsets{order.queue}, fail, [this, promise, fail, order](const queue_offsets_listed& committed) {
            const auto go_on = [this, promise, fail, order, committed](const popped_found& popped) {
                auto trace = trace_of(setup_.deliveries->find(order.queue, order.offset), committed, popped);
                questions_.ask<bounds_found>(
                    background_reader(), find_bounds{order.queue}, fail,
                    [promise, trace = std::move(trace), offset = order.offset](const bounds_found& bounds) mutable {
                        trace.is_indexed = bounds.min <= offset && offset < bounds.max;
                        promise.deliver(message_traced{std::move(trace)});
                    });
            };
            if (setup_.pop_keeper)
                questions_.ask<popped_found>(setup_.pop_keeper, find_popped{order.queue, order.offset}, fail, go_on);
            else
                go_on(popped_found{});
        });
    return promise;
}

} // namespace troupe::actors
