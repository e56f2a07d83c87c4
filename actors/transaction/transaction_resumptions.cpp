#include "actors/transaction/transaction_resumptions.hpp"

#include "actors/transaction/transaction_record.hpp"
#include "storage/message_store.hpp"

#include <utility>

namespace troupe::actors {

namespace {

error of_another_broker(const std::string& message_id) {
    return {errc::message_not_found, "message " + message_id + " is of another broker"};
}

/// Its outcome cannot be told any more: it may have been committed before the damage.
std::string damaged_resumption(log_position given_up, const std::string& id) {
    return "the message that was given up at log position " + to_string(given_up) + " went on as " + id +
           ", whose record is damaged since, so that it is not resumed again: consumers might get it twice. It is still in " +
           std::string{storage::transaction_given_up_topic} + "; look whether its consumers have it, and send it anew if they have not";
}

} // namespace

transaction_resumptions::transaction_resumptions(transaction_resumptions_options options)
    : options_{std::move(options)}, finder_{options_.store} {}

result<std::optional<transaction_resumptions::half_message>>
transaction_resumptions::begin(const resume_transaction& order, const transaction_table& decisions, const continuation& done) {
    const auto place = protocol::parse_offset_message_id(order.message_id);
    if (!place)
        return error{errc::argument_illegal, place.failure().text};
    const auto& [host, named] = *place;
    if (const auto ours = check_ours(order.message_id, host, named); !ours)
        return ours.failure();
    if (const auto may = check_may_begin(); !may)
        return may.failure();
    // Whether it goes on already is asked before its record is read: retention makes that unreadable first, and forgets this then.
    if (goes_on(named, done))
        return std::optional<half_message>{};
    auto record = finder_.read(named);
    if (!record)
        return record.failure();
    if (record->store_host != host)
        return of_another_broker(order.message_id);
    auto given_up = named;
    if (record->topic == storage::half_topic) {
        const auto found = given_up_of(*record, decisions);
        if (!found)
            return found.failure();
        given_up = *found;
        if (goes_on(given_up, done))
            return std::optional<half_message>{};
        record = finder_.read(given_up);
        if (!record)
            return record.failure();
    } else if (record->topic != storage::transaction_given_up_topic) {
        return error{errc::message_not_found,
                     "at log position " + to_string(named) + " is a message of topic " + record->topic + ", and none of a transaction"};
    }
    if (options_.room)
        if (const auto free = options_.room->check(); !free)
            return free.failure();
    auto message = resumed_message(std::move(*record));
    message.store_host = options_.store_host;
    return std::optional{half_message{given_up, std::move(message)}};
}

void transaction_resumptions::sent(std::uint64_t ticket, log_position given_up, const continuation& done) {
    under_way_.emplace(ticket, resumption{given_up, {done}});
    ++waiting_;
}

std::optional<transaction_resumptions::resumption> transaction_resumptions::take(std::uint64_t ticket) {
    auto found = under_way_.extract(ticket);
    if (found.empty())
        return std::nullopt;
    waiting_ -= found.mapped().waiting.size();
    return std::move(found.mapped());
}

/// Before all else: who looks for a transaction's broker must not take another one's answer for the answer. A broker whose address was
/// changed has records of the one before, too.
result<void> transaction_resumptions::check_ours(const std::string& message_id, const protocol::host_address& host,
                                                 log_position position) const {
    if (host == options_.store_host)
        return {};
    const auto record = finder_.read(position);
    if (!record && !is_damage(record.failure()))
        return record.failure();
    return record && record->store_host == host ? result<void>{} : of_another_broker(message_id);
}

result<void> transaction_resumptions::check_may_begin() const {
    if (is_stopped_)
        return error{errc::shutting_down, "this broker is ending; repeat it after its restart"};
    // After a failed write nobody knows what is in the log, until the next start has looked.
    if (options_.store->state() == storage::store_state::read_only)
        return error{errc::store_read_only, "the store takes nothing any more; repeat it after the broker's restart"};
    if (waiting_ >= options_.waiting_max)
        return error{errc::busy,
                     "more than " + std::to_string(options_.waiting_max) + " transactions are just being resumed; repeat it later"};
    return {};
}

/// True: the given-up record there goes on, or may have, and `done` hears of it, now or when it is in the log.
bool transaction_resumptions::goes_on(log_position given_up, const continuation& done) {
    for (auto& entry : under_way_)
        if (entry.second.given_up == given_up) { // there are few
            entry.second.waiting.push_back(done);
            ++waiting_;
            return true;
        }
    const auto resumed = options_.store->resumed_as(given_up);
    if (!resumed)
        return false;
    const auto half = finder_.read(resumed->half); // it says under which address it was stored
    const auto id = protocol::offset_message_id(half ? half->store_host : options_.store_host, resumed->half);
    if (half || !is_damage(half.failure())) {
        done(transaction_resumed{resumed->half, resumed->offset, id});
        return true;
    }
    if (!options_.store->resumed_as(given_up))
        return false; // retention has just taken both
    done(error{errc::corrupt, damaged_resumption(given_up, id)});
    return true;
}

/// Where the message is that was given up for a half message.
result<log_position> transaction_resumptions::given_up_of(const protocol::message& half, const transaction_table& decisions) const {
    if (decisions.is_deciding(half.position))
        return error{errc::busy, transaction_at(half.position) + " is just being decided, or given up; repeat it later"};
    if (options_.store->pending(half.position))
        return error{errc::not_permitted, transaction_at(half.position) + " is pending; there is nothing to resume"};
    const auto found = finder_.find_given_up(half);
    if (!found && found.code() == errc::message_not_found)
        return error{found.code(), found.failure().text + "; name it by its own id, which `troupe transaction list --given-up` shows"};
    if (!found)
        return found.failure();
    if (*found)
        return **found;
    return error{errc::not_permitted, transaction_at(half.position) + " was not given up, or the message is gone; `troupe transaction list "
                                                                      "--given-up` shows those that can be resumed"};
}

} // namespace troupe::actors
