#include "storage/message_store.hpp"

#include "protocol/message_codec.hpp"
#include "storage/batch_header.hpp"
#include "storage/commit_log.hpp"
#include "storage/file_system.hpp"
#include "storage/log_index.hpp"
#include "storage/raise.hpp"
#include "storage/recovery.hpp"
#include "storage/retention.hpp"
#include "storage/store_reader.hpp"
#include "storage/topic_retention.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <utility>

namespace troupe::storage {

std::size_t batch_bytes_max(const store_options& options) {
    return static_cast<std::size_t>(options.segment_bytes) - batch_header_bytes - filler_bytes;
}

bool record_filter::wants_tag(std::int32_t hash) const {
    return tag_hashes.empty() || std::binary_search(tag_hashes.begin(), tag_hashes.end(), hash);
}

bool record_filter::matches(std::string_view properties) const {
    if (!tag_hashes.empty()) {
        const auto tag = protocol::find_property(properties, protocol::property_name::tags);
        if (!wants_tag(tag ? protocol::tag_hash(*tag) : 0))
            return false;
    }
    return !wants || wants(properties);
}

class message_store::implementation {
public:
    implementation(std::shared_ptr<file_system> files, store_options options)
        : files_{std::move(files)}, options_{std::move(options)}, damage_{files_, options_} {}
    ~implementation() { close(); }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;

    result<void> open();
    result<std::vector<placed_records>> append(std::span<unplaced_records> batch, timestamp_ms now);
    result<log_position> flush();
    void probe_disk();
    result<std::size_t> retain(timestamp_ms now, std::size_t segments_max);
    result<void> forget_topic(std::string_view topic);
    result<bool> trim_topic(const std::string& topic, std::int32_t queues, const topic_rule& rule, timestamp_ms now,
                            std::size_t entries_max) const {
        const topic_retention::step how{index_->log_min(), log_position{visible_.load(std::memory_order_acquire)}, now, entries_max};
        return retention_->apply(topic, queues, rule, how);
    }
    void untrim_topic(std::string_view topic) const { retention_->forget(topic); }
    result<bool> persist_index(bool force);
    [[nodiscard]] const transaction_index& transactions() const { return index_->transactions(); }
    [[nodiscard]] log_position visible() const { return log_position{visible_.load(std::memory_order_acquire)}; }
    [[nodiscard]] store_stats stats() const;
    [[nodiscard]] const store_reader& reader() const { return *reader_; }
    [[nodiscard]] store_state state() const { return state_.load(std::memory_order_acquire); }
    [[nodiscard]] const recovery_report& recovered() const { return recovered_; }
    [[nodiscard]] const store_options& options() const { return options_; }
    [[nodiscard]] result<std::string> dump_index() const { return index_->dump(); }

private:
    /// A batch on its way into the log: records in order, and what the indexes will say of them.
    struct group {
        struct element {
            queue_handle queue;
            queue_offset first;
            std::size_t first_record = 0;
        };
        std::vector<element> elements;
        std::vector<pending_record> records;
        std::vector<index_entry> entries; ///< one per record
        std::vector<key_entry> keys;      ///< position: number of the record, until it has one
        /// Of transactions, by number of the record, with the topic, which its element holds.
        std::vector<std::pair<std::size_t, std::string_view>> transactional;
    };

    result<void> check_writable() const;
    result<void> check_index_room();
    result<void> take_apart(std::span<unplaced_records> batch, group& all);
    result<void> take_apart(unplaced_records& element, group& all);
    void index_group(group& all, timestamp_ms stored);
    error note_failure(const error& cause);
    void enter(store_state state, store_event event, const std::string& reason);
    void publish_end();
    result<bool> has_room() const;
    void close();
    void report(store_event event, const std::string& text) const;

    std::shared_ptr<file_system> files_;
    store_options options_;
    damage_reporter damage_;
    std::unique_ptr<file_lock> lock_;
    std::unique_ptr<log_index> index_;
    std::unique_ptr<commit_log> log_;
    topic_floors floors_;
    std::unique_ptr<store_reader> reader_;
    std::unique_ptr<topic_retention> retention_;
    recovery_report recovered_;

    // Of the writer.
    group group_; ///< memory that is used again from append to append
    record_facts facts_;
    std::vector<transaction_event> events_;
    timestamp_ms last_stored_;
    log_position probed_end_{-1};

    // For everybody.
    std::atomic<std::int64_t> indexed_{0}; ///< everything below is in the log, and in the index in memory
    std::atomic<std::int64_t> visible_{0}; ///< readers see what is below
    std::atomic<std::int64_t> durable_{0}; ///< synced, and not above indexed_: the indexer may write what is below
    std::atomic<store_state> state_{store_state::open};
    std::atomic<errc> index_failure_{errc::none}; ///< of the last persist_index
    mutable std::mutex reason_mutex_;
    std::string reason_;
    std::atomic<std::uint64_t> appended_records_{0};
    std::atomic<std::uint64_t> appended_bytes_{0};
    std::atomic<std::uint64_t> syncs_{0};
    std::atomic<std::uint64_t> transactions_lost_{0};
};

result<void> message_store::implementation::open() {
    auto lock = claim_directory(*files_, options_.directory);
    if (!lock) {
        return lock.failure();
    }
    lock_ = *std::move(lock);
    auto store = recover_store(files_, options_);
    if (!store) {
        return store.failure();
    }
    index_ = std::move(store->index);
    log_ = std::move(store->log);
    recovered_ = std::move(store->report);
    last_stored_ = store->last_stored;
    indexed_ = durable_ = visible_ = log_->end().value();
    reader_ = std::make_unique<store_reader>(*log_, *index_, floors_, visible_, damage_);
    retention_ = std::make_unique<topic_retention>(index_->queues(), floors_);
    report(store_event::recovered, options_.directory.string() + ": log from " + to_string(log_->min_position()) + " to " +
                                       to_string(log_->end()) + ", replayed " + std::to_string(recovered_.replayed_records) +
                                       " records from " + to_string(recovered_.checkpoint) + " in " +
                                       std::to_string(recovered_.elapsed_us) + " us");
    probe_disk();
    return {};
}

result<void> message_store::implementation::check_writable() const {
    switch (state()) {
    case store_state::open: break;
    case store_state::closed: return error{errc::shutting_down, options_.directory.string() + ": the store is closed"};
    case store_state::disk_full:
    case store_state::read_only: {
        const std::lock_guard guard{reason_mutex_};
        return error{state() == store_state::disk_full ? errc::disk_full : errc::store_read_only, reason_};
    }
    }
    return {};
}

result<void> message_store::implementation::check_index_room() {
    if (index_->memory_bytes() <= options_.index_memory_bytes_max) {
        return {};
    }
    const auto text = options_.directory.string() + ": " + std::to_string(index_->memory_bytes()) +
                      " bytes of index wait to be written, at most " + std::to_string(options_.index_memory_bytes_max) + " may";
    switch (index_failure_.load(std::memory_order_acquire)) {
    case errc::none: return error{errc::busy, text};
    case errc::disk_full: return error{errc::disk_full, text};
    default:
        // Only opening it again helps the index, and the log holds all that it lacks.
        enter(store_state::read_only, store_event::read_only,
              text + ", and writing it failed; reading goes on; check the disk and restart the broker");
        return check_writable();
    }
}

result<std::vector<placed_records>> message_store::implementation::append(std::span<unplaced_records> batch, timestamp_ms now) {
    if (auto writable = check_writable(); !writable) {
        return writable.failure();
    }
    if (auto room = check_index_room(); !room) {
        return room.failure();
    }
    std::vector<placed_records> placed;
    if (batch.empty()) {
        return placed;
    }
    auto& all = group_;
    all.elements.clear();
    all.records.clear();
    all.entries.clear();
    all.keys.clear();
    all.transactional.clear();
    // Store times do not decrease in the log, whatever the clock does: searches by time rely on it.
    const auto stored = std::max(now, last_stored_);
    auto appended = take_apart(batch, all);
    auto end = appended ? log_->append(all.records, stored) : result<log_position>{appended.failure()};
    if (!end) {
        for (const auto& element : all.elements) {
            queue_index::cancel(*element.queue);
        }
        return appended ? note_failure(end.failure()) : end.failure();
    }
    last_stored_ = stored;
    index_group(all, stored);
    publish_end();
    placed.reserve(batch.size());
    for (std::size_t i = 0; i < all.elements.size(); ++i) {
        const auto& element = all.elements[i];
        const auto end_record = i + 1 < all.elements.size() ? all.elements[i + 1].first_record : all.records.size();
        const auto& last = all.records[end_record - 1];
        placed.push_back({element.first, all.records[element.first_record].position,
                          last.position + static_cast<std::int64_t>(last.bytes.size()), stored});
    }
    all.elements.clear(); // lets go of the queues
    return placed;
}

result<void> message_store::implementation::take_apart(std::span<unplaced_records> batch, group& all) {
    for (auto& element : batch) {
        if (auto taken = take_apart(element, all); !taken) {
            return taken;
        }
    }
    return {};
}

result<void> message_store::implementation::take_apart(unplaced_records& element, group& all) {
    auto queue = index_->queues().find(element.queue);
    if (!queue) {
        return queue.failure();
    }
    const auto first_record = all.records.size();
    for (std::span<char> rest{element.bytes}; !rest.empty();) {
        auto size = protocol::record_size({rest.data(), rest.size()});
        if (!size) {
            return size.failure();
        }
        const auto record = rest.first(*size);
        const std::string_view text{record.data(), record.size()};
        const auto view = protocol::view_record(text);
        if (view.topic != element.queue.topic || protocol::record_queue(text) != element.queue.queue) {
            return error{errc::argument_illegal, "a record of topic " + std::string{view.topic} + " was given to queue " +
                                                     to_string(element.queue.queue) + " of topic " + element.queue.topic};
        }
        find_facts(view.topic, view.properties, facts_);
        for (const auto hash : facts_.key_hashes) {
            all.keys.push_back({hash, log_position{static_cast<std::int64_t>(all.records.size())}, timestamp_ms{}});
        }
        if (tells_of_transaction(view.topic, text)) {
            all.transactional.emplace_back(all.records.size(), element.queue.topic);
        }
        all.entries.push_back({log_position{}, static_cast<std::int32_t>(*size), facts_.tag_hash, timestamp_ms{}});
        all.records.push_back({record, queue_offset{}});
        rest = rest.subspan(*size);
    }
    const auto count = static_cast<std::int64_t>(all.records.size() - first_record);
    if (count == 0 || count != element.count) {
        return error{errc::argument_illegal, "a batch for topic " + element.queue.topic + " holds " + std::to_string(count) +
                                                 " records, not " + std::to_string(element.count)};
    }
    all.records[first_record].batch_bytes = element.bytes.size();
    auto offset = queue_index::reserve(**queue, count);
    all.elements.push_back({*std::move(queue), offset, first_record});
    for (auto& record : std::span{all.records}.subspan(first_record)) {
        record.offset = offset;
        ++offset;
    }
    return {};
}

void message_store::implementation::index_group(group& all, timestamp_ms stored) {
    std::uint64_t bytes = 0;
    for (std::size_t e = 0; e < all.elements.size(); ++e) {
        const auto end_record = e + 1 < all.elements.size() ? all.elements[e + 1].first_record : all.records.size();
        for (auto r = all.elements[e].first_record; r < end_record; ++r) {
            all.entries[r].position = all.records[r].position;
            all.entries[r].stored = stored;
            index_->queues().add(all.elements[e].queue, all.entries[r]);
            bytes += all.records[r].bytes.size();
        }
    }
    for (auto& key : all.keys) {
        key.position = all.records[static_cast<std::size_t>(key.position.value())].position;
        key.stored = stored;
    }
    index_->keys().add(all.keys);
    events_.clear();
    for (const auto& [number, topic] : all.transactional) {
        const auto& bytes_of = all.records[number].bytes;
        events_.push_back(read_transaction_event(topic, {bytes_of.data(), bytes_of.size()}));
    }
    index_->transactions().apply(events_);
    appended_records_.fetch_add(all.records.size(), std::memory_order_relaxed);
    appended_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

/// What the log holds is in the index too.
void message_store::implementation::publish_end() {
    indexed_.store(log_->end().value(), std::memory_order_release);
    if (options_.flush == flush_mode::async) {
        visible_.store(log_->end().value(), std::memory_order_release);
    }
}

result<log_position> message_store::implementation::flush() {
    if (state() == store_state::read_only || state() == store_state::closed) {
        return check_writable().failure();
    }
    // The log may be ahead of the index while the writer is between the two; a checkpoint there would lose the entries.
    const auto indexed = indexed_.load(std::memory_order_acquire);
    auto durable = log_->sync();
    if (!durable) {
        return note_failure(durable.failure());
    }
    syncs_.fetch_add(1, std::memory_order_relaxed);
    raise(durable_, indexed);
    if (options_.flush == flush_mode::sync) {
        raise(visible_, indexed);
    }
    return *durable;
}

/// Takes the state that a failure of the log means, and returns what the caller should say.
error message_store::implementation::note_failure(const error& cause) {
    if (log_->failed()) {
        const auto reason = options_.directory.string() + ": nothing is stored any more after a failed write (" + cause.text +
                            "); reading goes on; check the disk and restart the broker";
        enter(store_state::read_only, store_event::read_only, reason);
        return {errc::store_read_only, reason};
    }
    if (cause.code == errc::disk_full) {
        enter(store_state::disk_full, store_event::disk_full, cause.text);
    }
    return cause;
}

void message_store::implementation::enter(store_state state, store_event event, const std::string& reason) {
    {
        // Writer and flusher may both have something to say; what only a restart ends stays.
        const std::lock_guard guard{reason_mutex_};
        const auto before = state_.load(std::memory_order_relaxed);
        if (before == state || before == store_state::read_only || before == store_state::closed) {
            return;
        }
        reason_ = reason;
        state_.store(state, std::memory_order_release);
    }
    report(event, reason);
}

result<bool> message_store::implementation::has_room() const {
    auto space = log_->space();
    if (!space) {
        return space.failure();
    }
    return space->free_bytes >= log_->room_wanted_bytes() && space->used_ratio() <= options_.disk_full_ratio;
}

void message_store::implementation::probe_disk() {
    if (state() != store_state::open && state() != store_state::disk_full) {
        return;
    }
    const auto room = has_room();
    if (room && !*room) {
        enter(store_state::disk_full, store_event::disk_full,
              options_.directory.string() + ": the disk is full (less than " + std::to_string(log_->room_wanted_bytes()) +
                  " bytes free, or over the full ratio of " + std::to_string(options_.disk_full_ratio) + "); free some space");
    } else if (room && state() == store_state::disk_full) {
        enter(store_state::open, store_event::disk_room, options_.directory.string() + ": there is room on the disk again");
    }
    // A writer that is idle states how far the log is durable, so that damage to its end can be told from a torn tail.
    if (state() == store_state::open && std::exchange(probed_end_, log_->end()) == log_->end() && log_->durable() == log_->end() &&
        log_->end() > log_position{0}) {
        if (auto sealed = log_->seal(last_stored_); !sealed) {
            const auto noted = note_failure(sealed.failure());
            static_cast<void>(noted); // the state says it
        }
        probed_end_ = log_->end();
    }
}

result<std::size_t> message_store::implementation::retain(timestamp_ms now, std::size_t segments_max) {
    auto space = log_->space();
    if (!space) {
        return space.failure();
    }
    const auto segments = log_->segments();
    const auto decision = decide_retention(
        segments, *space, {options_.retention_age, options_.retention_bytes, options_.disk_clean_ratio, segments_max}, now);
    if (decision.segments == 0) {
        return std::size_t{0};
    }
    auto removed = log_->remove_segments_before(decision.keep_from);
    const auto lost = index_->set_log_min(log_->min_position());
    transactions_lost_.fetch_add(lost, std::memory_order_relaxed);
    if (removed && *removed > 0) {
        report(store_event::segment_removed,
               options_.directory.string() + ": removed " + std::to_string(*removed) + " segments (rule: " +
                   std::string{to_string_view(decision.reason)} + "), the log begins at " + to_string(log_->min_position()) +
                   (lost == 0 ? "" : "; " + std::to_string(lost) + " transactions without an outcome went with them"));
    }
    return removed;
}

result<void> message_store::implementation::forget_topic(std::string_view topic) {
    if (auto writable = check_writable(); !writable) {
        return writable;
    }
    if (auto room = index_->can_write(); !room) { // asked before the order is in the log, which then must be followed
        return room;
    }
    protocol::message order;
    order.topic = forget_topic_name;
    order.body = payload{std::string{topic}};
    auto record = protocol::encode_record(order);
    if (!record) {
        return record.failure();
    }
    pending_record pending{{record->data(), record->size()}, queue_offset{0}};
    if (auto end = log_->append({&pending, 1}, last_stored_); !end) {
        return note_failure(end.failure());
    }
    // What the log does not hold for sure must not be done: the records before it would be back after a crash.
    if (auto synced = log_->sync(); !synced) {
        return note_failure(synced.failure());
    }
    if (auto forgotten = index_->forget(topic, pending.position); !forgotten) {
        // The log says so and the index does not. Nothing is published any more, so no checkpoint passes the order, and the
        // next start replays it.
        const auto reason = options_.directory.string() + ": the index could not follow the removal of topic " + std::string{topic} + " (" +
                            forgotten.failure().text + "); restart the broker when there is room";
        enter(store_state::read_only, store_event::read_only, reason);
        return error{errc::store_read_only, reason};
    }
    publish_end();
    if (auto flushed = flush(); !flushed) {
        return flushed.failure();
    }
    return {};
}

result<bool> message_store::implementation::persist_index(bool force) {
    auto more = index_->persist(log_position{durable_.load(std::memory_order_acquire)}, options_.checkpoint_bytes, force);
    index_failure_.store(more.code(), std::memory_order_relaxed);
    return more;
}

store_stats message_store::implementation::stats() const {
    store_stats all;
    all.state = state();
    {
        const std::lock_guard guard{reason_mutex_};
        all.state_reason = all.state == store_state::open ? std::string{} : reason_;
    }
    // Both follow the end, which moves while we look: read after them, it is never before them, and differences are never below 0.
    all.index_persisted = index_->checkpoint();
    all.log_durable = log_->durable();
    all.log_end = log_->end();
    all.log_min = log_->min_position();
    all.segments = log_->segments().size();
    all.appended_records = appended_records_.load(std::memory_order_relaxed);
    all.appended_bytes = appended_bytes_.load(std::memory_order_relaxed);
    all.syncs = syncs_.load(std::memory_order_relaxed);
    all.damaged_records = recovered_.damaged_ranges + damage_.records();
    all.queues = index_->queues().queues();
    all.index_memory_bytes = index_->memory_bytes();
    all.transactions_pending = index_->transactions().size();
    all.transactions_lost = transactions_lost_.load(std::memory_order_relaxed);
    return all;
}

/// Leaves as little as possible to the next start. What fails here is found again by recovery.
void message_store::implementation::close() {
    if (!log_ || !index_) {
        return;
    }
    // A log that was never written to stays so, which tells a first start that failed from a store that has lost its metadata.
    if (!log_->failed() && flush() && (log_->end() == log_position{0} || log_->seal(last_stored_))) {
        publish_end();
        durable_.store(log_->durable().value(), std::memory_order_release);
        for (auto more = persist_index(true); more && *more;) {
            more = persist_index(true);
        }
    }
    state_.store(store_state::closed, std::memory_order_release);
}

void message_store::implementation::report(store_event event, const std::string& text) const {
    if (options_.on_event) {
        options_.on_event(event, text);
    }
}

// ---- message_store -------------------------------------------------------------------------------------------------

message_store::message_store(std::unique_ptr<implementation> made) : implementation_{std::move(made)} {}
message_store::~message_store() = default;

result<std::unique_ptr<message_store>> message_store::open(std::shared_ptr<file_system> files, store_options options) {
    auto made = std::make_unique<implementation>(std::move(files), std::move(options));
    if (auto opened = made->open(); !opened) {
        return opened.failure();
    }
    return std::unique_ptr<message_store>{new message_store{std::move(made)}};
}

result<std::vector<placed_records>> message_store::append(std::vector<unplaced_records> batch, timestamp_ms now) {
    return implementation_->append(batch, now);
}
result<std::vector<placed_records>> message_store::append(std::span<unplaced_records> batch, timestamp_ms now) {
    return implementation_->append(batch, now);
}
result<log_position> message_store::flush() {
    return implementation_->flush();
}
void message_store::probe_disk() {
    implementation_->probe_disk();
}
result<std::size_t> message_store::retain(timestamp_ms now, std::size_t segments_max) {
    return implementation_->retain(now, segments_max);
}
result<bool> message_store::trim_topic(const std::string& topic, std::int32_t queues, const topic_rule& rule, timestamp_ms now,
                                       std::size_t entries_max) const {
    return implementation_->trim_topic(topic, queues, rule, now, entries_max);
}
void message_store::untrim_topic(std::string_view topic) const {
    implementation_->untrim_topic(topic);
}
result<void> message_store::forget_topic(std::string_view topic) {
    return implementation_->forget_topic(topic);
}
result<bool> message_store::persist_index(bool force) {
    return implementation_->persist_index(force);
}
result<read_records> message_store::read(const topic_queue& queue, queue_offset from, const record_filter& filter,
                                         read_limits limits) const {
    return implementation_->reader().read(queue, from, filter, limits);
}
result<queue_bounds> message_store::bounds(const topic_queue& queue) const {
    return implementation_->reader().bounds(queue);
}
result<queue_offset> message_store::offset_at_or_after(const topic_queue& queue, timestamp_ms time) const {
    return implementation_->reader().offset_at_or_after(queue, time);
}
result<queue_offset> message_store::offset_at_or_before(const topic_queue& queue, timestamp_ms time) const {
    return implementation_->reader().offset_at_or_before(queue, time);
}
result<timestamp_ms> message_store::stored_at(const topic_queue& queue, queue_offset offset) const {
    return implementation_->reader().stored_at(queue, offset);
}
result<payload> message_store::record_at(log_position position) const {
    return implementation_->reader().record_at(position);
}
result<std::vector<payload>> message_store::find_by_key(std::string_view topic, std::string_view key, timestamp_ms begin, timestamp_ms end,
                                                        std::int32_t messages_max, std::optional<log_position> below) const {
    return implementation_->reader().find_by_key(topic, key, begin, end, messages_max, below);
}
std::optional<pending_transaction> message_store::pending(log_position position) const {
    return implementation_->transactions().find(position);
}
std::optional<resumed_transaction> message_store::resumed_as(log_position given_up) const {
    return implementation_->transactions().resumed_as(given_up);
}
std::vector<pending_transaction> message_store::list_pending(log_position after, std::size_t count_max) const {
    return implementation_->transactions().list(after, implementation_->visible(), count_max);
}
std::size_t message_store::pending_count() const {
    return implementation_->transactions().size();
}
store_stats message_store::stats() const {
    return implementation_->stats();
}
store_state message_store::state() const {
    return implementation_->state();
}
const recovery_report& message_store::recovered() const {
    return implementation_->recovered();
}
const store_options& message_store::options() const {
    return implementation_->options();
}
result<std::string> message_store::dump_index() const {
    return implementation_->dump_index();
}

} // namespace troupe::storage
