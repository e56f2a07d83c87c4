#include "actors/transaction/transaction_decisions.hpp"

#include "actors/transaction/transaction_record.hpp"
#include "protocol/property_edit.hpp"
#include "storage/message_store.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace troupe::actors {

transaction_decisions::transaction_decisions(transaction_decisions_options options, transaction_table& table)
    : options_{std::move(options)}, table_{&table}, finder_{options_.store} {}

result<void> transaction_decisions::join(const end_transaction& order, const waiter& waiting) {
    auto& under_way = under_way_.at(order.position.value());
    if (under_way.group != order.producer_group || under_way.offset != order.offset)
        return error{errc::argument_illegal, transaction_at(order.position) + " belongs to another producer group, or has another offset"};
    if (table_->begin(order.position, order.decision) == transaction_table::verdict::other_under_way)
        return error{errc::not_permitted, transaction_at(order.position) + " is just being decided otherwise"};
    if (waiting_ >= options_.waiting_max)
        return crowded();
    under_way.waiting.push_back(waiting);
    ++waiting_;
    return {};
}

result<std::optional<protocol::message>> transaction_decisions::outcome_of(const end_transaction& order) const {
    if (const auto may = check_may_begin(order.position); !may)
        return may.failure();
    if (!options_.store->pending(order.position)) {
        if (const auto same = check_decided(order); !same)
            return same.failure();
        return std::optional<protocol::message>{};
    }
    auto half = finder_.read(order.position);
    if (!half)
        return half.failure();
    if (const auto fits = check_order(order, *half); !fits)
        return fits.failure();
    if (const auto in_time = check_in_time(order, *half, options_.now()); !in_time)
        return in_time.failure();
    auto outcome = record_of(std::move(*half), order.decision);
    if (!outcome)
        return outcome.failure();
    return std::optional{std::move(*outcome)};
}

void transaction_decisions::sent(decision next) {
    const auto half = next.half;
    [[maybe_unused]] const auto verdict = table_->begin(half, next.what);
    assert(verdict == transaction_table::verdict::begin);
    const auto waiting = next.waiting.size();
    const bool is_new = under_way_.emplace(half.value(), std::move(next)).second;
    assert(is_new);
    waiting_ += is_new ? waiting : 0;
}

std::optional<transaction_decisions::decision> transaction_decisions::take(log_position half, const error& failure) {
    auto found = under_way_.extract(half.value());
    if (found.empty())
        return std::nullopt;
    if (failure.code == errc::none)
        table_->decided(half);
    else
        table_->failed(half, options_.now());
    waiting_ -= found.mapped().waiting.size();
    return std::move(found.mapped());
}

error transaction_decisions::crowded() const {
    return {errc::busy, "more than " + std::to_string(options_.waiting_max) + " decisions wait to be stored; repeat it later"};
}

result<void> transaction_decisions::check_may_begin(log_position half) const {
    if (under_way_.size() >= options_.waiting_max || waiting_ >= options_.waiting_max)
        return crowded();
    // After a failed write nobody knows what is in the log, until the next start has looked.
    if (options_.store->state() == storage::store_state::read_only)
        return error{errc::store_read_only,
                     "the store takes nothing any more; " + transaction_at(half) + " is asked about after the broker's restart"};
    return {};
}

/// The transaction is not pending. The same decision again is fine; anything else is too late, or about nothing.
result<void> transaction_decisions::check_decided(const end_transaction& order) const {
    const auto half = finder_.read(order.position);
    if (!half)
        return half.failure();
    if (auto fits = check_order(order, *half); !fits)
        return fits;
    std::optional<transaction_decision> decided;
    if (const auto known = table_->recent(order.position)) {
        decided = known->decision;
    } else {
        auto found = finder_.find_outcome(*half);
        if (!found)
            return found.failure();
        decided = *found;
    }
    if (decided == order.decision)
        return {};
    return error{errc::not_permitted, transaction_at(order.position) + " was " +
                                          (!decided                                   ? "given up"
                                           : *decided == transaction_decision::commit ? "committed"
                                                                                      : "rolled back") +
                                          " before"};
}

result<protocol::message> transaction_decisions::record_of(protocol::message half, transaction_decision what) const {
    if (what == transaction_decision::roll_back) {
        auto note = rolled_back_message(half.position, half.offset, text_of(half.properties, protocol::property_name::unique_key));
        note.store_host = options_.store_host;
        return note;
    }
    auto message = committed_message(std::move(half));
    if (!message)
        return message;
    if (auto placed = place(*message); !placed)
        return placed.failure();
    return message;
}

/// The topic may have been deleted since, or have fewer queues.
result<void> transaction_decisions::place(protocol::message& message) const {
    const auto topics = options_.topics->current();
    const auto* topic = topics->find(message.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found,
                     "topic " + message.topic + " does not exist on this broker any more; create it, or roll the transaction back"};
    message.queue = queue_id{message.queue.value() % std::max({topic->read_queues, topic->write_queues, 1})};
    message.store_host = options_.store_host;
    return {};
}

} // namespace troupe::actors
