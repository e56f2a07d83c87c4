#include "actors/pop_keeper.hpp"

#include "actors/log.hpp"
#include "actors/pop_book.hpp"
#include "actors/pop_hold.hpp"
#include "actors/spawn_role.hpp"
#include "actors/topic_directory.hpp"
#include "actors/type_ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::actors {

namespace {

constexpr std::int64_t pause_after_failure_ms = 1'000;
/// A pop whose queues are being opened waits so long for that, however short its own time is.
constexpr std::int64_t opening_ms = 3'000;
/// An answer leaves so much before the client's time is over, and a request that arrives so much after it is not served.
constexpr std::int64_t early_ms = 50;
constexpr std::int64_t late_ms = 500;
constexpr std::chrono::seconds sweep_interval{1};
constexpr std::size_t queues_per_sweep = 1'000;
/// A queue of which nothing is out is closed when nobody has popped it for so long.
constexpr std::int64_t idle_ms = 60'000;
/// Who found no room for records looks again after so long.
constexpr std::int64_t room_ms = 20;
constexpr std::int64_t invisible_ms_max = std::int64_t{7} * 24 * 3'600 * 1'000;

/// A dead letter that fails so will fail so again: the record is gone, or its group, or it is no message that may be stored.
bool is_hopeless(errc code) {
    switch (code) {
    case errc::message_not_found:
    case errc::group_not_found:
    case errc::corrupt:
    case errc::message_illegal:
    case errc::topic_illegal:
    case errc::body_too_large:
    case errc::properties_too_large: return true;
    default: return false;
    }
}

bool is_outside(queue_offset offset, const storage::queue_bounds& bounds) {
    return offset < bounds.min || bounds.max < offset;
}

error outside(const topic_queue& queue, queue_offset offset, const storage::queue_bounds& bounds) {
    return {errc::message_not_found, "offset " + to_string(offset) + " is outside queue " + to_string(queue.queue) + " of topic " +
                                         queue.topic + ", which goes from " + to_string(bounds.min) + " to " + to_string(bounds.max)};
}

class pop_keeper_state {
public:
    static inline const char* name = "pop_keeper";

    void start(pop_keeper_actor::pointer self, pop_keeper_options options, std::unique_ptr<pop_book> book);
    void handle(const checked_pop& order);
    void handle(const pops_abandoned& order);
    void handle(const queues_grew& event);
    caf::result<messages_acknowledged> handle(const acknowledge_messages& order);
    caf::result<invisible_time_changed> handle(const change_invisible_time& order);
    caf::result<pops_changed> handle(const reset_pops& order);
    caf::result<pops_changed> handle(const forget_pops& order);
    caf::result<pops_changed> handle(const follow_commits& order);
    popped_listed handle(const list_popped& order) const { return {book_->next_of(order.group)}; }
    void handle(const begin_dead_letters& order);
    void handle(pop_write_tick);
    void handle(pop_tick tick);
    void handle(pop_sweep_tick);
    void handle(const finish& order);

private:
    using continuation = std::function<void(const error& failure)>; ///< code none: it is written

    [[nodiscard]] timestamp_ms now() const { return options_.now(); }
    [[nodiscard]] timestamp_ms deadline_of(const pop_messages& pop) const;
    void answer(const checked_pop& order, messages_popped given, std::shared_ptr<const admitted> kept = nullptr);
    void answer_nothing(const checked_pop& order, pop_status status);
    void fail(const checked_pop& order, const error& failure);
    /// True: it has its answer, or will have it with the next write.
    bool try_pop(const checked_pop& order, timestamp_ms deadline, bool& opening);
    /// Room for what a pop may read; an empty optional when there is none.
    [[nodiscard]] std::optional<std::shared_ptr<admitted>> reserve(pop_kind kind);
    void set_alarm(const pop_place& place);
    void hold(checked_pop order, timestamp_ms deadline, bool opening);
    void serve(const pop_place& place);
    void serve_soon(const pop_place& place);
    void open(const progress_key& key, const pop_messages& pop);
    void opened(const progress_key& key, std::optional<queue_offset> committed);
    void opening_ended(const progress_key& key);
    void bury(const pop_book::dead_letter& letter);
    void buried(const pop_book::dead_letter& letter, const error& failure);
    void forget(const forget_pops& order, caf::typed_response_promise<pops_changed> promise, continuation fail);
    /// Of a queue that may be read.
    [[nodiscard]] result<storage::queue_bounds> bounds_of(const topic_queue& queue) const;
    error acknowledge(const acknowledge_messages::part& part, bool is_batch);
    void changed(const progress_key& key);
    void write_soon();
    void write();
    void recover();
    void note_committed(const std::vector<std::pair<progress_key, queue_offset>>& committed);
    void close_idle(std::vector<std::pair<progress_key, queue_offset>> idle);
    void send_notes();
    void send_notes(note_offsets order);
    void publish_metrics();
    void arm();
    void release_order() {
        if (options_.orders)
            options_.orders->release(1);
    }

    pop_keeper_actor::pointer self_ = nullptr;
    pop_keeper_options options_;
    std::unique_ptr<pop_book> book_;
    std::optional<pop_hold> hold_;
    message_back_actor dead_letters_;
    struct opening_queue {
        bool is_taken = false; ///< somebody takes; else they look
        bool from_end = false;
    };
    std::map<progress_key, opening_queue> opening_; ///< where the group is there is asked of the offset keeper
    std::set<topic_queue> watched_;
    std::set<pop_place> soon_;          ///< to be looked at again at once
    std::set<pop_place> crowded_;       ///< where pops wait because too much is out
    std::set<pop_place> starved_;       ///< where pops wait for room for records
    std::vector<continuation> waiting_; ///< for the next write
    std::size_t waiting_bytes_ = 0;     ///< of records in waiting_
    bool write_tick_sent_ = false;
    std::map<progress_key, queue_offset> notes_; ///< committed offsets for the offset keeper
    std::size_t notes_under_way_ = 0;
    std::uint64_t epoch_ = 0;
    std::optional<timestamp_ms> armed_;
    bool dead_letters_fail_ = false; ///< a row of failures is reported once
    bool full_told_ = false;         ///< likewise
    bool closing_ = false;           ///< what is committed of idle queues is on its way to the offset keeper
    bool finishing_ = false;
};

void pop_keeper_state::start(pop_keeper_actor::pointer self, pop_keeper_options options, std::unique_ptr<pop_book> book) {
    self_ = self;
    options_ = std::move(options);
    book_ = std::move(book);
    if (book_->has_changes())
        write_soon();
    self_->delayed_send(self_, sweep_interval, pop_sweep_tick{});
    hold_.emplace(options_.held_per_queue_max, options_.held_max);
    publish_metrics();
    self_->monitor(options_.log_writer);
    self_->set_down_handler([this](const caf::down_msg& event) { self_->quit(event.reason); });
    self_->set_error_handler([](caf::error& failure) { write_log(log_level::warning, "pops: " + to_string(to_error(failure))); });
}

// ---- pops -----------------------------------------------------------------------------------------------------------

timestamp_ms pop_keeper_state::deadline_of(const pop_messages& pop) const {
    const auto arrived = now().value();
    // A client's clock that is ahead of ours does not make it wait longer than it asked for.
    const auto born = pop.born.value() > 0 ? std::min(pop.born.value(), arrived) : arrived;
    return timestamp_ms{std::max(born + pop.poll_ms - early_ms, arrived)};
}

void pop_keeper_state::handle(const checked_pop& order) {
    const auto& pop = order.pop;
    if (finishing_)
        return fail(order, {errc::shutting_down, "the broker is stopping"});
    if (pop.kind == pop_kind::count) {
        messages_popped counted;
        counted.kind = pop.kind;
        counted.status = pop_status::found;
        counted.rest = static_cast<std::int64_t>(hold_->count({pop.topic, pop.group}, pop.queue));
        return answer(order, std::move(counted));
    }
    if (pop.kind == pop_kind::take)
        add(options_.metrics->pops);
    const bool is_late = pop.born.value() > 0 && now().value() - pop.born.value() - pop.poll_ms > late_ms;
    if (is_late && pop.kind != pop_kind::peek)
        return answer_nothing(order, pop_status::nothing); // its client has stopped waiting
    const auto deadline = deadline_of(pop);
    bool opening = false;
    if (!try_pop(order, deadline, opening))
        hold(order, deadline, opening);
    publish_metrics();
    arm();
}

std::optional<std::shared_ptr<admitted>> pop_keeper_state::reserve(pop_kind kind) {
    if (!options_.bytes || kind == pop_kind::notify)
        return std::shared_ptr<admitted>{};
    if (!options_.bytes->try_acquire(options_.bytes_per_pop_max))
        return std::nullopt;
    return std::make_shared<admitted>(options_.bytes, options_.bytes_per_pop_max);
}

bool pop_keeper_state::try_pop(const checked_pop& order, timestamp_ms deadline, bool& opening) {
    const auto room = reserve(order.pop.kind);
    if (!room) { // nothing was taken: it comes again, or waits until others have sent theirs on
        if (now() < deadline) {
            starved_.insert({order.pop.topic, order.pop.group});
            return false;
        }
        add(options_.metrics->busy_answers);
        fail(order, {errc::busy, "the records of too many pops are on their way (" + std::to_string(options_.bytes->amount_max()) +
                                     " bytes); pop again later"});
        return true;
    }
    auto attempt = book_->try_pop(order, now());
    for (const auto& key : attempt.unknown)
        open(key, order.pop);
    for (const auto& letter : attempt.dead)
        bury(letter);
    opening = !attempt.unknown.empty();
    if (book_->has_changes())
        write_soon();
    if (attempt.failure.code != errc::none) {
        fail(order, attempt.failure);
        return true;
    }
    if (attempt.is_crowded && !attempt.found)
        crowded_.insert({order.pop.topic, order.pop.group});
    if (attempt.more)
        serve_soon({order.pop.topic, order.pop.group});
    if (!attempt.found) {
        if (opening || attempt.more || now() < deadline)
            return false;
        answer_nothing(order, pop_status::nothing);
        return true;
    }
    const auto bytes = attempt.answer.records.size();
    if (*room)
        (*room)->shrink_to(bytes);
    waiting_.push_back([this, order, again = attempt.again, given = std::move(attempt.answer), kept = *room](const error& failure) {
        if (failure.code != errc::none)
            return fail(order, failure);
        if (given.kind == pop_kind::take) {
            for (const auto& queue : given.queues)
                add(options_.metrics->popped, queue.offsets.size());
            add(options_.metrics->pop_redelivered, static_cast<std::uint64_t>(again));
        }
        answer(order, given, kept);
    });
    waiting_bytes_ += bytes;
    if (waiting_bytes_ >= options_.bytes_per_write_max)
        write(); // what is in the mailbox may be as much again, and more
    else
        write_soon();
    return true;
}

void pop_keeper_state::hold(checked_pop order, timestamp_ms deadline, bool opening) {
    const pop_place place{order.pop.topic, order.pop.group};
    const auto first = std::max(order.pop.queue.value(), 0);
    const auto last = order.pop.queue.value() < 0 ? order.queues - 1 : order.pop.queue.value();
    const auto until = opening ? std::max(deadline, now() + opening_ms) : std::max(deadline, now() + 1);
    if (!hold_->add({order, deadline, until}))
        return answer_nothing(order, pop_status::full);
    for (auto number = first; number <= last; ++number) {
        const topic_queue queue{place.topic, queue_id{number}};
        if (watched_.insert(queue).second) // its answer has the queue looked at once more: nothing is missed
            self_->send(options_.log_writer, watch_growth{queue, growth_watcher_actor{self_}});
    }
    set_alarm(place);
}

/// Looks at a place again when a lease there ends, or when there may be room for records.
void pop_keeper_state::set_alarm(const pop_place& place) {
    auto next = book_->next_visible(place.group, place.topic, now());
    if (starved_.contains(place))
        next = std::min(next.value_or(now() + room_ms), now() + room_ms);
    hold_->set_alarm(place, next);
}

/// Looks for everybody who waits at a place, in the order in which they came.
void pop_keeper_state::serve(const pop_place& place) {
    starved_.erase(place);
    // Who wants the same as somebody who found nothing finds nothing either.
    std::set<std::tuple<queue_id, const void*, bool, pop_kind>> nothing;
    for (const auto number : hold_->waiting(place)) {
        const auto* held = hold_->find(number);
        const auto& pop = held->pop.pop;
        const std::tuple wish{pop.queue, static_cast<const void*>(held->pop.filter.get()), pop.ordered, pop.kind};
        if (!(pop.ordered && !pop.attempt.empty()) && nothing.contains(wish)) // an attempt may be of who has the batch
            continue;
        bool opening = false;
        if (try_pop(held->pop, held->deadline, opening))
            (void)hold_->remove(number);
        else
            nothing.insert(wish);
    }
    set_alarm(place);
}

void pop_keeper_state::serve_soon(const pop_place& place) {
    soon_.insert(place);
}

void pop_keeper_state::handle(const queues_grew& event) {
    std::set<pop_place> awake;
    for (const auto& queue : event.queues) {
        const auto places = hold_->places_of(queue.topic);
        if (places.empty()) {
            watched_.erase(queue);
            self_->send(options_.log_writer, watch_growth{queue, growth_watcher_actor{self_}, false});
        }
        awake.insert(places.begin(), places.end());
    }
    for (const auto& place : awake)
        serve(place);
    publish_metrics();
    arm();
}

void pop_keeper_state::handle(const pops_abandoned& order) {
    hold_->abandon(order.reply_to, order.tickets);
    publish_metrics();
}

void pop_keeper_state::answer(const checked_pop& order, messages_popped given, std::shared_ptr<const admitted> kept) {
    self_->send(order.reply_to, pop_answered{order.ticket, {}, std::move(given), std::move(kept)});
}

void pop_keeper_state::answer_nothing(const checked_pop& order, pop_status status) {
    messages_popped nothing;
    nothing.kind = order.pop.kind;
    nothing.status = status;
    nothing.popped = now();
    nothing.invisible_ms = order.pop.invisible_ms;
    nothing.revive_queue = order.pop.ordered ? protocol::ordered_revive_queue : 0;
    answer(order, std::move(nothing));
}

void pop_keeper_state::fail(const checked_pop& order, const error& failure) {
    self_->send(order.reply_to, pop_answered{order.ticket, failure, {}});
}

// ---- queues that a group pops for the first time -----------------------------------------------------------------------

/// Whoever takes decides where a group begins, whoever looks does not.
void pop_keeper_state::open(const progress_key& key, const pop_messages& pop) {
    const bool is_taken = pop.kind == pop_kind::take;
    const auto [opening, added] = opening_.try_emplace(key);
    if (is_taken && !opening->second.is_taken)
        opening->second = {true, pop.from_end};
    if (!added)
        return;
    self_->request(options_.offset_keeper, options_.request_deadline, query_offset{key, true})
        .then([this, key](const offset_found& found) { opened(key, found.offset); },
              [this, key](const caf::error& failure) {
                  const auto why = to_error(failure);
                  if (why.code == errc::offset_not_found)
                      return opened(key, std::nullopt);
                  opening_.erase(key); // the next pop asks again
                  write_log(log_level::warning, "pops: where group " + key.group + " is in topic " + key.queue.topic +
                                                    " cannot be found out: " + to_string(why));
                  opening_ended(key);
              });
}

void pop_keeper_state::opened(const progress_key& key, std::optional<queue_offset> committed) {
    const auto opening = opening_.extract(key);
    if (opening.empty()) // the group or its topic was forgotten meanwhile
        return;
    if (finishing_ || options_.topics->current()->find(key.queue.topic) == nullptr) // or deleted, with its offsets
        return;
    if (!opening.mapped().is_taken)
        book_->glimpse(key, committed);
    else if (const auto done = book_->open(key, committed, opening.mapped().from_end); !done)
        write_log(log_level::warning, "pops: queue " + to_string(key.queue.queue) + " of topic " + key.queue.topic +
                                          " cannot be read: " + to_string(done.failure()));
    opening_ended(key);
}

/// Who asked for any queue is served when all are known, so that the first pop does not get the messages of one only.
void pop_keeper_state::opening_ended(const progress_key& key) {
    const auto next = opening_.lower_bound({key.group, {key.queue.topic, queue_id{0}}});
    if (next == opening_.end() || next->first.group != key.group || next->first.queue.topic != key.queue.topic) {
        serve({key.queue.topic, key.group});
        book_->end_glimpses(key.group, key.queue.topic); // the next look asks again
    }
    if (book_->has_changes())
        write_soon();
    publish_metrics();
    arm();
}

// ---- acknowledgements -----------------------------------------------------------------------------------------------

/// Reference "remoting-client.md" 4.9.
result<storage::queue_bounds> pop_keeper_state::bounds_of(const topic_queue& queue) const {
    const auto topics = options_.topics->current();
    const auto* topic = topics->find(queue.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + queue.topic + " does not exist on this broker"};
    if (queue.queue.value() < 0 || queue.queue.value() >= topic->read_queues)
        return error{errc::message_illegal, "topic " + queue.topic + " has " + std::to_string(topic->read_queues) +
                                                " queues to read, there is no queue " + to_string(queue.queue)};
    return options_.log->bounds(queue);
}

caf::result<messages_acknowledged> pop_keeper_state::handle(const acknowledge_messages& order) {
    if (finishing_ || book_->is_broken()) {
        release_order();
        return finishing_ ? make_caf_error(errc::shutting_down, "the broker is stopping")
                          : make_caf_error(errc::busy, "acknowledgements cannot be written now; repeat it later");
    }
    error refused;
    for (const auto& part : order.parts) {
        if (const auto why = acknowledge(part, order.is_batch); why.code != errc::none && refused.code == errc::none)
            refused = why;
    }
    auto promise = self_->make_response_promise<messages_acknowledged>();
    waiting_.push_back([this, promise, refused](const error& failure) mutable {
        release_order();
        if (failure.code != errc::none || refused.code != errc::none)
            promise.deliver(make_caf_error(failure.code != errc::none ? failure : refused));
        else
            promise.deliver(messages_acknowledged{});
    });
    write_soon();
    return promise;
}

/// Code none: each of them is done, or another delivery of it counts; else the first that is not. In a batch what is no message is passed
/// over, as in RocketMQ: the others are done.
error pop_keeper_state::acknowledge(const acknowledge_messages::part& part, bool is_batch) {
    const auto bounds = bounds_of(part.queue);
    if (!bounds) {
        const bool is_nowhere = bounds.code() == errc::topic_not_found || bounds.code() == errc::message_illegal;
        return is_batch && is_nowhere ? error{} : bounds.failure();
    }
    std::vector<queue_offset> inside;
    inside.reserve(part.offsets.size());
    std::copy_if(part.offsets.begin(), part.offsets.end(), std::back_inserter(inside),
                 [&bounds](queue_offset offset) { return !is_outside(offset, *bounds); });
    error refused;
    if (inside.size() < part.offsets.size() && !is_batch) {
        const auto first =
            std::find_if(part.offsets.begin(), part.offsets.end(), [&bounds](queue_offset offset) { return is_outside(offset, *bounds); });
        refused = outside(part.queue, *first, *bounds);
    }
    const progress_key key{part.group, part.queue};
    const auto outcomes = book_->acknowledge(key, inside, part.popped);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const bool is_done = outcomes[i] == pop_table::ack_outcome::done;
        add(is_done ? options_.metrics->pop_acked : options_.metrics->pop_stale_acks);
        // Whoever repeats an acknowledgement is told the same once more; what was never popped cannot be done.
        if (part.ordered && outcomes[i] == pop_table::ack_outcome::unknown && refused.code != errc::message_illegal)
            refused = {errc::message_illegal, "message " + to_string(inside[i]) + " of queue " + to_string(part.queue.queue) +
                                                  " of topic " + part.queue.topic + " was not popped by group " + part.group};
    }
    changed(key);
    return refused;
}

caf::result<invisible_time_changed> pop_keeper_state::handle(const change_invisible_time& order) {
    const auto refuse = [this](const error& why) -> caf::result<invisible_time_changed> {
        release_order();
        return make_caf_error(why);
    };
    if (finishing_)
        return refuse({errc::shutting_down, "the broker is stopping"});
    if (book_->is_broken())
        return refuse({errc::busy, "changes cannot be written now; repeat it later"});
    if (order.invisible_ms < 0 || order.invisible_ms > invisible_ms_max)
        return refuse({errc::argument_illegal,
                       "invisible time " + std::to_string(order.invisible_ms) + " ms is outside 0 to " + std::to_string(invisible_ms_max)});
    const auto bounds = bounds_of(order.queue);
    if (!bounds)
        return refuse(bounds.failure());
    if (is_outside(order.offset, *bounds))
        return refuse(outside(order.queue, order.offset, *bounds));
    const progress_key key{order.group, order.queue};
    const auto lease = book_->change_visibility(key, order.offset, order.popped, now(), order.invisible_ms);
    if (!lease) {
        add(options_.metrics->pop_stale_acks);
        return refuse({errc::message_illegal, "message " + to_string(order.offset) + " of queue " + to_string(order.queue.queue) +
                                                  " of topic " + order.queue.topic + " is not out for group " + order.group +
                                                  ", or was delivered once more since"});
    }
    changed(key);
    auto promise = self_->make_response_promise<invisible_time_changed>();
    const invisible_time_changed done{lease->popped, order.invisible_ms, order.ordered ? protocol::ordered_revive_queue : 0};
    waiting_.push_back([this, promise, done](const error& failure) mutable {
        release_order();
        if (failure.code != errc::none)
            promise.deliver(make_caf_error(failure));
        else
            promise.deliver(done);
    });
    write_soon();
    return promise;
}

/// Whoever waits for it is served after the write.
void pop_keeper_state::changed(const progress_key& key) {
    const pop_place place{key.queue.topic, key.group};
    if (!hold_->has_waiting(place))
        return;
    if (book_->take_awaited(key))
        serve_soon(place);
    else
        hold_->set_alarm(place, book_->next_visible(place.group, place.topic, timestamp_ms{now().value() - 1}));
}

// ---- dead letters ---------------------------------------------------------------------------------------------------

void pop_keeper_state::handle(const begin_dead_letters& order) {
    dead_letters_ = order.broker;
}

void pop_keeper_state::bury(const pop_book::dead_letter& letter) {
    if (!dead_letters_)
        return buried(letter, {errc::busy, "the broker is starting"});
    send_message_back order;
    order.position = letter.position;
    order.group = letter.key.group;
    order.delay_level = -1;
    order.tries = letter.deliveries - 1;
    order.origin_topic = letter.key.queue.topic;
    self_->request(dead_letters_, 2 * options_.request_deadline, std::move(order))
        .then([this, letter](message_sent_back) { buried(letter, {}); },
              [this, letter](const caf::error& failure) { buried(letter, to_error(failure)); });
}

void pop_keeper_state::buried(const pop_book::dead_letter& letter, const error& failure) {
    if (finishing_)
        return;
    if (failure.code == errc::none || is_hopeless(failure.code)) {
        dead_letters_fail_ = false;
        add(failure.code == errc::none ? options_.metrics->pop_dead : options_.metrics->pop_dropped);
        if (failure.code != errc::none)
            write_log(log_level::error, "pops: dead message " + to_string(letter.offset) + " of queue " +
                                            to_string(letter.key.queue.queue) + " of topic " + letter.key.queue.topic +
                                            " cannot be kept for group " + letter.key.group + " and is dropped: " + to_string(failure));
        book_->dead_letter_stored(letter.key, letter.offset);
        serve_soon({letter.key.queue.topic, letter.key.group});
    } else {
        if (!std::exchange(dead_letters_fail_, true))
            write_log(log_level::warning, "pops: a dead message of group " + letter.key.group + " is tried again: " + to_string(failure));
        book_->dead_letter_failed(letter.key, letter.offset, now() + pause_after_failure_ms);
    }
    write_soon();
    arm();
}

// ---- what operators do ----------------------------------------------------------------------------------------------

caf::result<pops_changed> pop_keeper_state::handle(const reset_pops& order) {
    note_offsets told; // once more, behind what was noted before: later notes only go forward
    for (const auto& [queue, offset] : order.offsets) {
        const progress_key key{order.group, queue};
        if (book_->is_open(key))
            told.offsets.emplace_back(key, offset);
        book_->reset(key, offset);
        notes_.erase(key);
        serve_soon({queue.topic, order.group});
    }
    send_notes(std::move(told));
    auto promise = self_->make_response_promise<pops_changed>();
    waiting_.push_back([promise](const error& failure) mutable {
        if (failure.code != errc::none)
            promise.deliver(make_caf_error(failure));
        else
            promise.deliver(pops_changed{});
    });
    write_soon();
    return promise;
}

caf::result<pops_changed> pop_keeper_state::handle(const forget_pops& order) {
    auto promise = self_->make_response_promise<pops_changed>();
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    commit_offsets commit;
    commit.offsets = book_->progress_of(order.group, order.topic);
    commit.only_forward = true; // pulls may have gone on
    for (const auto& entry : commit.offsets)
        notes_.erase(entry.first);
    // Where they are is stored first: should the disk fail then, nothing is forgotten.
    self_->request(options_.offset_keeper, options_.request_deadline, std::move(commit))
        .then([this, promise, fail, order](offset_committed) mutable { forget(order, promise, fail); },
              [fail](const caf::error& failure) { fail(to_error(failure)); });
    return promise;
}

void pop_keeper_state::forget(const forget_pops& order, caf::typed_response_promise<pops_changed> promise, continuation fail) {
    if (finishing_)
        return fail({errc::shutting_down, "the broker is stopping"});
    for (const auto& entry : book_->progress_of(order.group, order.topic))
        notes_.erase(entry.first);
    book_->forget(order.group, order.topic);
    book_->end_glimpses(order.group, order.topic);
    std::erase_if(opening_, [&order](const auto& entry) {
        return (order.group.empty() || entry.first.group == order.group) && (order.topic.empty() || entry.first.queue.topic == order.topic);
    });
    // Whoever asks again is told what has become of it.
    waiting_.push_back([this, promise, fail, held = hold_->take(order.group, order.topic)](const error& failure) mutable {
        for (const auto& one : held)
            answer_nothing(one.pop, pop_status::nothing);
        if (failure.code != errc::none)
            fail(failure);
        else
            promise.deliver(pops_changed{});
    });
    write_soon();
}

caf::result<pops_changed> pop_keeper_state::handle(const follow_commits& order) {
    auto promise = self_->make_response_promise<pops_changed>();
    const continuation done = [promise](const error& failure) mutable {
        if (failure.code != errc::none)
            promise.deliver(make_caf_error(failure));
        else
            promise.deliver(pops_changed{});
    };
    self_->request(options_.offset_keeper, options_.request_deadline, list_offsets{order.group, order.topic})
        .then(
            [this, order, done](const offsets_listed& committed) {
                if (finishing_)
                    return done({errc::shutting_down, "the broker is stopping"});
                for (const auto& [queue, offset] : committed.offsets)
                    book_->follow({order.group, queue}, offset);
                serve_soon({order.topic, order.group});
                waiting_.push_back(done);
                write_soon();
            },
            [done](const caf::error& failure) { done(to_error(failure)); });
    return promise;
}

// ---- the disk -------------------------------------------------------------------------------------------------------

void pop_keeper_state::write_soon() {
    if (!std::exchange(write_tick_sent_, true))
        self_->send(self_, pop_write_tick{}); // behind what is in the mailbox: it goes into the same write
}

void pop_keeper_state::handle(pop_write_tick) {
    write_tick_sent_ = false;
    write();
    for (const auto& place : std::exchange(soon_, {}))
        serve(place);
    publish_metrics();
    arm();
}

void pop_keeper_state::write() {
    const auto done = book_->write(options_.sync && !waiting_.empty());
    const auto failure = done.written ? error{} : done.written.failure();
    waiting_bytes_ = 0;
    for (const auto& waiter : std::exchange(waiting_, {}))
        waiter(failure);
    if (done.written)
        return note_committed(done.committed);
    write_log(log_level::error, "pops: " + to_string(failure));
    recover();
}

/// After a failure: what is on the disk is what counts.
void pop_keeper_state::recover() {
    if (const auto reloaded = book_->reload(); !reloaded)
        write_log(log_level::warning, "pops: tried again soon: " + to_string(reloaded.failure()));
}

void pop_keeper_state::note_committed(const std::vector<std::pair<progress_key, queue_offset>>& committed) {
    for (const auto& [key, offset] : committed)
        notes_.insert_or_assign(key, offset);
    if (notes_under_way_ == 0)
        send_notes();
}

/// One message under way: the mailbox of an offset keeper that waits for the disk has no bound. Without a deadline: nobody waits for
/// the answer, and a keeper that ends, ends the broker.
void pop_keeper_state::send_notes() {
    note_offsets order;
    order.offsets.assign(notes_.begin(), notes_.end());
    order.only_forward = true; // where pulls have gone on, these are old news
    notes_.clear();
    send_notes(std::move(order));
}

void pop_keeper_state::send_notes(note_offsets order) {
    if (order.offsets.empty())
        return;
    ++notes_under_way_;
    const auto answered = [this] {
        if (--notes_under_way_ == 0)
            send_notes();
    };
    self_->request(options_.offset_keeper, caf::infinite, std::move(order))
        .then([answered](offsets_noted) { answered(); }, [answered](const caf::error&) { answered(); });
}

// ---- time -----------------------------------------------------------------------------------------------------------

/// Keeps one tick on its way, for the earliest thing due.
void pop_keeper_state::arm() {
    if (finishing_)
        return;
    auto next = hold_->next_due();
    if (!soon_.empty())
        next = timestamp_ms{0};
    if (book_->is_broken())
        next = std::min(next.value_or(now() + pause_after_failure_ms), now() + pause_after_failure_ms);
    if (!next || (armed_ && *armed_ <= *next))
        return;
    armed_ = next;
    const pop_tick tick{++epoch_};
    // The wall clock may be set: look once a second, at least.
    const auto wait = std::clamp<std::int64_t>(*next - now(), 0, 1'000);
    if (wait == 0)
        self_->send(self_, tick);
    else
        self_->delayed_send(self_, std::chrono::milliseconds{wait}, tick);
}

void pop_keeper_state::handle(pop_tick tick) {
    if (tick.epoch != epoch_ || finishing_)
        return;
    armed_.reset();
    if (book_->is_broken())
        recover();
    for (const auto& place : std::exchange(soon_, {}))
        serve(place);
    for (const auto& place : hold_->take_alarms(now()))
        serve(place);
    for (const auto& late : hold_->take_due(now()))
        answer_nothing(late.pop, pop_status::nothing);
    publish_metrics();
    arm();
}

/// What changes by itself: the log lets go of records, groups stop popping, and what is out becomes less.
void pop_keeper_state::handle(pop_sweep_tick) {
    if (finishing_)
        return;
    self_->delayed_send(self_, sweep_interval, pop_sweep_tick{});
    close_idle(book_->sweep(queues_per_sweep, now(), idle_ms));
    if (book_->has_changes())
        write_soon();
    for (const auto& place : std::exchange(crowded_, {}))
        serve(place);
    if (!book_->is_full()) {
        full_told_ = false;
    } else if (!std::exchange(full_told_, true)) {
        const auto [group, leases] = book_->largest_group();
        write_log(log_level::warning,
                  "pops: " + std::to_string(book_->leases()) +
                      " messages are out, as many as may be (broker.pop_leases_total_max): groups get new ones only below "
                      "their share. Group " +
                      group + " has most, " + std::to_string(leases) + "; look at whether it acknowledges");
    }
    publish_metrics();
    arm();
}

void pop_keeper_state::close_idle(std::vector<std::pair<progress_key, queue_offset>> idle) {
    if (idle.empty() || closing_)
        return;
    closing_ = true;
    commit_offsets commit;
    commit.offsets = idle;
    commit.only_forward = true;
    // Stored first: without its row, that is where the group is.
    self_->request(options_.offset_keeper, options_.request_deadline, std::move(commit))
        .then(
            [this, idle, since = timestamp_ms{now().value() - idle_ms}](offset_committed) {
                closing_ = false;
                for (const auto& [key, committed] : idle)
                    book_->close(key, committed, since);
                if (book_->has_changes() && !finishing_)
                    write_soon();
            },
            [this](const caf::error&) { closing_ = false; });
}

void pop_keeper_state::publish_metrics() {
    options_.metrics->pop_leases.store(book_->leases(), std::memory_order_relaxed);
    options_.metrics->pops_held.store(hold_->size(), std::memory_order_relaxed);
}

void pop_keeper_state::handle(const finish&) {
    finishing_ = true;
    for (const auto& held : hold_->take_all())
        fail(held.pop, {errc::shutting_down, "the broker is stopping"});
    write();
    send_notes();
    publish_metrics();
    self_->quit();
}

pop_keeper_actor::behavior_type pop_keeper(pop_keeper_actor::stateful_pointer<pop_keeper_state> self, pop_keeper_options options,
                                           const std::shared_ptr<std::unique_ptr<pop_book>>& book) {
    self->state.start(self, std::move(options), std::move(*book));
    return {
        [self](const acknowledge_messages& order) { return self->state.handle(order); },
        [self](const change_invisible_time& order) { return self->state.handle(order); },
        [self](const checked_pop& order) { self->state.handle(order); },
        [self](const pops_abandoned& order) { self->state.handle(order); },
        [self](const queues_grew& event) { self->state.handle(event); },
        [self](const reset_pops& order) { return self->state.handle(order); },
        [self](const forget_pops& order) { return self->state.handle(order); },
        [self](const follow_commits& order) { return self->state.handle(order); },
        [self](const list_popped& order) { return self->state.handle(order); },
        [self](const begin_dead_letters& order) { self->state.handle(order); },
        [self](pop_write_tick tick) { self->state.handle(tick); },
        [self](pop_tick tick) { self->state.handle(tick); },
        [self](pop_sweep_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

pop_keeper_actor spawn_pop_keeper(caf::actor_system& system, pop_keeper_options options, std::unique_ptr<storage::pop_store> store,
                                  const std::vector<storage::popped_queue_state>& popped) {
    pop_book_options book;
    book.log = options.log;
    book.leases_per_queue_max = options.leases_per_queue_max;
    book.leases_max = options.leases_max;
    book.bytes_per_pop_max = options.bytes_per_pop_max;
    // Here and not on its thread: it looks at where the log ends before anybody sends.
    auto shared = std::make_shared<std::unique_ptr<pop_book>>(std::make_unique<pop_book>(std::move(book), std::move(store), popped));
    return spawn_blocking_role(system, pop_keeper, std::move(options), std::move(shared));
}

} // namespace troupe::actors
