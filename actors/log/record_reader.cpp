#include "actors/log/record_reader.hpp"

#include "actors/base/spawn_role.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/type_ids.hpp"
#include "protocol/message_codec.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

/// The records of `read` below `end`. A read goes on behind damaged ones, and so may have gone too far.
payload records_below(const payload& records, queue_offset end) {
    std::size_t kept = 0;
    while (kept < records.size()) {
        const auto rest = records.view().substr(kept);
        const auto bytes = protocol::record_size(rest);
        if (!bytes || protocol::record_offset(rest) >= end)
            break;
        kept += *bytes;
    }
    return records.slice(0, kept);
}

result<void> read_due(const storage::message_store& store, const find_due& order, queue_offset end, due_found& found) {
    static const storage::record_filter every_message;
    const auto wanted = std::min<std::int64_t>(order.messages_max, end - found.next);
    auto read =
        store.read(order.queue, found.next, every_message, {static_cast<std::int32_t>(std::max<std::int64_t>(wanted, 1)), order.bytes_max});
    if (!read)
        return read.failure();
    using storage::read_status;
    switch (read->status) {
    case read_status::found:
    case read_status::no_match:
        found.records = records_below(read->records, end);
        found.damaged = read->damaged;
        found.next = std::min(read->next, end);
        break;
    case read_status::offset_too_small: // retention came in between
        found.removed += read->next - found.next;
        found.next = read->next;
        break;
    case read_status::at_end:
    case read_status::empty_queue:
    case read_status::offset_too_large: break;
    }
    return {};
}

class record_reader_state {
public:
    static inline const char* name = "record_reader";

    std::shared_ptr<const storage::message_store> store;
};

record_reader_actor::behavior_type record_reader(record_reader_actor::stateful_pointer<record_reader_state> self,
                                                 std::shared_ptr<const storage::message_store> store) {
    self->state.store = std::move(store);
    return {
        [self](const read_record& order) -> caf::result<record_found> {
            if (order.given_up <= self->clock().now())
                return make_caf_error(errc::timed_out, "the record was not read in time");
            auto record = self->state.store->record_at(order.position);
            if (!record)
                return make_caf_error(record.failure());
            return record_found{std::move(*record)};
        },
        [self](const find_due& order) -> caf::result<due_found> {
            auto found = find_due_in(*self->state.store, order);
            if (!found)
                return make_caf_error(found.failure());
            return std::move(*found);
        },
        [self](const find_durable_position&) { return durable_position_found{self->state.store->stats().log_durable}; },
        [self](const finish&) { self->quit(); },
    };
}

} // namespace

result<due_found> find_due_in(const storage::message_store& store, const find_due& order) {
    const auto bounds = store.bounds(order.queue);
    if (!bounds)
        return bounds.failure();
    due_found found;
    found.max = bounds->max;
    found.removed = std::max<std::int64_t>(bounds->min - order.from, 0);
    found.next = std::min(std::max(order.from, bounds->min), bounds->max);
    auto end = store.offset_at_or_after(order.queue, order.stored_by + 1);
    if (!end)
        return end.failure();
    *end = std::min(std::max(*end, order.known_below), bounds->max);
    if (found.next < *end)
        if (const auto read = read_due(store, order, *end, found); !read)
            return read.failure();
    for (std::int32_t looked = 0; found.next < found.max && looked < order.messages_max; ++looked) {
        const auto stored = store.stored_at(order.queue, found.next);
        if (stored) {
            found.stored = *stored;
            return found;
        }
        if (stored.code() != errc::message_not_found)
            return stored.failure();
        ++found.next; // its record is damaged: it holds nobody up
        ++found.damaged;
    }
    if (found.next < found.max)
        found.stored = timestamp_ms{0}; // more damage than one look goes through: look again at once
    return found;
}

record_reader_actor spawn_record_reader(caf::actor_system& system, std::shared_ptr<const storage::message_store> store) {
    return spawn_blocking_role(system, record_reader, std::move(store));
}

} // namespace troupe::actors
