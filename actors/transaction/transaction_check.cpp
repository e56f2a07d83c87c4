#include "actors/transaction/transaction_check.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/transaction/transaction_decisions.hpp"
#include "actors/transaction/transaction_finder.hpp"
#include "actors/transaction/transaction_record.hpp"
#include "actors/transaction/transaction_resumptions.hpp"
#include "protocol/property_edit.hpp"
#include "storage/message_store.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::actors {

namespace {

namespace name = protocol::property_name;

constexpr std::int32_t listed_max = 1'000;

/// A ticket is the log position of what the record is about: the half message that is decided, or the given-up one that goes on. No message
/// is both, and of each one record is on its way at most.
std::uint64_t ticket_of(log_position about) {
    return static_cast<std::uint64_t>(about.value());
}
/// Nobody waits for the record.
constexpr std::uint64_t no_ticket = std::numeric_limits<std::uint64_t>::max();

class transaction_check_state {
public:
    static inline const char* name = "transaction_check";

    void start(transaction_check_actor::pointer self, transaction_check_options options);
    caf::result<transaction_ended> handle(const end_transaction& order);
    void handle(const end_ticketed& work);
    caf::result<transactions_listed> handle(const list_transactions& order) const;
    caf::result<transaction_resumed> handle(const resume_transaction& order);
    void handle(const records_appended& result);
    void handle(const begin_checks& order);
    void handle(const transaction_tick& tick);
    void handle(const finish& order);

private:
    using waiter = transaction_decisions::waiter;
    using decision = transaction_decisions::decision;

    // decisions
    void begin(const end_transaction& order, const waiter& waiting);
    void answer(const waiter& waiting, const error& failure);
    void send_collected();
    result<void> decide(const end_transaction& order, const waiter& waiting);
    result<void> append(decision next, const protocol::message& outcome);
    result<void> append(std::uint64_t ticket, const protocol::message& message);
    void settle(const decision& done, const error& failure);
    void count(const decision& done) const;

    // given-up ones
    result<void> begin(const resume_transaction& order, const transaction_resumptions::continuation& done);
    void settle(const transaction_resumptions::resumption& done, const append_outcome& outcome);

    // questions
    void look_around();
    [[nodiscard]] bool look_for_new();
    void serve_due();
    void ask(const transaction_table::need& due);
    void asked(const transaction_table::need& due, queue_offset offset);
    void question_ended();
    void give_up(log_position position);
    void give_up_damaged(const storage::pending_transaction& pending, const error& damage);
    void arm(bool has_more);
    void end_if_idle();

    transaction_check_actor::pointer self_ = nullptr;
    transaction_check_options options_;
    std::optional<transaction_table> table_;
    std::optional<transaction_finder> finder_;
    std::optional<transaction_decisions> decisions_;
    std::optional<transaction_resumptions> resumptions_;
    transaction_asker_actor producers_;
    append_records collected_;                                              ///< for the log writer, when the message is handled
    std::vector<std::pair<ticket_holder_actor, records_appended>> answers_; ///< likewise, for who holds tickets
    std::size_t asking_ = 0;                                                ///< questions under way
    bool is_failing_ = false;                                               ///< a row of failures is reported once
    bool finishing_ = false;
    std::uint64_t epoch_ = 0;
};

void transaction_check_state::start(transaction_check_actor::pointer self, transaction_check_options options) {
    self_ = self;
    options_ = std::move(options);
    table_.emplace(options_.rules);
    finder_.emplace(options_.store);
    decisions_.emplace(
        transaction_decisions_options{options_.store, options_.topics, options_.store_host, options_.now, options_.decisions_max}, *table_);
    resumptions_.emplace(transaction_resumptions_options{options_.store, options_.room, options_.store_host, options_.resumptions_max});
    self_->monitor(options_.log_writer);
    self_->set_down_handler([this](const caf::down_msg& event) { self_->quit(event.reason); });
    self_->set_error_handler(
        [](caf::error& failure) { write_log(log_level::warning, "transaction check: " + to_string(to_error(failure))); });
}

// ---- decisions ------------------------------------------------------------------------------------------------------

caf::result<transaction_ended> transaction_check_state::handle(const end_transaction& order) {
    const waiter waiting{self_->make_response_promise<transaction_ended>(), {}, 0};
    begin(order, waiting);
    send_collected();
    return waiting.promise;
}

void transaction_check_state::handle(const end_ticketed& work) {
    for (const auto& [ticket, order] : work.entries)
        begin(order, {{}, work.reply_to, ticket});
    send_collected();
}

void transaction_check_state::begin(const end_transaction& order, const waiter& waiting) {
    if (finishing_)
        return answer(waiting, {errc::shutting_down, "this broker is ending; it asks again after its restart"});
    if (order.decision == transaction_decision::unknown)
        return answer(waiting, {});
    const auto begun = decisions_->is_under_way(order.position) ? decisions_->join(order, waiting) : decide(order, waiting);
    if (!begun)
        answer(waiting, begun.failure());
}

void transaction_check_state::answer(const waiter& waiting, const error& failure) {
    if (!waiting.holder) {
        auto promise = waiting.promise;
        if (failure.code == errc::none)
            promise.deliver(transaction_ended{});
        else
            promise.deliver(make_caf_error(failure));
        return;
    }
    // There are few holders: one for each port.
    auto place = std::find_if(answers_.begin(), answers_.end(), [&waiting](const auto& one) { return one.first == waiting.holder; });
    if (place == answers_.end())
        place = answers_.insert(answers_.end(), {waiting.holder, {}});
    place->second.outcomes.push_back({waiting.ticket, failure, {}});
}

/// One message each, whatever the number of decisions that came together.
void transaction_check_state::send_collected() {
    for (auto& [holder, outcomes] : std::exchange(answers_, {}))
        self_->send(holder, std::move(outcomes));
    if (collected_.entries.empty())
        return;
    collected_.reply_to = ticket_holder_actor{self_};
    self_->send(options_.log_writer, std::exchange(collected_, {}));
}

result<void> transaction_check_state::decide(const end_transaction& order, const waiter& waiting) {
    const auto outcome = decisions_->outcome_of(order);
    if (!outcome)
        return outcome.failure();
    if (*outcome)
        return append({order.position, order.decision, order.producer_group, order.offset, {waiting}}, **outcome);
    answer(waiting, {});
    return {};
}

result<void> transaction_check_state::append(decision next, const protocol::message& outcome) {
    if (auto sent = append(ticket_of(next.half), outcome); !sent)
        return sent;
    decisions_->sent(std::move(next));
    return {};
}

result<void> transaction_check_state::append(std::uint64_t ticket, const protocol::message& message) {
    append_entry entry;
    entry.ticket = ticket;
    entry.records.queue = {message.topic, message.queue};
    auto record = protocol::encode_record(message);
    if (!record)
        return record.failure();
    if (!options_.append_admission->try_acquire(record->size()))
        return error{errc::busy, "too many bytes wait to be written; nothing is changed, repeat it later"};
    entry.records.bytes = std::move(*record);
    collected_.entries.push_back(std::move(entry));
    return {};
}

void transaction_check_state::handle(const records_appended& result) {
    for (const auto& outcome : result.outcomes) {
        if (const auto resumed = resumptions_->take(outcome.ticket))
            settle(*resumed, outcome);
        else if (const auto done = decisions_->take(log_position{static_cast<std::int64_t>(outcome.ticket)}, outcome.failure))
            settle(*done, outcome.failure);
        // else a question that was noted, or not: then it counts until the next start
    }
    send_collected();
    end_if_idle();
}

void transaction_check_state::settle(const decision& done, const error& failure) {
    if (failure.code == errc::none) {
        count(done);
        is_failing_ = false;
    } else if (!std::exchange(is_failing_, true)) {
        write_log(log_level::warning, "transaction check: " + transaction_at(done.half) + " is pending as before: " + to_string(failure));
    }
    for (const auto& waiting : done.waiting)
        answer(waiting, failure);
}

void transaction_check_state::count(const decision& done) const {
    auto& metrics = *options_.metrics;
    if (!done.what)
        add(metrics.transactions_given_up);
    else if (*done.what == transaction_decision::commit)
        add(metrics.transactions_committed);
    else
        add(metrics.transactions_rolled_back);
}

// ---- given-up ones --------------------------------------------------------------------------------------------------

caf::result<transaction_resumed> transaction_check_state::handle(const resume_transaction& order) {
    if (order.given_up <= self_->clock().now())
        return make_caf_error(errc::timed_out, "other orders took so long that this one was given up; repeat it later");
    auto promise = self_->make_response_promise<transaction_resumed>();
    const auto done = [promise](const result<transaction_resumed>& outcome) mutable {
        if (outcome)
            promise.deliver(*outcome);
        else
            promise.deliver(make_caf_error(outcome.failure()));
    };
    if (const auto begun = begin(order, done); !begun)
        promise.deliver(make_caf_error(begun.failure()));
    send_collected();
    return promise;
}

result<void> transaction_check_state::begin(const resume_transaction& order, const transaction_resumptions::continuation& done) {
    const auto half = resumptions_->begin(order, *table_, done);
    if (!half)
        return half.failure();
    if (!*half)
        return {};
    const auto ticket = ticket_of((*half)->given_up);
    if (auto sent = append(ticket, (*half)->message); !sent)
        return sent;
    resumptions_->sent(ticket, (*half)->given_up, done);
    return {};
}

void transaction_check_state::settle(const transaction_resumptions::resumption& done, const append_outcome& outcome) {
    const auto& placed = outcome.placed;
    result<transaction_resumed> answer = outcome.failure;
    if (outcome.failure.code == errc::none) {
        answer = transaction_resumed{placed.position, placed.first, protocol::offset_message_id(options_.store_host, placed.position)};
        add(options_.metrics->transactions_resumed);
        write_log(log_level::info, "transaction check: the message that was given up at log position " + to_string(done.given_up) +
                                       " goes on as " + transaction_at(placed.position));
    }
    for (const auto& tell : done.waiting)
        tell(answer);
}

// ---- questions ------------------------------------------------------------------------------------------------------

void transaction_check_state::handle(const begin_checks& order) {
    producers_ = order.producers;
    look_around();
}

void transaction_check_state::handle(const transaction_tick& tick) {
    if (tick.epoch == epoch_ && !finishing_)
        look_around();
}

void transaction_check_state::look_around() {
    const bool has_more = look_for_new();
    // While nothing can be stored nobody is asked: the answers would be lost, and the questions would count.
    if (options_.store->state() == storage::store_state::open)
        serve_due();
    send_collected();
    arm(has_more);
}

/// Adds to the table what has been pending for a while. True: there is more.
bool transaction_check_state::look_for_new() {
    const auto now = options_.now();
    const auto found = options_.store->list_pending(table_->seen(), options_.looks_max);
    for (const auto& pending : found) {
        if (pending.stored + table_->look_after().count() > now && pending.stored <= now)
            return false;
        const auto half = finder_->read(pending.position);
        if (!half && !is_damage(half.failure())) {
            if (!std::exchange(is_failing_, true))
                write_log(log_level::warning, "transaction check: cannot read half messages: " + to_string(half.failure()));
            return false; // tried again with the next tick
        }
        transaction_table::facts facts;
        if (half) {
            facts.group = text_of(half->properties, name::producer_group);
            if (const auto immunity = immunity_of(half->properties))
                facts.immunity = *immunity;
        }
        table_->add(pending, facts, now);
        if (!half)
            give_up_damaged(pending, half.failure());
    }
    return found.size() == options_.looks_max;
}

void transaction_check_state::serve_due() {
    const auto room = options_.questions_max - std::min(asking_, options_.questions_max);
    for (const auto& due : table_->take_due(options_.now(), room)) {
        if (!options_.store->pending(due.position))
            table_->forget(due.position); // retention took it
        else if (due.what == transaction_table::step::give_up)
            give_up(due.position);
        else
            ask(due);
    }
}

void transaction_check_state::ask(const transaction_table::need& due) {
    auto half = finder_->read(due.position);
    if (!half) {
        if (const auto pending = options_.store->pending(due.position); pending && is_damage(half.failure()))
            return give_up_damaged(*pending, half.failure());
        return table_->not_asked(due.position, options_.now());
    }
    check_transaction question;
    question.group = due.group;
    question.unique_key = text_of(half->properties, name::unique_key);
    question.position = due.position;
    question.offset = half->offset;
    question.offset_message_id = protocol::offset_message_id(half->store_host, due.position);
    question.broker_name = options_.broker_name;
    const auto stored = half->stored;
    const auto message = asked_message(std::move(*half));
    auto record = message ? protocol::encode_record(*message) : result<std::string>{message.failure()};
    if (!record) {
        write_log(log_level::error,
                  "transaction check: nobody can be asked about " + transaction_at(due.position) + ": " + to_string(record.failure()));
        return table_->not_asked(due.position, options_.now());
    }
    protocol::place_record({record->data(), record->size()}, question.offset, due.position, stored);
    question.topic = message->topic;
    question.record = payload{std::move(*record)};
    ++asking_;
    const auto offset = question.offset;
    self_->request(producers_, options_.request_deadline, std::move(question))
        .then(
            [this, due, offset](const transaction_check_sent&) {
                asked(due, offset);
                send_collected();
                question_ended();
            },
            [this, due](const caf::error&) {
                add(options_.metrics->transaction_checks_unheard);
                table_->not_asked(due.position, options_.now());
                question_ended();
            });
}

void transaction_check_state::question_ended() {
    if (--asking_ == 0 && !finishing_)
        look_around(); // more may be due than may be asked at the same time
    end_if_idle();
}

/// Noted in the log too, so that a restart goes on counting. If that fails it counts until the next start.
void transaction_check_state::asked(const transaction_table::need& due, queue_offset offset) {
    add(options_.metrics->transaction_checks);
    table_->asked(due.position, options_.now());
    if (!table_->contains(due.position))
        return; // answered already
    auto note = question_message(due.position, offset, due.number);
    note.store_host = options_.store_host;
    const auto noted = append(no_ticket, note);
    static_cast<void>(noted);
}

void transaction_check_state::give_up(log_position position) {
    auto half = finder_->read(position);
    const auto pending = options_.store->pending(position);
    if (!half || !pending) {
        if (pending && !half && is_damage(half.failure()))
            return give_up_damaged(*pending, half.failure());
        return table_->not_asked(position, options_.now());
    }
    const auto group = text_of(half->properties, name::producer_group);
    const auto key = text_of(half->properties, name::unique_key);
    const auto topic = text_of(half->properties, name::real_topic);
    const auto offset = half->offset;
    auto message = given_up_message(std::move(*half));
    message.store_host = options_.store_host;
    if (const auto sent = append(decision{position, std::nullopt, group, offset, {}}, message); !sent)
        return table_->not_asked(position, options_.now());
    write_log(log_level::warning, "transaction check: " + transaction_at(position) + " (" + key + ", topic " + topic + ", producer group " +
                                      group + ") is given up after " + std::to_string(pending->checks) + " questions; the message is in " +
                                      std::string{storage::transaction_given_up_topic});
}

void transaction_check_state::give_up_damaged(const storage::pending_transaction& pending, const error& damage) {
    write_log(log_level::error, "transaction check: " + transaction_at(pending.position) +
                                    " is rolled back, its record cannot be read: " + to_string(damage));
    auto note = rolled_back_message(pending.position, pending.offset, {});
    note.store_host = options_.store_host;
    decision next{pending.position, transaction_decision::roll_back, {}, pending.offset, {}};
    if (decisions_->is_under_way(pending.position) || !append(std::move(next), note))
        table_->not_asked(pending.position, options_.now());
}

/// Keeps one timer running, for the earliest thing due.
void transaction_check_state::arm(bool has_more) {
    if (finishing_)
        return;
    auto wait = options_.tick_max;
    if (has_more)
        wait = std::chrono::milliseconds{0};
    else if (const auto due = table_->next_due(); due && asking_ < options_.questions_max)
        wait = std::clamp(std::chrono::milliseconds{*due - options_.now()}, std::chrono::milliseconds{10}, options_.tick_max);
    self_->delayed_send(self_, wait, transaction_tick{++epoch_});
}

// ---- for people -----------------------------------------------------------------------------------------------------

caf::result<transactions_listed> transaction_check_state::handle(const list_transactions& order) const {
    if (order.transactions_max < 1 || order.transactions_max > listed_max)
        return make_caf_error(errc::argument_illegal, "ask for 1 to " + std::to_string(listed_max) + " transactions, not " +
                                                          std::to_string(order.transactions_max));
    if (order.given_up <= self_->clock().now())
        return make_caf_error(errc::timed_out, "other orders took so long that this list was given up; repeat it later");
    if (!order.of_given_up)
        return transactions_listed{finder_->list_pending(order)};
    auto list = finder_->list_given_up(order);
    if (!list)
        return make_caf_error(list.failure());
    return transactions_listed{std::move(*list)};
}

// ---- the end --------------------------------------------------------------------------------------------------------

void transaction_check_state::handle(const finish&) {
    finishing_ = true;
    resumptions_->stop();
    producers_ = nullptr; // which may hold this role
    end_if_idle();
}

void transaction_check_state::end_if_idle() {
    if (finishing_ && decisions_->is_idle() && resumptions_->is_idle())
        self_->quit();
}

transaction_check_actor::behavior_type transaction_check(transaction_check_actor::stateful_pointer<transaction_check_state> self,
                                                         transaction_check_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](const end_transaction& order) { return self->state.handle(order); },
        [self](const list_transactions& order) { return self->state.handle(order); },
        [self](const resume_transaction& order) { return self->state.handle(order); },
        [self](const end_ticketed& work) { self->state.handle(work); },
        [self](const records_appended& result) { self->state.handle(result); },
        [](const pull_answered&) {}, // it pulls nothing
        [self](const begin_checks& order) { self->state.handle(order); },
        [self](const transaction_tick& tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

transaction_check_actor spawn_transaction_check(caf::actor_system& system, transaction_check_options options) {
    return spawn_blocking_role(system, transaction_check, std::move(options));
}

} // namespace troupe::actors
