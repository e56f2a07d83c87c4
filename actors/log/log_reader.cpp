#include "actors/log/log_reader.hpp"

#include "actors/base/spawn_role.hpp"
#include "actors/log/runtime_info.hpp"
#include "actors/messages/type_ids.hpp"
#include "storage/earliest_record.hpp"
#include "storage/file_system.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

std::string_view to_string_view(storage::store_state state) {
    switch (state) {
    case storage::store_state::open: return "open";
    case storage::store_state::disk_full: return "disk_full";
    case storage::store_state::read_only: return "read_only";
    case storage::store_state::closed: return "closed";
    }
    return "unknown";
}

/// Of one read_page. Its records are copied as one write: they must fit into a group commit and into a frame.
constexpr std::int32_t page_messages_max = 1'024;
constexpr std::size_t page_bytes_max = 1u << 20;
/// Index entries that one step of a topic's retention looks at: a few milliseconds.
constexpr std::size_t trimmed_entries_max = 20'000;

class log_reader_state {
public:
    static inline const char* name = "log_reader";

    void start(log_reader_actor::pointer self, log_reader_options options) {
        self_ = self;
        options_ = std::move(options);
    }
    void handle(const read_queue& order);
    caf::result<offset_found> handle(const find_max_offset& order);
    caf::result<offset_found> handle(const find_min_offset& order);
    caf::result<offset_found> handle(const search_offset& order);
    caf::result<topic_described> handle(const describe_queues& order);
    caf::result<group_described> handle(const describe_progress& order);
    caf::result<broker_described> handle(const describe_store& order);
    caf::result<record_at_read> handle(const read_record_at& order);
    caf::result<offsets_located> handle(const locate_offsets& order);
    caf::result<bounds_found> handle(const find_bounds& order);
    caf::result<page_read> handle(const read_page& order);
    caf::result<ages_described> handle(const describe_ages& order);
    caf::result<lag_measured> handle(const measure_lag& order);
    caf::result<topic_trimmed> handle(const trim_topic& order);
    void handle(const finish&) { self_->quit(); }

private:
    [[nodiscard]] result<queue_offset> locate(const locate_offsets& order, const topic_queue& queue) const;
    /// 0 when there is no such record (any more).
    [[nodiscard]] std::int64_t stored_ms(const topic_queue& queue, queue_offset offset) const;

    void add_disk(protocol::key_value_table& values, log_position log_min) const;

    log_reader_actor::pointer self_ = nullptr;
    log_reader_options options_;
};

void log_reader_state::handle(const read_queue& order) {
    static const storage::record_filter every_message;
    const auto began = std::chrono::steady_clock::now();
    auto found = options_.store->read(order.queue, order.from, order.filter ? *order.filter : every_message, order.limits);
    options_.read_admission->release(1);
    add(options_.metrics->reads);
    options_.traffic->read_took(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began));
    if (!found)
        add(options_.metrics->read_failures);
    if (found)
        self_->send(order.reply_to, records_read{order.read, {}, std::move(*found)});
    else
        self_->send(order.reply_to, records_read{order.read, found.failure(), {}});
}

caf::result<offset_found> log_reader_state::handle(const find_max_offset& order) {
    const auto bounds = options_.store->bounds(order.queue);
    if (!bounds)
        return make_caf_error(bounds.failure());
    return offset_found{bounds->max};
}

caf::result<offset_found> log_reader_state::handle(const find_min_offset& order) {
    const auto bounds = options_.store->bounds(order.queue);
    if (!bounds)
        return make_caf_error(bounds.failure());
    return offset_found{bounds->min};
}

caf::result<offset_found> log_reader_state::handle(const search_offset& order) {
    const auto& store = *options_.store;
    const auto found = order.upper ? store.offset_at_or_before(order.queue, order.time) : store.offset_at_or_after(order.queue, order.time);
    if (!found)
        return make_caf_error(found.failure());
    return offset_found{*found};
}

std::int64_t log_reader_state::stored_ms(const topic_queue& queue, queue_offset offset) const {
    const auto time = options_.store->stored_at(queue, offset);
    return time ? time->value() : 0;
}

caf::result<topic_described> log_reader_state::handle(const describe_queues& order) {
    topic_described described;
    for (std::int32_t i = 0; i < order.queues; ++i) {
        const topic_queue queue{order.topic, queue_id{i}};
        const auto bounds = options_.store->bounds(queue);
        if (!bounds)
            return make_caf_error(bounds.failure());
        auto& stats = described.stats[{order.topic, order.broker_name, i}];
        stats.min_offset = bounds->min.value();
        stats.max_offset = bounds->max.value();
        if (bounds->max > bounds->min)
            stats.last_stored_ms = stored_ms(queue, bounds->max + -1);
    }
    return described;
}

caf::result<group_described> log_reader_state::handle(const describe_progress& order) {
    group_described described;
    for (const auto& [queue, committed] : order.committed) {
        const auto bounds = options_.store->bounds(queue);
        if (!bounds)
            return make_caf_error(bounds.failure());
        auto& progress = described.stats.queues[{queue.topic, order.broker_name, queue.queue.value()}];
        progress.broker_offset = bounds->max.value();
        progress.consumer_offset = committed.value();
        progress.pull_offset = committed.value();
        if (committed > bounds->min)
            progress.last_stored_ms = stored_ms(queue, committed + -1);
    }
    return described;
}

void log_reader_state::add_disk(protocol::key_value_table& values, log_position log_min) const {
    if (!options_.files)
        return;
    const auto& directory = options_.store->options().directory;
    const auto earliest = storage::earliest_stored(*options_.files, directory, log_min);
    values["earliestMessageTimeStamp"] = earliest && earliest->value() > 0 ? to_string(*earliest) : "-1";
    const auto space = options_.files->space(directory);
    const bool is_known = space.ok() && space->total_bytes > 0;
    const auto ratio = is_known ? format_real(space->used_ratio()) : std::string{"-1"};
    values["commitLogDiskRatio"] = ratio;
    values["commitLogDiskRatio_" + (directory / "commitlog").string()] = ratio;
    values["consumeQueueDiskRatio"] = ratio;
    values["commitLogDirCapacity"] = is_known ? format_capacity(space->total_bytes, space->free_bytes) : format_capacity(0, 0);
}

caf::result<broker_described> log_reader_state::handle(const describe_store&) {
    const auto stats = options_.store->stats();
    broker_described described;
    auto& values = described.values;
    values["storeDirectory"] = options_.store->options().directory.string();
    values["storeState"] = to_string_view(stats.state);
    values["storeStateReason"] = stats.state_reason;
    // RocketMQ's names where it has them: admin tools parse these.
    values["commitLogMinOffset"] = to_string(stats.log_min);
    values["commitLogMaxOffset"] = to_string(stats.log_end);
    values["commitLogDurableOffset"] = to_string(stats.log_durable);
    values["remainHowManyDataToFlush"] = format_bytes(static_cast<std::uint64_t>(stats.log_end - stats.log_durable));
    values["dispatchBehindBytes"] = std::to_string(stats.log_end - stats.index_persisted);
    values["commitLogSegments"] = std::to_string(stats.segments);
    values["storeAppendedRecords"] = std::to_string(stats.appended_records);
    values["storeAppendedBytes"] = std::to_string(stats.appended_bytes);
    values["storeSyncs"] = std::to_string(stats.syncs);
    values["storeDamagedRecords"] = std::to_string(stats.damaged_records);
    values["storeQueues"] = std::to_string(stats.queues);
    values["transactionsPending"] = std::to_string(stats.transactions_pending);
    values["transactionsLostTotal"] = std::to_string(stats.transactions_lost);
    values["storeIndexMemoryBytes"] = std::to_string(stats.index_memory_bytes);
    add_disk(values, stats.log_min);
    values["appendPendingBytes"] = std::to_string(options_.append_admission->under_way());
    values["appendRefused"] = std::to_string(options_.append_admission->refused());
    return described;
}

caf::result<record_at_read> log_reader_state::handle(const read_record_at& order) {
    auto record = options_.store->record_at(order.position);
    if (!record)
        return make_caf_error(record.failure());
    return record_at_read{std::move(*record)};
}

result<queue_offset> log_reader_state::locate(const locate_offsets& order, const topic_queue& queue) const {
    if (order.offset.value() < 0 && order.time.value() >= 0)
        return options_.store->offset_at_or_after(queue, order.time);
    const auto bounds = options_.store->bounds(queue);
    if (!bounds)
        return bounds.failure();
    if (order.offset.value() < 0)
        return bounds->max;
    if (order.offset < bounds->min || bounds->max < order.offset)
        return error{errc::argument_illegal, "offset " + to_string(order.offset) + " is outside queue " + to_string(queue.queue) +
                                                 " of topic " + queue.topic + ", which goes from " + to_string(bounds->min) + " to " +
                                                 to_string(bounds->max)};
    return order.offset;
}

caf::result<offsets_located> log_reader_state::handle(const locate_offsets& order) {
    offsets_located located;
    for (const auto number : order.queues) {
        topic_queue queue{order.topic, number};
        const auto offset = locate(order, queue);
        if (!offset)
            return make_caf_error(offset.failure());
        located.offsets.emplace_back(std::move(queue), *offset);
    }
    return located;
}

caf::result<bounds_found> log_reader_state::handle(const find_bounds& order) {
    const auto bounds = options_.store->bounds(order.queue);
    if (!bounds)
        return make_caf_error(bounds.failure());
    return bounds_found{bounds->min, bounds->max};
}

caf::result<page_read> log_reader_state::handle(const read_page& order) {
    const auto bounds = options_.store->bounds(order.queue);
    if (!bounds)
        return make_caf_error(bounds.failure());
    const auto from = std::clamp(order.from, bounds->min, bounds->max);
    const storage::read_limits limits{std::clamp(order.messages_max, 1, page_messages_max), page_bytes_max};
    auto found = options_.store->read(order.queue, from, {}, limits);
    if (!found)
        return make_caf_error(found.failure());
    return page_read{std::move(found->records), found->next, found->bounds.min, found->bounds.max};
}

caf::result<ages_described> log_reader_state::handle(const describe_ages& order) {
    ages_described described;
    for (const auto& queue : order.queues) {
        const auto bounds = options_.store->bounds(queue);
        if (!bounds)
            return make_caf_error(bounds.failure());
        queue_age age{*bounds, {}, {}};
        if (bounds->min < bounds->max) {
            age.first_stored = timestamp_ms{stored_ms(queue, bounds->min)};
            age.last_stored = timestamp_ms{stored_ms(queue, bounds->max + -1)};
        }
        described.ages.push_back(age);
    }
    return described;
}

caf::result<lag_measured> log_reader_state::handle(const measure_lag& order) {
    group_lag lag;
    for (const auto& [queue, committed] : order.committed) {
        const auto bounds = options_.store->bounds(queue);
        if (!bounds)
            return make_caf_error(bounds.failure());
        const auto next = std::max(committed, bounds->min); // what retention took is no lag any more
        if (next >= bounds->max)
            continue;
        lag.messages += bounds->max - next;
        const auto stored = timestamp_ms{stored_ms(queue, next)};
        if (stored.value() > 0 && (lag.oldest.value() == 0 || stored < lag.oldest))
            lag.oldest = stored;
    }
    return lag_measured{lag};
}

caf::result<topic_trimmed> log_reader_state::handle(const trim_topic& order) {
    if (order.rule == storage::topic_rule{}) {
        options_.store->untrim_topic(order.topic);
        return topic_trimmed{};
    }
    const auto more = options_.store->trim_topic(order.topic, order.queues, order.rule, order.now, trimmed_entries_max);
    if (!more)
        return make_caf_error(more.failure());
    return topic_trimmed{*more};
}

log_reader_actor::behavior_type log_reader(log_reader_actor::stateful_pointer<log_reader_state> self, log_reader_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](const read_queue& order) { self->state.handle(order); },
        [self](const find_max_offset& order) { return self->state.handle(order); },
        [self](const find_min_offset& order) { return self->state.handle(order); },
        [self](const search_offset& order) { return self->state.handle(order); },
        [self](const describe_queues& order) { return self->state.handle(order); },
        [self](const describe_progress& order) { return self->state.handle(order); },
        [self](const describe_store& order) { return self->state.handle(order); },
        [self](const read_record_at& order) { return self->state.handle(order); },
        [self](const locate_offsets& order) { return self->state.handle(order); },
        [self](const find_bounds& order) { return self->state.handle(order); },
        [self](const read_page& order) { return self->state.handle(order); },
        [self](const describe_ages& order) { return self->state.handle(order); },
        [self](const measure_lag& order) { return self->state.handle(order); },
        [self](const trim_topic& order) { return self->state.handle(order); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

log_reader_actor spawn_log_reader(caf::actor_system& system, log_reader_options options) {
    return spawn_blocking_role(system, log_reader, std::move(options));
}

} // namespace troupe::actors
