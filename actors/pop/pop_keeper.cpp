#include "actors/pop/pop_keeper_state.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"

#include <algorithm>

// The role: pops, what is opened for them, the disk, and time.

namespace troupe::actors {

namespace {

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

} // namespace

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
    take_turn(order, deadline_of(pop));
    publish_metrics();
    arm();
}

/// Whoever comes while others wait for the same goes behind them, and need not look: they found nothing, and whatever changes that has them
/// look again. It does look when its queues are being opened, as it may have to wait for that beyond its own time; and when an attempt is
/// named, which may be of who has the batch.
void pop_keeper_state::take_turn(const checked_pop& order, timestamp_ms deadline) {
    const auto place = place_of(order);
    const auto wish = wish_of(order);
    const bool may_queue = now() < deadline && order.pop.attempt.empty() && !openings_.is_under_way(place.group, place.topic);
    if (may_queue && hold_->has_waiting(place, wish)) {
        if (!hold_->add({order, deadline, std::max(deadline, now() + 1)}))
            answer_nothing(order, pop_status::full);
        return;
    }
    const auto looked = now();
    const auto done = try_pop(order, deadline);
    if (!done.is_answered)
        return hold(order, deadline, done.is_opening, looked);
    serve_repeated(order);
}

std::optional<std::shared_ptr<admitted>> pop_keeper_state::reserve(pop_kind kind) {
    if (!options_.bytes || kind == pop_kind::notify)
        return std::shared_ptr<admitted>{};
    if (!options_.bytes->try_acquire(options_.bytes_per_pop_max))
        return std::nullopt;
    return std::make_shared<admitted>(options_.bytes, options_.bytes_per_pop_max);
}

pop_keeper_state::tried pop_keeper_state::try_pop(const checked_pop& order, timestamp_ms deadline) {
    constexpr bool answered = true;
    const auto room = reserve(order.pop.kind);
    if (!room) { // nothing was taken: it comes again, or waits until others have sent theirs on
        if (now() < deadline) {
            const auto place = place_of(order);
            starved_.try_emplace(place, now() + room_ms);
            hold_->advance_alarm(place, room_look(place));
            return {!answered, false, true};
        }
        add(options_.metrics->busy_answers);
        fail(order, {errc::busy, "the records of too many pops are on their way (" + std::to_string(options_.bytes->amount_max()) +
                                     " bytes); pop again later"});
        return {answered, false, false};
    }
    auto attempt = book_->try_pop(order, now());
    for (const auto& key : attempt.unknown)
        open(key, order.pop);
    for (const auto& letter : attempt.dead)
        bury(letter);
    const bool is_opening = !attempt.unknown.empty();
    if (book_->has_changes())
        write_soon();
    if (attempt.failure.code != errc::none) {
        fail(order, attempt.failure);
        return {answered, is_opening, false};
    }
    if (attempt.is_crowded && !attempt.found)
        crowded_.insert({order.pop.topic, order.pop.group});
    if (attempt.more)
        serve_soon({order.pop.topic, order.pop.group});
    if (!attempt.found) {
        if (is_opening || attempt.more || now() < deadline)
            return {!answered, is_opening, true};
        answer_nothing(order, pop_status::nothing);
        return {answered, is_opening, true};
    }
    if (attempt.answer.kind == pop_kind::take) // for those who wait there
        hold_->advance_alarm(place_of(order), timestamp_ms{attempt.answer.popped.value() + attempt.answer.invisible_ms});
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
    return {answered, is_opening, attempt.is_drained};
}

void pop_keeper_state::hold(checked_pop order, timestamp_ms deadline, bool opening, timestamp_ms looked) {
    const auto place = place_of(order);
    const bool has_alarm = hold_->has_waiting(place);                  // or needs none
    const bool is_watched = hold_->has_waiting(place, wish_of(order)); // as long as somebody waits for it
    const auto first = std::max(order.pop.queue.value(), 0);
    const auto last = order.pop.queue.value() < 0 ? order.queues - 1 : order.pop.queue.value();
    const auto until = opening ? std::max(deadline, now() + opening_ms) : std::max(deadline, now() + 1);
    if (!hold_->add({order, deadline, until}))
        return answer_nothing(order, pop_status::full);
    for (auto number = first; number <= last && !is_watched; ++number) {
        const topic_queue queue{place.topic, queue_id{number}};
        if (watched_.insert(queue).second) // its answer has the queue looked at once more: nothing is missed
            self_->send(options_.log_writer, watch_growth{queue, growth_watcher_actor{self_}});
    }
    if (!has_alarm)
        hold_->set_alarm(place, next_look(place, looked));
}

/// When a place is to be looked at again: when a lease there ends after `looked`, or when there may be room for records. Looks through the
/// group's queues of the topic, and so only when somebody begins to wait there, and when everybody who waits there has looked. In between an
/// alarm is advanced to the end of each lease that is given out or changed, and never put off: what became visible before the keeper looked,
/// while a tick is late, would else be forgotten, and with it those who wait, as nobody looks who comes behind them.
std::optional<timestamp_ms> pop_keeper_state::next_look(const pop_place& place, timestamp_ms looked) const {
    auto next = book_->next_visible(place.group, place.topic, looked);
    if (const auto again = room_look(place); again && (!next || *again < *next))
        next = again;
    return next;
}

/// When there may be room for records for those who wait there and found none; not later each time that something changes, nor much later when
/// the clock was set back.
std::optional<timestamp_ms> pop_keeper_state::room_look(const pop_place& place) const {
    const auto starved = starved_.find(place);
    return starved == starved_.end() ? std::nullopt : std::optional{std::min(starved->second, now() + room_ms)};
}

void pop_keeper_state::serve(const pop_place& place) {
    const auto looked = now();
    starved_.erase(place);
    serve(pop_turns{*hold_, place});
    hold_->set_alarm(place, next_look(place, looked));
}

void pop_keeper_state::serve(const pop_place& place, const std::set<queue_id>& queues) {
    serve(pop_turns{*hold_, place, queues});
}

void pop_keeper_state::serve(pop_turns turns) {
    while (const auto number = turns.next()) {
        const auto* held = hold_->find(*number);
        if (held == nullptr) // it had the messages of another's attempt
            continue;
        const auto done = try_pop(held->pop, held->deadline);
        if (done.is_last)
            turns.nothing_left();
        if (done.is_answered)
            serve_repeated(hold_->remove(*number).pop);
    }
}

void pop_keeper_state::serve_repeated(const checked_pop& first) {
    if (!first.pop.ordered || first.pop.attempt.empty())
        return;
    for (const auto number : hold_->of_attempt(place_of(first), first.pop.attempt))
        if (const auto* same = hold_->find(number); try_pop(same->pop, same->deadline).is_answered)
            (void)hold_->remove(number);
}

void pop_keeper_state::serve_soon(const pop_place& place) {
    soon_.insert(place);
}

void pop_keeper_state::handle(const queues_grew& event) {
    std::map<pop_place, std::set<queue_id>> awake;
    for (const auto& queue : event.queues) {
        const auto groups = hold_->groups_waiting(queue);
        if (groups.empty()) {
            watched_.erase(queue);
            self_->send(options_.log_writer, watch_growth{queue, growth_watcher_actor{self_}, false});
        }
        for (const auto& group : groups)
            awake[{queue.topic, group}].insert(queue.queue);
    }
    for (const auto& [place, queues] : awake)
        serve(place, queues);
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

void pop_keeper_state::open(const progress_key& key, const pop_messages& pop) {
    if (!openings_.want(key, {pop.kind == pop_kind::take, pop.from_end}))
        return;
    self_->request(options_.offset_keeper, options_.request_deadline, query_offset{key, true})
        .then([this, key](const offset_found& found) { opened(key, found.offset); },
              [this, key](const caf::error& failure) {
                  const auto why = to_error(failure);
                  if (why.code == errc::offset_not_found)
                      return opened(key, std::nullopt);
                  (void)openings_.end(key); // the next pop asks again
                  write_log(log_level::warning, "pops: where group " + key.group + " is in topic " + key.queue.topic +
                                                    " cannot be found out: " + to_string(why));
                  opening_ended(key);
              });
}

void pop_keeper_state::opened(const progress_key& key, std::optional<queue_offset> committed) {
    const auto opening = openings_.end(key);
    if (!opening) // the group or its topic was forgotten meanwhile
        return;
    if (finishing_ || options_.topics->current()->find(key.queue.topic) == nullptr) // or deleted, with its offsets
        return;
    if (!opening->is_taken)
        book_->glimpse(key, committed);
    else if (const auto done = book_->open(key, committed, opening->from_end); !done)
        write_log(log_level::warning, "pops: queue " + to_string(key.queue.queue) + " of topic " + key.queue.topic +
                                          " cannot be read: " + to_string(done.failure()));
    opening_ended(key);
}

/// Who asked for any queue is served when all are known, so that the first pop does not get the messages of one only.
void pop_keeper_state::opening_ended(const progress_key& key) {
    if (!openings_.is_under_way(key.group, key.queue.topic)) {
        serve({key.queue.topic, key.group});
        book_->end_glimpses(key.group, key.queue.topic); // the next look asks again
    }
    if (book_->has_changes())
        write_soon();
    publish_metrics();
    arm();
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
        return write_log(log_level::warning, "pops: tried again soon: " + to_string(reloaded.failure()));
    for (const auto& place : hold_->places()) // what was taken and not written is there again
        serve_soon(place);
    arm();
}

void pop_keeper_state::note_committed(const std::vector<std::pair<progress_key, queue_offset>>& committed) {
    for (const auto& [key, offset] : committed)
        notes_.add(key, offset);
    if (notes_.is_idle())
        send_notes();
}

/// One message under way: the mailbox of an offset keeper that waits for the disk has no bound. Without a deadline: nobody waits for
/// the answer, and a keeper that ends, ends the broker.
void pop_keeper_state::send_notes() {
    note_offsets order;
    order.offsets = notes_.take();
    order.only_forward = true; // where pulls have gone on, these are old news
    send_notes(std::move(order));
}

void pop_keeper_state::send_notes(note_offsets order) {
    if (order.offsets.empty())
        return;
    notes_.sent();
    const auto answered = [this] {
        notes_.answered();
        if (notes_.is_idle())
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
        next = std::min(next.value_or(now() + pop_pause_after_failure_ms), now() + pop_pause_after_failure_ms);
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
    close_idle(book_->sweep(queues_per_sweep, now(), idle_ms, [this](const progress_key& key) {
        return hold_->has_waiting({key.queue.topic, key.group}, key.queue.queue);
    }));
    if (dead_letters_)
        for (const auto& letter : book_->bury_expired(now(), *options_.tries))
            bury(letter);
    if (book_->has_changes())
        write_soon();
    for (const auto& place : std::exchange(crowded_, {}))
        serve(place);
    options_.leaders->publish(book_->largest_groups(lease_leaders::groups_max));
    std::erase_if(starved_, [this](const auto& entry) { return !hold_->has_waiting(entry.first); });
    if (!book_->is_full()) {
        full_told_ = false;
    } else if (!std::exchange(full_told_, true)) {
        const auto largest = book_->largest_groups(1);
        const auto [group, leases] = largest.empty() ? lease_leaders::counts::value_type{} : largest.front();
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
                closed_.clear();
                for (const auto& [key, committed] : idle) {
                    book_->close(key, committed, since);
                    closed_.insert(key);
                }
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

namespace {

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
        [self](const find_popped& order) { return self->state.handle(order); },
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
    book.leases_total_max = options.leases_total_max;
    book.bytes_per_pop_max = options.bytes_per_pop_max;
    // Here and not on its thread: it looks at where the log ends before anybody sends.
    auto shared = std::make_shared<std::unique_ptr<pop_book>>(std::make_unique<pop_book>(std::move(book), std::move(store), popped));
    return spawn_blocking_role(system, pop_keeper, std::move(options), std::move(shared));
}

} // namespace troupe::actors
