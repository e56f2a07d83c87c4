#include "actors/transaction/transaction_finder.hpp"

#include "actors/transaction/transaction_record.hpp"
#include "protocol/property_edit.hpp"
#include "storage/message_store.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::actors {

namespace {

namespace name = protocol::property_name;

// Of one list_transactions, whose half messages may be of other groups, most of them. Decisions wait meanwhile.
constexpr std::int32_t listed_reads_max = 1'024;
constexpr std::int64_t listed_bytes_max = 4 << 20;
// Of messages with the key of one, among which its outcome is looked for: usually it is alone.
constexpr std::int32_t first_candidates_max = 64;
constexpr std::int32_t more_candidates_max = 1'024; // at a time
constexpr std::size_t candidates_max = 4'096;       // and then no more
constexpr std::size_t candidate_bytes_max = 64u << 20;

protocol::transaction_entry describe(const storage::pending_transaction& pending, const protocol::message& half) {
    protocol::transaction_entry one;
    one.position = pending.position;
    one.offset = pending.offset;
    one.offset_message_id = protocol::offset_message_id(half.store_host, pending.position);
    one.unique_key = text_of(half.properties, name::unique_key);
    one.group = text_of(half.properties, name::producer_group);
    if (const auto asked = asked_message(half)) {
        one.topic = asked->topic;
        one.queue = asked->queue;
    }
    one.body_bytes = static_cast<std::int32_t>(half.body.size());
    one.born = half.born;
    one.stored = pending.stored;
    one.checks = pending.checks;
    one.asked = pending.asked;
    return one;
}

} // namespace

bool is_damage(const error& failure) {
    return failure.code == errc::corrupt || failure.code == errc::message_not_found;
}

// ---- single ones ----------------------------------------------------------------------------------------------------

result<protocol::message> transaction_finder::read(log_position position) const {
    auto record = store_->record_at(position);
    return record ? protocol::decode_record(*record) : result<protocol::message>{record.failure()};
}

result<std::optional<transaction_decision>> transaction_finder::find_outcome(const protocol::message& half) const {
    struct place {
        std::string topic;
        std::optional<transaction_decision> means;
    };
    const std::vector<place> places{{text_of(half.properties, name::real_topic), transaction_decision::commit},
                                    {std::string{storage::transaction_operation_topic}, transaction_decision::roll_back},
                                    {std::string{storage::transaction_given_up_topic}, std::nullopt}};
    for (const auto& [topic, means] : places) {
        const auto found = find_naming(topic, half);
        if (!found)
            return found.failure();
        if (*found)
            return means;
    }
    return error{errc::message_not_found, transaction_at(half.position) + " was decided, and the record of it is gone"};
}

result<std::optional<log_position>> transaction_finder::find_given_up(const protocol::message& half) const {
    return find_naming(std::string{storage::transaction_given_up_topic}, half);
}

/// The record of `topic` that names the half message. Usually it is the only one with its key; there are more of one that was resumed and
/// given up again and again, or when a producer uses a key for many messages. Those are looked at in parts, the newest first.
result<std::optional<log_position>> transaction_finder::find_naming(const std::string& topic, const protocol::message& half) const {
    const auto key = text_of(half.properties, name::unique_key);
    std::size_t candidates = 0;
    std::size_t bytes = 0;
    auto count_max = first_candidates_max;
    std::optional<log_position> below; // very many may be of one millisecond
    while (candidates <= candidates_max && bytes <= candidate_bytes_max) {
        const auto records = store_->find_by_key(topic, key, half.stored, timestamp_ms{INT64_MAX}, count_max, below);
        if (!records && records.code() != errc::message_not_found)
            return records.failure();
        if (!records || records->empty())
            return std::optional<log_position>{};
        candidates += records->size();
        for (const auto& record : *records) {
            bytes += record.size();
            if (protocol::record_prepared_transaction(record.view()) == half.position)
                return std::optional{protocol::record_position(record.view())};
        }
        below = protocol::record_position(records->back().view());
        count_max = more_candidates_max;
    }
    return error{errc::message_not_found, "too many messages of topic " + topic + " have the key " + key + " to find that of " +
                                              transaction_at(half.position) + " among them"};
}

// ---- lists ----------------------------------------------------------------------------------------------------------

protocol::transaction_list transaction_finder::list_pending(const list_transactions& order) const {
    protocol::transaction_list list;
    list.pending = static_cast<std::int64_t>(store_->pending_count());
    list.next = order.after;
    const auto found = store_->list_pending(order.after, static_cast<std::size_t>(listed_reads_max));
    list.is_complete = found.size() < static_cast<std::size_t>(listed_reads_max);
    std::int64_t bytes = 0;
    for (const auto& pending : found) {
        const bool is_large = bytes > 0 && bytes + pending.bytes > listed_bytes_max;
        if (is_large || list.entries.size() == static_cast<std::size_t>(order.transactions_max)) {
            list.is_complete = false;
            break;
        }
        bytes += pending.bytes;
        list.next = pending.position;
        const auto half = read(pending.position);
        if (!half)
            continue; // rolled back soon, and reported then
        if (order.group.empty() || text_of(half->properties, name::producer_group) == order.group)
            list.entries.push_back(describe(pending, *half));
    }
    return list;
}

result<protocol::transaction_list> transaction_finder::list_given_up(const list_transactions& order) const {
    const topic_queue queue{std::string{storage::transaction_given_up_topic}, queue_id{0}};
    protocol::transaction_list list;
    list.pending = static_cast<std::int64_t>(store_->pending_count());
    const auto bounds = store_->bounds(queue);
    if (!bounds)
        return bounds.failure();
    const auto found = store_->read(queue, std::max(order.from, bounds->min), {}, {listed_reads_max, listed_bytes_max});
    if (!found)
        return found.failure();
    list.next_offset = found->next;
    list.is_complete = list.next_offset >= found->bounds.max;
    if (found->count == 0)
        return list;
    const auto messages = protocol::decode_records(found->records);
    if (!messages)
        return messages.failure();
    for (const auto& message : *messages) {
        if (list.entries.size() == static_cast<std::size_t>(order.transactions_max)) {
            list.next_offset = message.offset;
            list.is_complete = false;
            break;
        }
        if (store_->resumed_as(message.position))
            continue;
        if (order.group.empty() || text_of(message.properties, name::producer_group) == order.group)
            list.entries.push_back(describe({message.position, message.offset, 0, message.stored, 0, {}}, message));
    }
    return list;
}

} // namespace troupe::actors
