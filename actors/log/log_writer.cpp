#include "actors/log/log_writer.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/log/pending_acks.hpp"
#include "actors/messages/type_ids.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace troupe::actors {

namespace {

using storage::flush_mode;

class log_writer_state {
public:
    static inline const char* name = "log_writer";

    void start(log_writer_actor::pointer self, log_writer_options options);
    void handle(append_records& work);
    void handle(const watch_queue& order);
    void handle(const unwatch_queue& order);
    void handle(const watch_growth& order);
    caf::result<topic_index_dropped> handle(const drop_topic_index& order);
    void handle(write_tick);
    void handle(probe_tick);
    void handle(retain_tick);
    void handle(finish);

private:
    /// What a collected record needs to be answered; the records themselves are in batch_.
    struct collected {
        ticket_holder_actor holder;
        std::uint64_t ticket = 0;
        std::size_t bytes = 0;
        std::int32_t count = 0;
    };

    void commit();
    void collect_counts();
    void accept(const std::vector<storage::placed_records>& places);
    void sync();
    void answer(std::vector<pending_ack> acks);
    void fail_collected(const error& failure);
    void note_touched(const topic_queue& queue, std::size_t number);
    void tell_watchers(const std::vector<storage::placed_records>& places);
    [[nodiscard]] fresh_records join(const std::vector<std::size_t>& numbers, const std::vector<storage::placed_records>& places) const;
    void nudge(std::size_t bytes);
    void note_transactions();

    log_writer_actor::pointer self_ = nullptr;
    log_writer_options options_;
    std::vector<storage::unplaced_records> batch_; ///< collected, then as written until its watchers are told
    std::vector<collected> collected_;
    std::size_t batch_bytes_ = 0;
    std::vector<stored_count> counts_;      ///< of the batch under way
    std::vector<topic_queue> count_queues_; ///< counts_ points into it
    bool write_tick_sent_ = false;
    pending_acks acks_;
    struct watching {
        records_watcher_actor actor;
        bool wants_records = true;
        std::vector<std::size_t> numbers; ///< of its records in batch_; some: its queue is in touched_
    };
    std::unordered_map<topic_queue, watching> watchers_;
    std::vector<topic_queue> touched_; ///< watched queues of the batch, each once
    growth_watcher_actor growth_watcher_;
    std::unordered_set<topic_queue> growing_;    ///< that it wants to know of
    std::vector<topic_queue> grown_;             ///< of those, in the batch
    std::shared_ptr<admission> fresh_admission_; ///< bytes of records on their way to watchers, or with them
    std::size_t unindexed_bytes_ = 0;            ///< since the last nudge
    std::size_t unsynced_bytes_ = 0;             ///< likewise
    std::chrono::steady_clock::time_point next_retain_;
    std::chrono::steady_clock::time_point next_rest_; ///< when what was too much for one tick goes on
};

void log_writer_state::start(log_writer_actor::pointer self, log_writer_options options) {
    self_ = self;
    options_ = std::move(options);
    fresh_admission_ = std::make_shared<admission>(options_.fresh_room_bytes);
    self_->delayed_send(self_, options_.probe_interval, probe_tick{});
    next_retain_ = self_->clock().now() + options_.retain_interval;
    self_->delayed_send(self_, options_.retain_interval, retain_tick{});
}

void log_writer_state::handle(append_records& work) {
    for (auto& entry : work.entries) {
        const auto bytes = entry.records.bytes.size();
        if (!watchers_.empty())
            note_touched(entry.records.queue, batch_.size());
        if (!growing_.empty() && growing_.contains(entry.records.queue))
            grown_.push_back(entry.records.queue);
        collected_.push_back({work.reply_to, entry.ticket, bytes, entry.records.count});
        batch_.push_back(std::move(entry.records));
        batch_bytes_ += bytes;
        if (batch_bytes_ >= options_.batch_bytes_max && !work.together)
            commit();
    }
    if (batch_bytes_ >= options_.batch_bytes_max)
        commit();
    if (!batch_.empty() && !write_tick_sent_) {
        write_tick_sent_ = true;
        self_->send(self_, write_tick{});
    }
}

void log_writer_state::handle(write_tick) {
    write_tick_sent_ = false;
    commit();
}

/// Writes what is collected and, in flush mode sync, syncs; then answers.
void log_writer_state::commit() {
    if (batch_.empty())
        return;
    const auto began = std::chrono::steady_clock::now();
    batch_bytes_ = 0;
    collect_counts();
    const auto places = options_.store->append(std::span{batch_}, options_.now());
    if (!places) {
        fail_collected(places.failure());
        return;
    }
    note_transactions();
    options_.traffic->stored(counts_);
    std::int64_t messages = 0;
    for (const auto& one : counts_)
        messages += one.messages;
    accept(*places);
    if (options_.store->options().flush == flush_mode::sync)
        sync();
    const auto took = std::chrono::steady_clock::now() - began;
    add(options_.metrics->commits);
    add(options_.metrics->commit_us, static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    options_.traffic->put_took(std::chrono::duration_cast<std::chrono::microseconds>(took), messages);
    tell_watchers(*places);
    batch_.clear();
}

/// Before the records are gone to the store: what they will count as.
void log_writer_state::collect_counts() {
    counts_.clear();
    if (count_queues_.size() < batch_.size())
        count_queues_.resize(batch_.size()); // never smaller: its texts are written over, not made anew
    for (const auto& records : batch_) {
        if (counts_.empty() || *counts_.back().queue != records.queue) {
            auto& queue = count_queues_[counts_.size()];
            queue = records.queue;
            counts_.push_back({&queue, 0, 0});
        }
        counts_.back().messages += records.count;
        counts_.back().bytes += static_cast<std::int64_t>(records.bytes.size());
    }
}

void log_writer_state::accept(const std::vector<storage::placed_records>& places) {
    std::size_t bytes = 0;
    log_position written;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto& sent = collected_[i];
        bytes += sent.bytes;
        written = places[i].end;
        options_.append_admission->release(sent.bytes);
        add(options_.metrics->put_messages, static_cast<std::uint64_t>(sent.count));
        acks_.add({places[i].end, sent.holder, {sent.ticket, {}, places[i]}});
    }
    add(options_.metrics->put_bytes, bytes);
    collected_.clear();
    if (options_.store->options().flush == flush_mode::async)
        answer(acks_.release(written));
    nudge(bytes);
}

void log_writer_state::sync() {
    const auto durable = options_.store->flush();
    if (durable) {
        answer(acks_.release(*durable));
        return;
    }
    write_log(log_level::error, "log writer: " + to_string(durable.failure()));
    add(options_.metrics->put_failures, acks_.size());
    answer(acks_.fail_all(durable.failure()));
}

void log_writer_state::fail_collected(const error& failure) {
    std::vector<pending_ack> failed;
    for (const auto& sent : collected_) {
        options_.append_admission->release(sent.bytes);
        failed.push_back({{}, sent.holder, {sent.ticket, failure, {}}});
    }
    add(failure.code == errc::busy ? options_.metrics->busy_answers : options_.metrics->put_failures, failed.size());
    collected_.clear();
    batch_.clear();
    for (const auto& queue : std::exchange(touched_, {}))
        if (const auto watcher = watchers_.find(queue); watcher != watchers_.end())
            watcher->second.numbers.clear();
    answer(std::move(failed));
}

/// One message per holder, whatever the number of tickets. There are few holders: one per gateway.
void log_writer_state::answer(std::vector<pending_ack> acks) {
    std::vector<std::pair<ticket_holder_actor, records_appended>> answers;
    for (auto& ack : acks) {
        auto place = std::find_if(answers.begin(), answers.end(), [&ack](const auto& one) { return one.first == ack.holder; });
        if (place == answers.end())
            place = answers.insert(answers.end(), {ack.holder, {}});
        place->second.outcomes.push_back(std::move(ack.outcome));
    }
    for (auto& [holder, outcomes] : answers)
        self_->send(holder, std::move(outcomes));
}

/// Element `number` of the batch goes to `queue`.
void log_writer_state::note_touched(const topic_queue& queue, std::size_t number) {
    const auto known = watchers_.find(queue);
    if (known == watchers_.end())
        return;
    auto& numbers = known->second.numbers;
    if (numbers.empty())
        touched_.push_back(queue);
    numbers.push_back(number);
}

void log_writer_state::tell_watchers(const std::vector<storage::placed_records>& places) {
    if (!grown_.empty()) {
        std::sort(grown_.begin(), grown_.end());
        grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
        self_->send(growth_watcher_, queues_grew{std::exchange(grown_, {})});
    }
    for (const auto& queue : std::exchange(touched_, {})) {
        const auto known = watchers_.find(queue);
        if (known == watchers_.end() || known->second.numbers.empty())
            continue;
        auto& watcher = known->second;
        if (const auto bounds = options_.store->bounds(queue)) {
            records_arrived event{*bounds, watcher.wants_records ? join(watcher.numbers, places) : fresh_records{}};
            if (event.fresh.first + event.fresh.count > bounds->max)
                event.fresh = {}; // written, but not durable
            self_->send(watcher.actor, std::move(event));
        }
        watcher.numbers.clear();
    }
}

/// What the batch holds of one queue; nothing if that is much, which is better read by those who want it.
fresh_records log_writer_state::join(const std::vector<std::size_t>& numbers, const std::vector<storage::placed_records>& places) const {
    std::size_t bytes = 0;
    for (const auto number : numbers)
        bytes += batch_[number].bytes.size();
    if (bytes > options_.fresh_bytes_max || !fresh_admission_->try_acquire(bytes))
        return {};
    fresh_records fresh{places[numbers.front()].first, 0, {}, std::make_shared<const admitted>(fresh_admission_, bytes)};
    std::string records;
    records.reserve(bytes);
    for (const auto number : numbers) {
        records += batch_[number].bytes;
        fresh.count += batch_[number].count;
    }
    fresh.records = payload{std::move(records)};
    return fresh;
}

/// Wakes those who go behind the writer, before there is too much for them.
void log_writer_state::nudge(std::size_t bytes) {
    unindexed_bytes_ += bytes;
    if (unindexed_bytes_ >= options_.index_nudge_bytes && options_.indexer) {
        unindexed_bytes_ = 0;
        self_->send(options_.indexer, index_tick{});
    }
    unsynced_bytes_ += bytes;
    if (unsynced_bytes_ >= options_.flush_nudge_bytes && options_.flusher) {
        unsynced_bytes_ = 0;
        self_->send(options_.flusher, sync_tick{});
    }
}

/// For whoever takes half messages.
void log_writer_state::note_transactions() {
    if (options_.transactions)
        options_.transactions->pending.store(options_.store->pending_count(), std::memory_order_relaxed);
}

void log_writer_state::handle(const watch_queue& order) {
    auto& watcher = watchers_[order.queue];
    watcher.actor = order.watcher;
    watcher.wants_records = order.wants_records;
    // What is collected already was not noted for this watcher, and the bounds of now do not hold it yet.
    watcher.numbers.clear();
    std::erase(touched_, order.queue);
    for (std::size_t number = 0; number < batch_.size(); ++number)
        if (batch_[number].queue == order.queue)
            note_touched(order.queue, number);
    const auto bounds = options_.store->bounds(order.queue);
    if (bounds)
        self_->send(order.watcher, records_arrived{*bounds});
    else
        write_log(log_level::error, "log writer: bounds of " + order.queue.topic + ": " + to_string(bounds.failure()));
}

void log_writer_state::handle(const watch_growth& order) {
    growth_watcher_ = order.watcher;
    if (!order.begin) {
        growing_.erase(order.queue);
        return;
    }
    growing_.insert(order.queue);
    for (const auto& records : batch_)
        if (records.queue == order.queue)
            grown_.push_back(order.queue);
    self_->send(growth_watcher_, queues_grew{{order.queue}});
}

void log_writer_state::handle(const unwatch_queue& order) {
    const auto known = watchers_.find(order.queue);
    if (known != watchers_.end() && known->second.actor == order.watcher)
        watchers_.erase(known);
}

caf::result<topic_index_dropped> log_writer_state::handle(const drop_topic_index& order) {
    commit(); // what was sent before the order goes with the rest
    if (const auto dropped = options_.store->forget_topic(order.topic); !dropped)
        return make_caf_error(dropped.failure());
    return topic_index_dropped{};
}

void log_writer_state::handle(probe_tick) {
    options_.store->probe_disk();
    self_->delayed_send(self_, options_.probe_interval, probe_tick{});
}

void log_writer_state::handle(retain_tick) {
    const auto removed = options_.store->retain(options_.now(), options_.segments_per_tick_max);
    if (!removed)
        write_log(log_level::warning, "retention: " + to_string(removed.failure()));
    note_transactions();
    // A tick that somebody else sent, to look at once, does not start a second series, neither of these nor of the regular ones.
    const auto now = self_->clock().now();
    if (removed && *removed >= options_.segments_per_tick_max && now >= next_rest_) {
        next_rest_ = now + options_.retain_pause;
        self_->delayed_send(self_, options_.retain_pause, retain_tick{});
    }
    if (now < next_retain_)
        return;
    next_retain_ = now + options_.retain_interval;
    self_->delayed_send(self_, options_.retain_interval, retain_tick{});
}

void log_writer_state::handle(finish) {
    commit();
    if (options_.store->options().flush == flush_mode::async)
        sync();
    answer(acks_.fail_all({errc::shutting_down, "the broker ends before the messages are durable"}));
    self_->quit();
}

log_writer_actor::behavior_type log_writer(log_writer_actor::stateful_pointer<log_writer_state> self, log_writer_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](append_records& work) { self->state.handle(work); },
        [self](const watch_queue& order) { self->state.handle(order); },
        [self](const unwatch_queue& order) { self->state.handle(order); },
        [self](const watch_growth& order) { self->state.handle(order); },
        [self](const drop_topic_index& order) { return self->state.handle(order); },
        [self](write_tick tick) { self->state.handle(tick); },
        [self](probe_tick tick) { self->state.handle(tick); },
        [self](retain_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

log_writer_actor spawn_log_writer(caf::actor_system& system, log_writer_options options) {
    return spawn_blocking_role(system, log_writer, std::move(options));
}

} // namespace troupe::actors
