#include "actors/schedule/timer_book.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace troupe::actors {

namespace {

using storage::read_status;

constexpr std::chrono::milliseconds reopen_interval{1'000};
/// Timers that may have one name; more of them are not looked at.
constexpr std::size_t same_name_max = 64;
constexpr std::int32_t page_timers = 256;
/// Looks at what is new that may go before one at what is due.
constexpr int intakes_before_delivery = 16;

const storage::record_filter every_message;

bool has_passed(timestamp_ms since, std::chrono::milliseconds interval, timestamp_ms now) {
    return now < since || now - since >= interval.count();
}

} // namespace

result<timer_log_ends> find_timer_log_ends(const storage::message_store& log) {
    const auto timers = log.bounds(timer_queue());
    const auto notes = log.bounds(timer_done_queue());
    if (!timers || !notes)
        return timers ? notes.failure() : timers.failure();
    return timer_log_ends{timers->max, notes->max};
}

timer_book::timer_book(timer_book_options options, std::unique_ptr<storage::timer_store> store)
    : options_{std::move(options)},
      store_{std::move(store)},
      schedule_{store_->lowest(), options_.undurable_max},
      reach_{options_.ends.timers, options_.ends.notes} {
    saved_at_ = options_.log->stats().log_end;
}

timer_book::~timer_book() = default;

timer_book::step timer_book::next(timestamp_ms now) {
    now_ = now;
    step done;
    result<bool> more = false;
    switch (phase_) {
    case phase::failed: {
        const auto opened = reopen(now);
        more = opened ? result<bool>{phase_ != phase::failed} : result<bool>{opened.failure()};
        break;
    }
    case phase::opening: more = open(); break;
    case phase::catching_up: more = catch_up(); break;
    case phase::ready: {
        more = take_in();
        // What was stored before comes first, unless that never ends.
        if (more && *more && ++intakes_ < intakes_before_delivery)
            break;
        intakes_ = 0;
        if (const auto removed = more ? remove_delivered() : more; !removed || *removed)
            more = removed;
        if (const auto filled = more ? fill_batch(now, done.append) : more; !filled || *filled)
            more = filled;
        break;
    }
    }
    if (more)
        if (const auto saved = checkpoint(now); !saved)
            more = saved.failure();
    if (!more)
        fail(more.failure(), now);
    done.again = more && *more;
    if (done.append) {
        append_under_way_ = true;
        append_is_stale_ = phase_ == phase::failed;
    }
    switch (phase_) {
    case phase::failed: done.wake = now + reopen_interval.count(); break;
    case phase::ready: done.wake = schedule_.wake(now); break;
    default: done.wake = now + timer_schedule::durable_interval.count(); break;
    }
    return done;
}

// ---- the store, and what the log has beyond it -----------------------------------------------------------------------

/// Compares the store's progress with what the log has.
result<bool> timer_book::open() {
    if (is_log_durable_needed_ && options_.log->stats().log_durable < log_end_)
        return false;
    const auto timers = options_.log->bounds(timer_queue());
    const auto notes = options_.log->bounds(timer_done_queue());
    if (!timers || !notes)
        return timers ? notes.failure() : timers.failure();
    storage::timer_changes changes;
    auto& progress = changes.after;
    progress = store_->progress();
    const bool is_new = progress == storage::timer_progress{} && store_->pending() == 0;
    if (!is_new && progress.taken < timers->min) {
        const auto lost = timers->min - progress.taken;
        counts_.lost += static_cast<std::uint64_t>(lost);
        warn(std::to_string(lost) + " timers were removed from the log before they were taken in; they are lost");
    }
    if (!is_new && progress.done < notes->min)
        warn(std::to_string(notes->min - progress.done) +
             " notes of delivered timers were removed from the log before they were taken in; those timers are delivered again");
    // A power loss in flush mode async may have taken records that were worked off.
    const auto within = [](queue_offset offset, queue_offset reach, const storage::queue_bounds& bounds) {
        return std::clamp(std::min(offset, reach), bounds.min, bounds.max);
    };
    progress.taken = within(progress.taken, reach_.taken, *timers);
    progress.done = within(progress.done, reach_.done, *notes);
    if (progress != store_->progress())
        if (auto written = write(changes); !written)
            return written.failure();
    schedule_ = timer_schedule{store_->lowest(), options_.undurable_max};
    passed_over_.reset();
    caught_up_ = timers->max;
    phase_ = phase::catching_up;
    return true;
}

result<bool> timer_book::catch_up() {
    if (store_->progress().taken < caught_up_) {
        auto taken = take_in();
        return taken ? result<bool>{true} : taken;
    }
    auto more = take_notes();
    if (!more || *more)
        return more;
    phase_ = phase::ready;
    failure_reported_ = false;
    return true;
}

/// Goes back to the last durable state of the store, and works off the log from there.
result<void> timer_book::reopen(timestamp_ms now) {
    // The answer to what is on its way decides what the log has.
    if (append_under_way_ || !has_passed(failed_at_, reopen_interval, now))
        return {};
    if (auto opened = store_->reopen(); !opened)
        return opened;
    is_log_durable_needed_ = true;
    log_end_ = options_.log->stats().log_end;
    unsaved_since_.reset();
    written_while_saving_.reset();
    is_saving_ = false;
    phase_ = phase::opening;
    return {};
}

void timer_book::fail(const error& failure, timestamp_ms now) {
    if (!std::exchange(failure_reported_, true))
        warn("timers wait until this is mended: " + to_string(failure));
    phase_ = phase::failed;
    failed_at_ = now;
    append_is_stale_ = append_under_way_;
}

/// What is written is unsaved until the flush that began after it is seen done: retention may take its records from the log then.
result<void> timer_book::checkpoint(timestamp_ms now) {
    if (is_saving_) {
        const auto done = store_->is_flushed();
        if (!done)
            return done.failure();
        if (!*done)
            return {};
        is_saving_ = false;
        unsaved_since_ = std::exchange(written_while_saving_, std::nullopt);
    }
    if (!unsaved_since_)
        return {};
    const auto end = options_.log->stats().log_end;
    if (end - saved_at_ < static_cast<std::int64_t>(options_.checkpoint_bytes) &&
        !has_passed(*unsaved_since_, options_.checkpoint_interval, now))
        return {};
    if (auto begun = store_->flush(options_.checkpoints_wait); !begun)
        return begun;
    saved_at_ = end;
    is_saving_ = true;
    return {};
}

/// Writes what is collected; `changes` is then empty and goes on from there.
result<void> timer_book::write(storage::timer_changes& changes) {
    if (auto written = store_->change(changes); !written)
        return written;
    reach_ = changes.after;
    for (const auto& timer : changes.add)
        schedule_.added(timer.key);
    changes.add.clear();
    changes.remove.clear();
    changes.lost.clear();
    auto& since = is_saving_ ? written_while_saving_ : unsaved_since_;
    since = since.value_or(now_);
    return {};
}

// ---- taking in --------------------------------------------------------------------------------------------------------

result<bool> timer_book::take_in() {
    storage::timer_changes changes;
    changes.after = store_->progress();
    const auto bounds = options_.log->bounds(timer_queue());
    if (!bounds)
        return bounds.failure();
    if (changes.after.taken == bounds->max)
        return false;
    const auto read = options_.log->read(timer_queue(), changes.after.taken, every_message, options_.intake);
    if (!read)
        return read.failure();
    switch (read->status) {
    case read_status::found:
    case read_status::no_match:
        if (read->damaged > 0) {
            counts_.lost += static_cast<std::uint64_t>(read->damaged);
            warn(std::to_string(read->damaged) + " timers are damaged in the log; they are lost");
        }
        if (auto taken = read_intake(*read, changes); !taken)
            return taken.failure();
        break;
    case read_status::offset_too_small:
        counts_.lost += static_cast<std::uint64_t>(read->next - changes.after.taken);
        warn(std::to_string(read->next - changes.after.taken) +
             " timers were removed from the log before they were taken in; they are lost");
        break;
    case read_status::offset_too_large: // somebody removed the topic
        changes.after.taken = read->bounds.min;
        if (auto written = write(changes); !written)
            return written.failure();
        return true;
    case read_status::at_end:
    case read_status::empty_queue: return false;
    }
    changes.after.taken = read->next;
    if (auto written = write(changes); !written)
        return written.failure();
    return read->next < read->bounds.max;
}

result<void> timer_book::read_intake(const storage::read_records& read, storage::timer_changes& changes) {
    changes.add.reserve(static_cast<std::size_t>(read.count));
    dropped_timers dropped;
    for (auto rest = read.records.view(); !rest.empty();) {
        const auto size = protocol::record_size(rest);
        if (!size)
            return size.failure();
        const auto record = rest.substr(0, *size);
        rest.remove_prefix(*size);
        const auto facts = timer_facts_of(protocol::view_record(record).properties);
        if (facts.is_recall) {
            changes.after.taken = protocol::record_offset(record);
            if (auto taken = take_recall(facts, changes); !taken)
                return taken;
            continue;
        }
        if (!facts.due || facts.topic.empty()) {
            if (++dropped.count == 1)
                dropped.first = "offset " + to_string(protocol::record_offset(record)) + " of topic " + std::string{timer_topic} +
                                " says not when it is due, or for which topic it is";
            continue;
        }
        ++counts_.taken_in;
        changes.add.push_back({{*facts.due, protocol::record_position(record)},
                               storage::timer_name_hash(facts.topic, facts.unique_key),
                               std::string{record}});
    }
    report(dropped);
    return {};
}

void timer_book::report(const dropped_timers& dropped) {
    if (dropped.count == 0)
        return;
    counts_.dropped += dropped.count;
    warn(std::to_string(dropped.count) + " timers are dropped; the first, " + dropped.first);
}

result<void> timer_book::take_recall(const timer_facts& facts, storage::timer_changes& changes) {
    // The timer may be among those just collected.
    if (auto written = write(changes); !written)
        return written;
    const auto timers = named(facts.topic, facts.unique_key);
    if (!timers)
        return timers.failure();
    for (const auto& timer : *timers) {
        if (schedule_.is_taken(timer.key))
            continue; // too late
        changes.remove.push_back({timer.key, timer.name_hash});
        ++counts_.recalled;
    }
    let_go(storage::timer_name_hash(facts.topic, facts.unique_key));
    return {};
}

/// One recall of this name is under way no more: timers that it held back, and that are there, come now.
void timer_book::let_go(std::uint64_t name_hash) {
    const auto known = recalled_.find(name_hash);
    if (known == recalled_.end())
        return;
    recalled_.erase(known);
    if (passed_over_)
        schedule_.look_again(*std::exchange(passed_over_, std::nullopt));
}

/// After a start: what was delivered, and is still in the store.
result<bool> timer_book::take_notes() {
    storage::timer_changes changes;
    changes.after = store_->progress();
    const auto read = options_.log->read(timer_done_queue(), changes.after.done, every_message, options_.intake);
    if (!read)
        return read.failure();
    if (read->status != read_status::found && read->status != read_status::no_match)
        return false;
    const auto notes = protocol::decode_records(read->records);
    if (!notes)
        return notes.failure();
    std::set<storage::timer_key> seen;
    for (const auto& note : *notes) {
        const auto keys = decode_done_note(note.body.view());
        if (!keys) {
            warn("offset " + to_string(note.offset) + " of topic " + note.topic + ": " + keys.failure().text);
            continue;
        }
        for (const auto& key : *keys) {
            const auto timer = store_->get(key);
            if (timer && seen.insert(key).second)
                changes.remove.push_back({key, timer->name_hash});
            else if (!timer && timer.code() == errc::corrupt && seen.insert(key).second)
                changes.lost.push_back(key); // delivered, so nothing is lost
            else if (!timer && timer.code() != errc::message_not_found && timer.code() != errc::corrupt)
                return timer.failure();
        }
    }
    changes.after.done = read->next;
    if (auto written = write(changes); !written)
        return written.failure();
    return true;
}

// ---- delivery -----------------------------------------------------------------------------------------------------------

result<bool> timer_book::fill_batch(timestamp_ms now, std::optional<batch>& made) {
    const auto from = schedule_.look(now);
    if (!from)
        return false;
    const auto due = store_->read(*from, now, options_.batch);
    if (!due)
        return due.failure();
    if (const auto forgotten = forget_damaged(due->damaged); !forgotten || *forgotten)
        return forgotten; // looks again
    batch filled;
    std::vector<storage::timer_changes::removal> timers;
    std::vector<storage::timer_key> keys;
    dropped_timers dropped;
    for (const auto& timer : due->timers) {
        if (schedule_.is_taken(timer.key))
            continue;
        if (recalled_.contains(timer.name_hash)) {
            passed_over_ = std::min(passed_over_.value_or(timer.key), timer.key);
            continue;
        }
        assert(timer.key.due <= now);
        add_copy(timer, now, filled, dropped);
        timers.push_back({timer.key, timer.name_hash});
        keys.push_back(timer.key);
    }
    dropped_under_way_ = std::move(dropped);
    copies_under_way_ = filled.records.size();
    schedule_.looked(std::move(timers), due->next);
    if (keys.empty())
        return due->next.due <= now;
    auto note = make_done_note(keys);
    note.born = now;
    note.born_host = note.store_host = options_.store_host;
    auto record = protocol::encode_record(note);
    if (!record)
        return record.failure();
    filled.bytes += record->size();
    filled.records.push_back({timer_done_queue(), std::move(*record), 1});
    made = std::move(filled);
    return false;
}

/// What cannot be read can never be delivered, and must not keep the others from it.
result<bool> timer_book::forget_damaged(const std::vector<storage::timer_key>& damaged) {
    storage::timer_changes changes;
    changes.after = store_->progress();
    for (const auto& key : damaged)
        if (!schedule_.is_taken(key)) // else it was read before, and is removed soon
            changes.lost.push_back(key);
    if (changes.lost.empty())
        return false;
    const auto count = changes.lost.size();
    const auto first = changes.lost.front();
    if (auto written = write(changes); !written)
        return written.failure();
    counts_.lost += count;
    warn(std::to_string(count) + " timers are damaged on disk, they are lost; the first was due at " + to_string(first.due) +
         ", and its record was at log position " + to_string(first.position));
    return true;
}

/// Who hears of what is dropped hears of it once for each batch.
void timer_book::add_copy(const storage::stored_timer& timer, timestamp_ms now, batch& to, dropped_timers& dropped) {
    const auto drop = [&dropped, &timer](const std::string& why) {
        if (++dropped.count == 1)
            dropped.first = "the one due at " + to_string(timer.key.due) + ": " + why;
    };
    auto message = protocol::decode_record(payload{timer.record});
    if (!message)
        return drop(message.failure().text);
    if (const auto home = unpark_timer(*message, *options_.topics->current(), now); !home)
        return drop(home.failure().text);
    message->store_host = options_.store_host;
    auto record = protocol::encode_record(*message);
    if (!record)
        return drop(record.failure().text);
    to.bytes += record->size();
    to.records.push_back({{message->topic, message->queue}, std::move(*record), 1});
}

void timer_book::appended(const storage::placed_records& note) {
    append_under_way_ = false;
    if (std::exchange(append_is_stale_, false))
        return; // the note tells, once the store is open again
    counts_.delivered += copies_under_way_;
    report(dropped_under_way_);
    schedule_.delivered(note.end, note.first + 1);
}

void timer_book::not_appended(timestamp_ms now) {
    append_under_way_ = false;
    if (std::exchange(append_is_stale_, false))
        return;
    schedule_.failed(now);
}

result<bool> timer_book::remove_delivered() {
    if (!schedule_.is_waiting_for_durable())
        return false;
    for (const auto& delivered : schedule_.take_durable(options_.log->stats().log_durable)) {
        storage::timer_changes changes;
        changes.remove = delivered.timers;
        changes.after = store_->progress();
        changes.after.done = delivered.done;
        if (auto written = write(changes); !written)
            return written.failure();
        schedule_.removed(delivered);
    }
    return false;
}

// ---- recalls, and questions of people -----------------------------------------------------------------------------------

namespace {

bool is_named(const storage::stored_timer& timer, std::string_view topic, std::string_view unique_key) {
    const auto facts = timer_facts_of(protocol::view_record(timer.record).properties);
    return facts.topic == topic && facts.unique_key == unique_key;
}

} // namespace

result<std::vector<storage::stored_timer>> timer_book::named(std::string_view topic, std::string_view unique_key) const {
    const auto keys = store_->find(storage::timer_name_hash(topic, unique_key), same_name_max);
    if (!keys)
        return keys.failure();
    std::vector<storage::stored_timer> timers;
    for (const auto& key : *keys) {
        auto timer = store_->get(key);
        if (!timer && (timer.code() == errc::message_not_found || timer.code() == errc::corrupt))
            continue; // lost, or to be
        if (!timer)
            return timer.failure();
        if (is_named(*timer, topic, unique_key))
            timers.push_back(*std::move(timer));
    }
    return timers;
}

timer_book::recall_outcome timer_book::recall(std::string_view topic, std::string_view unique_key) {
    if (!is_ready()) // what was delivered may be back until the notes are read
        return recall_outcome::busy;
    const auto timers = named(topic, unique_key);
    if (!timers || recalled_.size() >= options_.recalls_max)
        return recall_outcome::busy;
    if (std::any_of(timers->begin(), timers->end(), [this](const auto& timer) { return schedule_.is_taken(timer.key); }))
        return recall_outcome::too_late;
    if (timers->empty() && behind() == 0)
        return recall_outcome::not_there;
    recalled_.insert(storage::timer_name_hash(topic, unique_key));
    return recall_outcome::accepted;
}

void timer_book::recall_failed(std::string_view topic, std::string_view unique_key) {
    let_go(storage::timer_name_hash(topic, unique_key));
}

namespace {

timer_shown shown(const storage::stored_timer& timer) {
    const auto view = protocol::view_record(timer.record);
    const auto facts = timer_facts_of(view.properties);
    return {timer.key,        std::string{facts.topic}, std::string{facts.unique_key}, protocol::record_stored(timer.record),
            view.body.size(), payload{timer.record}};
}

} // namespace

result<timer_book::page> timer_book::list(const storage::timer_key& from, std::string_view topic, std::int32_t max,
                                          std::int32_t scan_max) const {
    page found;
    found.next = from;
    std::int32_t scanned = 0;
    std::size_t scanned_bytes = 0;
    std::size_t page_bytes = 0;
    while (scanned < scan_max && scanned_bytes < scan_bytes_max && found.next != storage::no_timer_key) {
        storage::timer_read_limits limits;
        limits.timers_max = std::min(page_timers, scan_max - scanned);
        const auto read = store_->read(found.next, storage::no_timer_key.due, limits);
        if (!read)
            return read.failure();
        for (const auto& timer : read->timers) {
            const auto bytes = timer.record.size();
            ++scanned;
            scanned_bytes += bytes;
            if (!topic.empty() && timer_facts_of(protocol::view_record(timer.record).properties).topic != topic)
                continue;
            const bool is_full =
                static_cast<std::int32_t>(found.timers.size()) == max || (!found.timers.empty() && page_bytes + bytes > page_bytes_max);
            if (is_full) {
                found.next = timer.key;
                return found;
            }
            page_bytes += bytes;
            found.timers.push_back(shown(timer));
        }
        scanned += static_cast<std::int32_t>(read->damaged.size());
        found.next = read->next;
    }
    return found;
}

result<timer_shown> timer_book::find(std::string_view topic, std::string_view unique_key) const {
    const auto timers = named(topic, unique_key);
    if (!timers)
        return timers.failure();
    if (timers->empty())
        return error{errc::message_not_found, "no timer for topic " + std::string{topic} + " with unique key " + std::string{unique_key} +
                                                  " is pending; it was delivered or recalled, or never sent"};
    return shown(timers->front());
}

void timer_book::close() {
    if (phase_ == phase::failed)
        return;
    const auto removed = remove_delivered();
    const auto saved = removed ? store_->flush(true) : result<void>{removed.failure()};
    if (!saved)
        warn("the last changes are not saved, and are taken from the log at the next start: " + to_string(saved.failure()));
}

std::int64_t timer_book::behind() const {
    const auto bounds = options_.log->bounds(timer_queue());
    return bounds ? std::max<std::int64_t>(bounds->max - store_->progress().taken, 0) : 0;
}

std::int64_t timer_book::late_ms(timestamp_ms now) const {
    return store_->pending() == 0 || schedule_.place().due > now ? 0 : now - schedule_.place().due;
}

void timer_book::warn(const std::string& text) const {
    if (options_.warn)
        options_.warn(text);
}

} // namespace troupe::actors
