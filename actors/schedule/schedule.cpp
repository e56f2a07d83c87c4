#include "actors/schedule/schedule.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/schedule/delay_schedule.hpp"
#include "actors/schedule/delayed_message.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

topic_queue queue_of(std::size_t level) {
    return {std::string{schedule_topic}, queue_id{static_cast<std::int32_t>(level)}};
}

/// A clock that is set forward is noticed after this long.
constexpr std::chrono::milliseconds sleep_max{1'000};

class schedule_state {
public:
    static inline const char* name = "schedule";

    void start(schedule_actor::pointer self, schedule_options options);
    void handle(const records_appended& result);
    void handle(schedule_tick tick);
    void handle(const finish& order);

private:
    /// Messages of one level on their way to the log.
    struct delivery {
        delay_schedule::sighting seen;
        std::vector<queue_offset> offsets;                         ///< by number within the batch
        std::vector<std::pair<queue_offset, std::string>> dropped; ///< those that have no topic to go to, and why
        std::int32_t damaged = 0;
        std::size_t open = 0;
        log_position end;
        std::optional<queue_offset> failed; ///< first that was not stored
        error failure;
    };

    void look_around();
    void deliver(std::size_t level, due_found& due);
    [[nodiscard]] result<append_entry> prepare(protocol::message message) const;
    void settle(std::size_t level, delivery& done);
    void failed(std::size_t level, queue_offset next, const error& failure);
    void report_removed(std::size_t level, std::int64_t count);
    void report_dropped(std::size_t level, const delivery& done, queue_offset next);
    void note(log_position durable);
    void send_notes();
    void ask_durable();
    void arm();
    void end_if_idle();

    schedule_actor::pointer self_ = nullptr;
    schedule_options options_;
    std::optional<delay_schedule> schedule_;
    std::optional<durable_progress> progress_;
    std::map<std::size_t, delivery> deliveries_; ///< by level
    std::map<std::size_t, queue_offset> notes_;  ///< by level: to be noted
    bool note_under_way_ = false;
    bool asking_durable_ = false;
    bool is_failing_ = false; ///< a row of failures is reported once
    bool finishing_ = false;
    std::uint64_t epoch_ = 0;
};

/// What a batch's tickets count from: level and number within the batch.
constexpr std::uint64_t tickets_per_level = 1u << 20;

void schedule_state::start(schedule_actor::pointer self, schedule_options options) {
    self_ = self;
    options_ = std::move(options);
    schedule_.emplace(options_.levels.delays, options_.levels.next);
    progress_.emplace(options_.levels.delays.size());
    self_->monitor(options_.log_writer);
    self_->set_down_handler([this](const caf::down_msg& event) { self_->quit(event.reason); });
    self_->set_error_handler([](caf::error& failure) { write_log(log_level::warning, "schedule: " + to_string(to_error(failure))); });
    look_around();
}

void schedule_state::handle(schedule_tick tick) {
    if (tick.epoch != epoch_ || finishing_)
        return;
    ask_durable();
    look_around();
}

void schedule_state::look_around() {
    for (const auto& look : schedule_->take_due(options_.now())) {
        const auto level = look.level;
        const auto from = look.from;
        self_->request(options_.reader, options_.request_deadline, find_due{queue_of(level), from, look.stored_by, look.known_below})
            .then([this, level](due_found& due) { deliver(level, due); },
                  [this, level, from](const caf::error& failure) { failed(level, from, to_error(failure)); });
    }
    arm();
}

/// Keeps one timer running, for the earliest thing due.
void schedule_state::arm() {
    if (finishing_)
        return;
    auto wait = sleep_max;
    if (const auto due = schedule_->next_due())
        wait = std::clamp(std::chrono::milliseconds{*due - options_.now()}, std::chrono::milliseconds{0}, sleep_max);
    self_->delayed_send(self_, wait, schedule_tick{++epoch_});
}

void schedule_state::deliver(std::size_t level, due_found& due) {
    if (finishing_) {
        end_if_idle();
        return;
    }
    report_removed(level, due.removed);
    delivery batch;
    batch.seen = {due.next, due.stored, due.max};
    batch.damaged = due.damaged;
    append_records work;
    std::size_t bytes = 0;
    const auto messages = protocol::decode_records(due.records);
    if (!messages) // every record has been checked by the reader
        return failed(level, schedule_->next(level), messages.failure());
    for (const auto& message : *messages) {
        auto entry = prepare(message);
        if (!entry) {
            batch.dropped.emplace_back(message.offset, entry.failure().text);
            continue;
        }
        entry->ticket = level * tickets_per_level + batch.offsets.size();
        bytes += entry->records.bytes.size();
        batch.offsets.push_back(message.offset);
        work.entries.push_back(std::move(*entry));
    }
    if (work.entries.empty()) {
        report_dropped(level, batch, due.next);
        schedule_->done(level, batch.seen, options_.now());
        if (due.removed > 0 || due.damaged > 0 || !messages->empty())
            progress_->delivered(level, due.next, {});
        note({});
        return arm();
    }
    if (!options_.append_admission->try_acquire(bytes))
        return failed(level, batch.offsets.front(), {errc::busy, "too many bytes wait to be written"});
    batch.open = work.entries.size();
    work.reply_to = ticket_holder_actor{self_};
    deliveries_.insert_or_assign(level, std::move(batch));
    self_->send(options_.log_writer, std::move(work));
}

void schedule_state::report_removed(std::size_t level, std::int64_t count) {
    if (count == 0)
        return;
    add(options_.metrics->scheduled_lost, static_cast<std::uint64_t>(count));
    write_log(log_level::error, "schedule: " + std::to_string(count) + " delayed messages of level " + std::to_string(level + 1) +
                                    " were removed by retention before they were due; they are lost");
}

/// Says once what of a batch does not go on, when everything before `next` is done: what comes behind is looked at again.
void schedule_state::report_dropped(std::size_t level, const delivery& done, queue_offset next) {
    if (done.damaged > 0 && next == done.seen.next) {
        add(options_.metrics->scheduled_lost, static_cast<std::uint64_t>(done.damaged));
        write_log(log_level::error, "schedule: " + std::to_string(done.damaged) + " delayed messages of level " +
                                        std::to_string(level + 1) + " are damaged; they are lost");
    }
    const auto count = std::count_if(done.dropped.begin(), done.dropped.end(), [next](const auto& one) { return one.first < next; });
    if (count == 0)
        return;
    add(options_.metrics->scheduled_dropped, static_cast<std::uint64_t>(count));
    write_log(log_level::warning, "schedule: " + std::to_string(count) + " delayed messages of level " + std::to_string(level + 1) +
                                      " are dropped; the first, " + to_string(done.dropped.front().first) + ": " +
                                      done.dropped.front().second);
}

/// The message as it goes to its topic; a failure if it has none to go to.
result<append_entry> schedule_state::prepare(protocol::message message) const {
    if (const auto home = send_home(message, *options_.topics->current()); !home)
        return home.failure();
    message.store_host = options_.store_host;
    auto record = protocol::encode_record(message);
    if (!record)
        return record.failure();
    append_entry entry;
    entry.records.queue = {message.topic, message.queue};
    entry.records.bytes = std::move(*record);
    return entry;
}

void schedule_state::handle(const records_appended& result) {
    for (const auto& outcome : result.outcomes) {
        const auto level = static_cast<std::size_t>(outcome.ticket / tickets_per_level);
        const auto found = deliveries_.find(level);
        if (found == deliveries_.end())
            continue;
        auto& batch = found->second;
        const auto offset = batch.offsets[outcome.ticket % tickets_per_level];
        if (outcome.failure.code == errc::none) {
            batch.end = std::max(batch.end, outcome.placed.end);
            add(options_.metrics->scheduled_delivered);
        } else if (!batch.failed || offset < *batch.failed) {
            batch.failed = offset;
            batch.failure = outcome.failure;
        }
        if (--batch.open > 0)
            continue;
        auto done = std::move(batch);
        deliveries_.erase(found);
        settle(level, done);
    }
    end_if_idle();
}

void schedule_state::settle(std::size_t level, delivery& done) {
    const auto next = done.failed.value_or(done.seen.next);
    if (next > schedule_->next(level))
        progress_->delivered(level, next, done.end);
    report_dropped(level, done, next);
    note(options_.durable_when_appended ? done.end : log_position{});
    if (done.failed)
        return failed(level, next, done.failure);
    is_failing_ = false;
    schedule_->done(level, done.seen, options_.now());
    if (schedule_->next_due() <= options_.now() && !finishing_)
        return look_around();
    arm();
}

void schedule_state::failed(std::size_t level, queue_offset next, const error& failure) {
    if (!std::exchange(is_failing_, true))
        write_log(log_level::warning, "schedule: level " + std::to_string(level + 1) + " is tried again: " + to_string(failure));
    schedule_->failed(level, next, options_.now());
    end_if_idle();
    arm();
}

// ---- progress -------------------------------------------------------------------------------------------------------

void schedule_state::note(log_position durable) {
    for (const auto& [level, next] : progress_->take(durable))
        notes_.insert_or_assign(level, next);
    send_notes();
}

/// One message at a time: what comes meanwhile goes with the next. Without a deadline: a keeper that ends, ends the broker.
void schedule_state::send_notes() {
    if (notes_.empty() || note_under_way_)
        return;
    note_under_way_ = true;
    note_offsets order;
    for (const auto& [level, next] : std::exchange(notes_, {}))
        order.offsets.emplace_back(progress_key{std::string{schedule_group}, queue_of(level)}, next);
    const auto answered = [this] {
        note_under_way_ = false;
        send_notes();
        end_if_idle();
    };
    self_->request(options_.offset_keeper, caf::infinite, std::move(order))
        .then([answered](offsets_noted) { answered(); }, [answered](const caf::error&) { answered(); });
}

/// Flush mode async: the log flusher tells nobody, so the question is asked while something waits for it.
void schedule_state::ask_durable() {
    if (options_.durable_when_appended || asking_durable_ || !progress_->is_waiting())
        return;
    asking_durable_ = true;
    self_->request(options_.reader, options_.request_deadline, find_durable_position{})
        .then(
            [this](durable_position_found found) {
                asking_durable_ = false;
                note(found.position);
            },
            [this](const caf::error&) { asking_durable_ = false; });
}

void schedule_state::handle(const finish&) {
    finishing_ = true;
    end_if_idle();
}

void schedule_state::end_if_idle() {
    if (finishing_ && deliveries_.empty() && notes_.empty() && !note_under_way_)
        self_->quit();
}

schedule_actor::behavior_type schedule(schedule_actor::stateful_pointer<schedule_state> self, schedule_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](const records_appended& result) { self->state.handle(result); },
        [](const pull_answered&) {}, // it pulls nothing
        [self](schedule_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

result<delay_levels_start> find_delay_levels_start(const storage::message_store& store, std::vector<std::chrono::milliseconds> delays,
                                                   const std::vector<std::pair<progress_key, queue_offset>>& offsets) {
    delay_levels_start start;
    start.delays = std::move(delays);
    auto levels = start.delays.size();
    std::map<topic_queue, queue_offset> known;
    for (const auto& [key, offset] : offsets)
        if (key.group == schedule_group)
            known.emplace(key.queue, offset);
    for (std::size_t level = 0; level < delay_levels_max; ++level) {
        const auto queue = queue_of(level);
        const auto bounds = store.bounds(queue);
        if (!bounds)
            return bounds.failure();
        const auto noted = known.find(queue);
        // A power loss in flush mode async may have taken messages whose delivery was noted.
        const auto next = noted == known.end() ? bounds->min : std::min(noted->second, bounds->max);
        start.next.push_back(next);
        if (next < bounds->max)
            levels = std::max(levels, level + 1);
    }
    start.next.resize(levels);
    start.delays.resize(levels, *std::max_element(start.delays.begin(), start.delays.end()));
    return start;
}

schedule_actor spawn_schedule(caf::actor_system& system, schedule_options options) {
    return system.spawn(schedule, std::move(options));
}

} // namespace troupe::actors
