#include "actors/log/queue.hpp"

#include "actors/log/fresh_choice.hpp"
#include "actors/log/pull_hold.hpp"
#include "actors/log/read_turns.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::actors {

namespace {

/// One read, for all pulls that want exactly the same.
struct reading {
    std::vector<held_pull> pulls;
    bool woken = false; ///< the pulls had been held before
    clock_time deadline;
};

class queue_state {
public:
    static inline const char* name = "queue";

    queue_state() = default;
    queue_state(const queue_state&) = delete;
    queue_state& operator=(const queue_state&) = delete;
    ~queue_state();

    void start(queue_actor::pointer self, queue_options options);
    void handle(const pull_from_queue& pull);
    void handle(const pull_abandoned& order);
    void handle(const records_arrived& event);
    void handle(const records_read& result);
    void handle(hold_tick tick);
    void handle(finish order);

private:
    void read(std::vector<held_pull> pulls, bool woken);
    void start_read(std::vector<held_pull> pulls, bool woken);
    void wait_for_turn(held_pull pull, bool woken);
    void give_turns();
    [[nodiscard]] std::vector<held_pull> take_everything();
    void read_together(std::vector<held_pull> pulls);
    void hand_out(std::vector<held_pull>& pulls, const records_arrived& event);
    [[nodiscard]] bool serve_fresh(held_pull& one, const records_arrived& event, fresh_choices& choices);
    void hold(held_pull pull);
    void take_result(held_pull pull, bool woken, const storage::read_records& records);
    void wait_or_answer(held_pull pull, const storage::read_records& records);
    void answer(const held_pull& pull, messages_pulled result);
    void answer_expired(const held_pull& pull);
    void refuse(const held_pull& pull, const error& failure);
    [[nodiscard]] error too_many_held() const;
    void release_held(std::size_t pulls);
    void fail_late_reads();
    void arm();
    [[nodiscard]] clock_time now() const { return self_->clock().now(); }

    queue_actor::pointer self_ = nullptr;
    queue_options options_;
    pull_hold held_;
    read_turns turns_;
    std::map<std::uint64_t, reading> reads_; ///< by number, so the first is the oldest
    std::uint64_t next_read_ = 0;
    bool watching_ = false;
    bool bounds_known_ = false; ///< the log writer has told, and keeps telling
    storage::queue_bounds bounds_;
    clock_time last_active_;
    bool armed_ = false;
    clock_time armed_for_;
    std::uint64_t epoch_ = 0;
};

void queue_state::start(queue_actor::pointer self, queue_options options) {
    self_ = self;
    options_ = std::move(options);
    last_active_ = now();
    add(options_.metrics->queue_actors);
    // A broker that dies sends no finish.
    self_->monitor(options_.owner);
    self_->set_down_handler([this](const caf::down_msg&) { handle(finish{}); });
    arm();
}

/// After finish nothing is left. A queue that ends in any other way owes its pulls an answer, and admission what they took.
queue_state::~queue_state() {
    if (self_ == nullptr)
        return; // never started
    subtract(options_.metrics->queue_actors);
    const auto left = take_everything();
    const error failure{errc::internal, "queue " + to_string(options_.queue.queue) + " of topic " + options_.queue.topic +
                                            " has ended unexpectedly; pull again"};
    for (const auto& pull : left)
        caf::anon_send(pull.pull.reply_to, pull_answered{pull.pull.ticket, failure, {}});
}

void queue_state::handle(const pull_from_queue& pull) {
    add(options_.metrics->pulls);
    last_active_ = now();
    const auto hold_time = std::min(std::chrono::milliseconds{pull.hold_ms}, options_.hold_max);
    held_pull one{pull, pull.from, last_active_ + hold_time, bounds_.min, bounds_.max};
    // At the known end there is nothing to read: no need to ask a log reader.
    if (bounds_known_ && pull.hold_ms > 0 && pull.from == bounds_.max)
        hold(std::move(one));
    else
        read({std::move(one)}, false);
    arm();
}

/// All pulls this queue still owes an answer, with what they took of admission given back.
std::vector<held_pull> queue_state::take_everything() {
    auto left = held_.take_all();
    auto waiting = turns_.take_all();
    std::move(waiting.begin(), waiting.end(), std::back_inserter(left));
    release_held(left.size());
    for (auto& entry : reads_)
        std::move(entry.second.pulls.begin(), entry.second.pulls.end(), std::back_inserter(left));
    reads_.clear();
    return left;
}

void queue_state::read(std::vector<held_pull> pulls, bool woken) {
    if (reads_.size() < options_.reads_max && turns_.empty()) // nobody overtakes those who wait
        return start_read(std::move(pulls), woken);
    for (auto& pull : pulls)
        wait_for_turn(std::move(pull), woken);
}

void queue_state::wait_for_turn(held_pull pull, bool woken) {
    if (options_.hold_admission->try_acquire(1)) {
        add(options_.metrics->pulls_held);
        turns_.add(std::move(pull), woken, now() + options_.read_deadline);
    } else {
        refuse(pull, too_many_held());
    }
}

void queue_state::give_turns() {
    while (reads_.size() < options_.reads_max && !turns_.empty()) {
        auto turn = turns_.take_next();
        release_held(turn.pulls.size());
        start_read(std::move(turn.pulls), turn.woken);
    }
}

void queue_state::start_read(std::vector<held_pull> pulls, bool woken) {
    if (!options_.read_admission->try_acquire(1)) {
        for (const auto& pull : pulls)
            refuse(pull, {errc::busy, "too many reads are waiting for the disk (" + std::to_string(options_.read_admission->amount_max()) +
                                          "); pull again later"});
        return;
    }
    const auto& pull = pulls.front().pull;
    const bool at_tail = !bounds_known_ || pull.from.value() >= bounds_.max.value() - options_.tail_messages;
    const auto& readers = options_.log_readers;
    const auto reader = at_tail || readers.size() == 1 ? 0 : 1 + next_read_ % (readers.size() - 1);
    const auto number = next_read_++;
    self_->send(readers[reader], read_queue{number, options_.queue, pull.from, pull.filter, pull.limits, queue_actor{self_}});
    reads_.emplace(number, reading{std::move(pulls), woken, now() + options_.read_deadline});
}

/// Many consumers at the end of a queue (broadcasting) want the same records: one read for all of them.
void queue_state::read_together(std::vector<held_pull> pulls) {
    std::stable_sort(pulls.begin(), pulls.end(), [](const held_pull& x, const held_pull& y) { return wish_of(x) < wish_of(y); });
    for (auto first = pulls.begin(); first != pulls.end();) {
        const auto rest = std::find_if(first, pulls.end(), [wish = wish_of(*first)](const held_pull& one) { return wish_of(one) != wish; });
        read({std::make_move_iterator(first), std::make_move_iterator(rest)}, true);
        first = rest;
    }
}

error queue_state::too_many_held() const {
    return {errc::busy, "too many pulls are held (" + std::to_string(options_.hold_admission->amount_max()) + "); pull again later"};
}

void queue_state::hold(held_pull pull) {
    if (!options_.hold_admission->try_acquire(1)) {
        refuse(pull, too_many_held());
        return;
    }
    add(options_.metrics->pulls_held);
    held_.add(std::move(pull));
    if (!watching_) {
        // The answer says what the end is now, so nothing that arrived between the read and this is missed.
        watching_ = true;
        self_->send(options_.log_writer, watch_queue{options_.queue, queue_actor{self_}});
    }
}

void queue_state::release_held(std::size_t pulls) {
    options_.hold_admission->release(pulls);
    subtract(options_.metrics->pulls_held, pulls);
}

void queue_state::handle(const records_arrived& event) {
    bounds_ = event.bounds;
    bounds_known_ = true;
    auto woken = held_.take_below(bounds_.max);
    release_held(woken.size());
    hand_out(woken, event);
    read_together(std::move(woken));
    arm();
}

/// Serves those who need no more than what has come along, and leaves the others.
void queue_state::hand_out(std::vector<held_pull>& pulls, const records_arrived& event) {
    if (event.fresh.count == 0)
        return;
    fresh_choices choices{event.fresh};
    std::vector<held_pull> others;
    for (auto& pull : pulls) {
        if (!serve_fresh(pull, event, choices))
            others.push_back(std::move(pull));
    }
    pulls = std::move(others);
}

/// False when the pull must read; where from may have moved on.
bool queue_state::serve_fresh(held_pull& one, const records_arrived& event, fresh_choices& choices) {
    const auto& fresh = event.fresh;
    auto& pull = one.pull;
    if (pull.from != fresh.first)
        return false;
    const auto answer_found = [this, &one, &event](queue_offset next, const payload& records) {
        last_active_ = now();
        answer(one, {pull_status::found, next, event.bounds.min, event.bounds.max, records});
        return true;
    };
    if (!pull.filter) {
        const bool fits = fresh.count <= pull.limits.messages_max && fresh.records.size() <= pull.limits.bytes_max;
        return fits && answer_found(fresh.first + fresh.count, fresh.records);
    }
    const auto* chosen = choices.choose(pull);
    if (chosen == nullptr)
        return false;
    if (chosen->count > 0)
        return answer_found(chosen->next, chosen->records);
    pull.from = chosen->next;
    one.min = event.bounds.min;
    one.max = event.bounds.max;
    if (pull.from < event.bounds.max)
        return false;
    if (one.deadline <= now())
        answer_expired(one);
    else
        hold(std::move(one));
    return true;
}

void queue_state::handle(const records_read& result) {
    const auto found = reads_.find(result.read);
    if (found == reads_.end())
        return; // over its deadline, and answered
    auto done = std::move(found->second);
    reads_.erase(found);
    last_active_ = now();
    for (auto& pull : done.pulls) {
        if (result.failure.code != errc::none)
            refuse(pull, result.failure);
        else
            take_result(std::move(pull), done.woken, result.records);
    }
    give_turns();
    arm();
}

void queue_state::take_result(held_pull pull, bool woken, const storage::read_records& records) {
    using storage::read_status;
    switch (records.status) {
    case read_status::found:
        answer(pull, {pull_status::found, records.next, records.bounds.min, records.bounds.max, records.records});
        return;
    case read_status::no_match:
        // A first pull hears how far it may skip; one that was held goes on waiting for a record that passes its filter.
        if (!woken || records.next < records.bounds.max) {
            answer(pull, {pull_status::no_match, records.next, records.bounds.min, records.bounds.max, {}});
            return;
        }
        pull.pull.from = records.next;
        wait_or_answer(std::move(pull), records);
        return;
    case read_status::at_end:
    case read_status::empty_queue: wait_or_answer(std::move(pull), records); return;
    case read_status::offset_too_small:
    case read_status::offset_too_large:
        answer(pull, {pull_status::offset_moved, records.next, records.bounds.min, records.bounds.max, {}});
        return;
    }
}

void queue_state::wait_or_answer(held_pull pull, const storage::read_records& records) {
    pull.min = records.bounds.min;
    pull.max = records.bounds.max;
    if (pull.deadline <= now()) {
        answer_expired(pull);
        return;
    }
    if (bounds_known_ && pull.pull.from < bounds_.max)
        read({std::move(pull)}, true); // it arrived while the reader was looking
    else
        hold(std::move(pull));
}

void queue_state::answer(const held_pull& pull, messages_pulled result) {
    if (result.status == pull_status::found) {
        add(options_.metrics->pulls_found);
        add(options_.metrics->pull_bytes, result.records.size());
    }
    self_->send(pull.pull.reply_to, pull_answered{pull.pull.ticket, {}, std::move(result)});
}

void queue_state::answer_expired(const held_pull& pull) {
    // Skipped records count as progress: without it the consumer would scan them again after the next pull.
    const auto status = pull.pull.from == pull.asked ? pull_status::no_new : pull_status::no_match;
    answer(pull, {status, pull.pull.from, pull.min, std::max(pull.max, pull.pull.from), {}});
}

void queue_state::refuse(const held_pull& pull, const error& failure) {
    if (failure.code == errc::busy)
        add(options_.metrics->busy_answers);
    self_->send(pull.pull.reply_to, pull_answered{pull.pull.ticket, failure, {}});
}

void queue_state::handle(const pull_abandoned& order) {
    release_held(held_.take(order.reply_to, order.tickets).size());
    release_held(turns_.take(order.reply_to, order.tickets).size());
    for (auto& entry : reads_)
        std::erase_if(entry.second.pulls, [&order](const held_pull& one) {
            return one.pull.reply_to == order.reply_to && std::binary_search(order.tickets.begin(), order.tickets.end(), one.pull.ticket);
        });
}

void queue_state::fail_late_reads() {
    while (!reads_.empty() && reads_.begin()->second.deadline <= now()) {
        for (const auto& pull : reads_.begin()->second.pulls)
            refuse(pull, {errc::timed_out, "the disk did not answer within " + std::to_string(options_.read_deadline.count()) + " ms"});
        reads_.erase(reads_.begin());
    }
    const auto late = turns_.take_due(now());
    release_held(late.size());
    for (const auto& pull : late)
        refuse(pull, {errc::busy, "too many reads of this queue are waiting for the disk; pull again later"});
    give_turns();
}

/// Keeps one timer running, for the earliest thing due.
void queue_state::arm() {
    auto due = last_active_ + options_.idle;
    if (const auto next = held_.next_due())
        due = std::min(due, *next);
    if (!reads_.empty())
        due = std::min(due, reads_.begin()->second.deadline);
    if (const auto next = turns_.next_due())
        due = std::min(due, *next);
    if (armed_ && armed_for_ <= due)
        return;
    armed_ = true;
    armed_for_ = due;
    self_->delayed_send(self_, std::max(due - now(), clock_time::duration::zero()), hold_tick{++epoch_});
}

void queue_state::handle(hold_tick tick) {
    if (tick.epoch != epoch_)
        return;
    armed_ = false;
    const auto due = held_.take_due(now());
    release_held(due.size());
    add(options_.metrics->pulls_expired, due.size());
    for (const auto& pull : due)
        answer_expired(pull);
    fail_late_reads();
    if (last_active_ + options_.idle <= now()) {
        if (held_.empty() && reads_.empty() && turns_.empty())
            self_->send(options_.owner, queue_idle{options_.queue, options_.instance});
        last_active_ = now();
    }
    arm();
}

void queue_state::handle(finish order) {
    for (const auto& pull : take_everything()) {
        if (order.process_ends)
            refuse(pull, {errc::shutting_down, "the broker is ending; use another one"});
        else
            answer_expired(pull);
    }
    if (watching_)
        self_->send(options_.log_writer, unwatch_queue{options_.queue, queue_actor{self_}});
    // The owner lives on through many queues: it must not keep a note of each.
    self_->demonitor(options_.owner.address());
    self_->quit();
}

queue_actor::behavior_type queue(queue_actor::stateful_pointer<queue_state> self, queue_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](const pull_from_queue& pull) { self->state.handle(pull); },
        [self](const pull_abandoned& order) { self->state.handle(order); },
        [self](const records_arrived& event) { self->state.handle(event); },
        [self](const records_read& result) { self->state.handle(result); },
        [self](hold_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

queue_actor spawn_queue(caf::actor_system& system, queue_options options) {
    return system.spawn(queue, std::move(options));
}

} // namespace troupe::actors
