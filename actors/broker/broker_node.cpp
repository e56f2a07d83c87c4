#include "actors/broker/broker_node.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/broker/broker.hpp"
#include "actors/broker/broker_config.hpp"
#include "actors/broker/metadata_keeper.hpp"
#include "actors/group/offset_keeper.hpp"
#include "actors/log/indexer.hpp"
#include "actors/log/log_flusher.hpp"
#include "actors/log/log_reader.hpp"
#include "actors/log/log_writer.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/schedule/delayed_message.hpp"
#include "storage/metadata_store.hpp"
#include "storage/missing_metadata.hpp"
#include "storage/pop_store.hpp"
#include "storage/timer_store.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t log_readers = 2; // one for the end of queues, one for everything else
constexpr std::size_t lookups_pending_max = 1'000;
constexpr std::size_t timer_orders_pending_max = 10'000;
constexpr std::size_t pop_orders_pending_max = 100'000;
constexpr std::size_t pop_bytes_pending_max = 64u << 20; // read for pops, and not yet with a connection

log_level level_of(storage::store_event event) {
    switch (event) {
    case storage::store_event::damaged_record:
    case storage::store_event::read_only:
    case storage::store_event::disk_full: return log_level::error;
    case storage::store_event::torn_tail_cut: return log_level::warning;
    default: return log_level::info;
    }
}

/// Where delayed messages wait. Producers find no queue of it in its route, and only this broker writes to it.
topic_config topic_of_schedule(const broker_options& options) {
    topic_config topic;
    topic.name = schedule_topic;
    topic.read_queues = topic.write_queues = static_cast<std::int32_t>(options.delay_levels.size());
    topic.perm = permission::read;
    return topic;
}

/// Where transactions end that nobody decides; kept for people, who may read it.
topic_config topic_of_given_up() {
    topic_config topic;
    topic.name = storage::transaction_given_up_topic;
    topic.read_queues = topic.write_queues = 1;
    topic.perm = permission::read;
    return topic;
}

/// A topic in which the broker itself keeps something: nobody else writes to it.
topic_config topic_of_timers(std::string_view name) {
    topic_config topic;
    topic.name = name;
    topic.read_queues = topic.write_queues = 1;
    topic.perm = permission::read;
    return topic;
}

/// Before retention can take a half message, its transaction is given up, so that the message is kept a while longer.
std::chrono::milliseconds age_to_give_up(std::chrono::milliseconds retention_age) {
    return retention_age - retention_age / 8;
}

/// Offsets are kept durably, also in flush mode async: when a power loss took the end of the log, they may be above the end of their queue.
/// They go back to it, durably, before anything is stored there: else what comes up to the old place would count as consumed. That holds for
/// pulls, for pops (which never take an offset back later), and for what was resent.
result<void> fit_to_log(std::vector<std::pair<progress_key, queue_offset>>& offsets, const storage::message_store& store,
                        storage::metadata_store& metadata) {
    std::vector<std::pair<progress_key, queue_offset>> lowered;
    for (auto& [key, offset] : offsets) {
        const auto bounds = store.bounds(key.queue);
        if (!bounds)
            return bounds.failure();
        if (offset <= bounds->max)
            continue;
        offset = bounds->max;
        lowered.emplace_back(key, offset);
    }
    if (lowered.empty())
        return {};
    const auto& first = lowered.front().first;
    write_log(log_level::warning, std::to_string(lowered.size()) +
                                      " committed offsets were above the end of their queue and go back to it, " +
                                      "as after a power loss in flush mode async; the first is that of group " + first.group +
                                      " in queue " + to_string(first.queue.queue) + " of topic " + first.queue.topic);
    return metadata.commit(lowered);
}

/// A crash or a failing disk may have left the index of a topic that was deleted: whoever makes the topic again would find its old messages.
/// Returns the topics of which that is still so, because the disk takes nothing now.
result<std::vector<std::string>> finish_deletions(storage::message_store& store, storage::metadata_store& metadata) {
    auto topics = metadata.deleted_topics();
    if (!topics)
        return topics.failure();
    std::vector<std::string> left;
    for (auto& topic : *topics) {
        auto done = store.forget_topic(topic);
        if (done)
            done = metadata.forget_deleted(topic);
        if (done)
            continue;
        write_log(log_level::warning, "topic " + topic + " is deleted, but its index cannot be dropped now (" + done.failure().text +
                                          "); until that is done it cannot be made again. Delete it again, or restart the broker, when "
                                          "the disk works");
        left.push_back(std::move(topic));
    }
    return left;
}

} // namespace

broker_node::broker_node(broker_options options)
    : options_{std::move(options)},
      append_admission_{std::make_shared<admission>(options_.append_pending_bytes_max)},
      read_admission_{std::make_shared<admission>(options_.reads_pending_max)},
      hold_admission_{std::make_shared<admission>(options_.pulls_held_max)},
      lookup_admission_{std::make_shared<admission>(lookups_pending_max)},
      transaction_room_{std::make_shared<transaction_room>(options_.transactions_pending_max)},
      timer_admission_{std::make_shared<admission>(timer_orders_pending_max)},
      pop_admission_{std::make_shared<admission>(pop_orders_pending_max)},
      pop_bytes_{std::make_shared<admission>(pop_bytes_pending_max)},
      metrics_{std::make_shared<broker_metrics>()},
      traffic_{std::make_shared<traffic_statistics>(options_.cluster)},
      deliveries_{std::make_shared<delivery_book>(options_.now())} {}

broker_node::~broker_node() {
    stop();
}

result<std::unique_ptr<broker_node>> broker_node::start(caf::actor_system& system, broker_options options,
                                                        std::shared_ptr<storage::file_system> files) {
    if (!options.store.on_event)
        options.store.on_event = [](storage::store_event event, const std::string& text) { write_log(level_of(event), text); };
    auto node = std::unique_ptr<broker_node>{new broker_node{std::move(options)}};
    // The message store first: it holds the lock of the whole directory.
    auto store = storage::message_store::open(files, node->options_.store);
    if (!store)
        return store.failure();
    if (auto there = storage::check_metadata_there(*files, node->options_.store.directory, (*store)->stats().log_end); !there)
        return there.failure();
    auto metadata = storage::metadata_store::open(files, node->options_.store.directory / "metadata");
    if (!metadata)
        return metadata.failure();
    node->store_ = std::move(*store);
    node->transaction_room_->pending.store(node->store_->pending_count(), std::memory_order_relaxed);
    node->metadata_ = std::move(*metadata);
    if (!node->metadata_->recovery_note().empty())
        write_log(log_level::warning, node->metadata_->recovery_note());
    auto topics = node->metadata_->topics();
    if (!topics)
        return topics.failure();
    auto groups = node->metadata_->groups();
    if (!groups)
        return groups.failure();
    auto offsets = node->metadata_->offsets();
    if (!offsets)
        return offsets.failure();
    if (auto fitted = fit_to_log(*offsets, *node->store_, *node->metadata_); !fitted)
        return fitted.failure();
    auto undropped = finish_deletions(*node->store_, *node->metadata_);
    if (!undropped)
        return undropped.failure();
    auto last_seen = node->metadata_->last_seen();
    if (!last_seen)
        return last_seen.failure();
    auto levels = find_delay_levels_start(*node->store_, node->options_.delay_levels, *offsets);
    if (!levels)
        return levels.failure();
    auto timers = storage::timer_store::open(files, node->options_.store.directory / "timers", node->options_.timers);
    if (!timers)
        return timers.failure();
    auto ends = find_timer_log_ends(*node->store_);
    if (!ends)
        return ends.failure();
    auto modes = node->metadata_->modes();
    if (!modes)
        return modes.failure();
    auto pops = storage::pop_store::open(files, node->options_.store.directory / "pop");
    if (!pops)
        return pops.failure();
    if (!(*pops)->recovery_note().empty())
        write_log(log_level::warning, (*pops)->recovery_note());
    auto popped = (*pops)->load();
    if (!popped)
        return popped.failure();
    node->system_ = &system;
    node->spawn_roles(files, {.topics = std::move(*topics),
                              .undropped = std::move(*undropped),
                              .groups = std::move(*groups),
                              .modes = std::move(*modes),
                              .offsets = {std::move(*offsets), std::move(*last_seen)},
                              .levels = std::move(*levels),
                              .timers = {std::move(*timers), *ends},
                              .pops = {std::move(*pops), std::move(*popped)}});
    return node;
}

void broker_node::spawn_roles(const std::shared_ptr<storage::file_system>& files, recovered found) {
    publish_topics(std::move(found.topics));
    spawn_log(files);
    spawn_keepers(std::move(found.offsets), found.groups);
    spawn_neighbours();
    spawn_delays(std::move(found.levels));
    spawn_transactions();
    spawn_timers(std::move(found.timers));
    spawn_pops(std::move(found.pops), found.groups);
    spawn_broker_role(std::move(found.groups), std::move(found.modes), std::move(found.undropped));
}

void broker_node::publish_topics(std::vector<topic_config> topics) {
    if (options_.auto_create_topics)
        topics.push_back(template_topic(options_));
    if (options_.trace_topic)
        topics.push_back(topic_of_traces());
    topics.push_back(topic_of_schedule(options_));
    topics.push_back(topic_of_given_up());
    topics.push_back(topic_of_timers(timer_topic));
    topics.push_back(topic_of_timers(timer_done_topic));
    topics.push_back(reply_topic(options_));
    directory_ =
        std::make_shared<topic_directory>(std::make_shared<const topic_snapshot>(options_.perm, options_.now().value(), std::move(topics)));
}

void broker_node::spawn_log(const std::shared_ptr<storage::file_system>& files) {
    indexer_ = spawn_indexer(*system_, {store_, options_.index_interval});
    if (options_.store.flush == storage::flush_mode::async)
        log_flusher_ = spawn_log_flusher(*system_, {store_, options_.flush_interval});
    log_writer_options writer;
    writer.store = store_;
    writer.append_admission = append_admission_;
    writer.metrics = metrics_;
    writer.traffic = traffic_;
    writer.indexer = indexer_;
    writer.flusher = log_flusher_;
    writer.transactions = transaction_room_;
    writer.now = options_.now;
    writer.batch_bytes_max = options_.append_batch_bytes_max;
    writer.probe_interval = options_.probe_interval;
    writer.retain_interval = options_.retain_interval;
    log_writer_ = spawn_log_writer(*system_, std::move(writer));
    for (std::size_t i = 0; i < log_readers; ++i)
        log_readers_.push_back(spawn_log_reader(*system_, {store_, read_admission_, append_admission_, metrics_, traffic_, files}));
    record_reader_ = spawn_record_reader(*system_, store_);
    schedule_reader_ = spawn_record_reader(*system_, store_);
}

void broker_node::spawn_keepers(offsets_start offsets, const std::vector<group_config>& groups) {
    offset_keeper_options keeper;
    keeper.metadata = metadata_;
    keeper.store = store_;
    keeper.offsets = std::move(offsets.offsets);
    keeper.metrics = metrics_;
    keeper.interval = options_.offset_interval;
    keeper.commits_pending_max = options_.commits_pending_max;
    for (const auto& group : groups)
        keeper.groups.push_back(group.name);
    keeper.last_seen = std::move(offsets.last_seen);
    keeper.unclaimed_groups_max = options_.unclaimed_groups_max;
    keeper.expiry = options_.offset_expiry;
    keeper.now = options_.now;
    offset_keeper_ = spawn_offset_keeper(*system_, std::move(keeper));
    metadata_keeper_ = spawn_metadata_keeper(*system_, metadata_);
}

void broker_node::spawn_neighbours() {
    queue_locks_ = spawn_queue_locks(*system_);
    message_finder_ = spawn_message_finder(
        *system_, {store_, directory_, lookup_admission_, offset_keeper_, options_.broker_name, options_.request_deadline, options_.now});
}

void broker_node::spawn_delays(delay_levels_start levels) {
    schedule_options schedule;
    schedule.levels = std::move(levels);
    schedule.topics = directory_;
    schedule.append_admission = append_admission_;
    schedule.metrics = metrics_;
    schedule.log_writer = log_writer_;
    schedule.reader = schedule_reader_;
    schedule.offset_keeper = offset_keeper_;
    schedule.durable_when_appended = options_.store.flush == storage::flush_mode::sync;
    schedule.store_host = options_.store_host;
    schedule.now = options_.now;
    schedule.request_deadline = options_.request_deadline;
    schedule_ = spawn_schedule(*system_, std::move(schedule));
}

void broker_node::spawn_transactions() {
    transaction_check_options transactions;
    transactions.store = store_;
    transactions.topics = directory_;
    transactions.append_admission = append_admission_;
    transactions.metrics = metrics_;
    transactions.room = transaction_room_;
    transactions.log_writer = log_writer_;
    transactions.rules = options_.transactions;
    transactions.rules.age_max = age_to_give_up(options_.store.retention_age);
    transactions.store_host = options_.store_host;
    transactions.broker_name = options_.broker_name;
    transactions.now = options_.now;
    transactions.request_deadline = options_.request_deadline;
    transactions_ = spawn_transaction_check(*system_, std::move(transactions));
}

void broker_node::spawn_timers(timers_start timers) {
    timer_keeper_options keeper;
    keeper.book.log = store_;
    keeper.book.ends = timers.ends;
    keeper.book.topics = directory_;
    keeper.book.store_host = options_.store_host;
    keeper.book.checkpoint_bytes = options_.store.checkpoint_bytes;
    keeper.broker_name = options_.broker_name;
    keeper.region = options_.region;
    keeper.horizon = options_.timer_horizon;
    keeper.recall_enabled = options_.recall_messages;
    keeper.log_writer = log_writer_;
    keeper.append_admission = append_admission_;
    keeper.orders = timer_admission_;
    keeper.metrics = metrics_;
    keeper.now = options_.now;
    timer_keeper_ = spawn_timer_keeper(*system_, std::move(keeper), std::move(timers.store));
}

void broker_node::spawn_pops(pop_start started, const std::vector<group_config>& groups) {
    for (const auto& group : groups)
        tries_->set(group.name, group.retry_max);
    pop_keeper_options pops;
    pops.tries = tries_;
    pops.leaders = leaders_;
    pops.log = store_;
    pops.topics = directory_;
    pops.metrics = metrics_;
    pops.orders = pop_admission_;
    pops.bytes = pop_bytes_;
    pops.log_writer = log_writer_;
    pops.offset_keeper = offset_keeper_;
    pops.sync = options_.store.flush == storage::flush_mode::sync;
    pops.leases_per_queue_max = options_.pop_leases_per_queue_max;
    pops.leases_total_max = options_.pop_leases_total_max;
    pops.held_max = options_.pulls_held_max;
    pops.bytes_per_pop_max = options_.bytes_per_pull_max;
    pops.request_deadline = options_.request_deadline;
    pops.now = options_.now;
    pop_keeper_ = spawn_pop_keeper(*system_, std::move(pops), std::move(started.store), started.popped);
}

void broker_node::spawn_broker_role(std::vector<group_config> groups, std::vector<request_mode> modes, std::vector<std::string> undropped) {
    broker_setup setup;
    setup.modes = std::move(modes);
    setup.undropped = std::move(undropped);
    setup.pop_keeper = pop_keeper_;
    setup.options = options_;
    setup.directory = directory_;
    setup.append_admission = append_admission_;
    setup.read_admission = read_admission_;
    setup.hold_admission = hold_admission_;
    setup.metrics = metrics_;
    setup.traffic = traffic_;
    setup.deliveries = deliveries_;
    setup.quotas = quotas_;
    setup.shares = shares_;
    setup.tries = tries_;
    setup.leaders = leaders_;
    setup.log_writer = log_writer_;
    setup.log_readers = log_readers_;
    setup.offset_keeper = offset_keeper_;
    setup.metadata_keeper = metadata_keeper_;
    setup.record_reader = record_reader_;
    setup.schedule = schedule_;
    setup.transactions = transactions_;
    setup.room_for_transactions = transaction_room_;
    setup.queue_locks = queue_locks_;
    setup.indexer = indexer_;
    setup.log_flusher = log_flusher_;
    setup.neighbours = {{caf::actor_cast<caf::actor>(queue_locks_), "queue locks"},
                        {caf::actor_cast<caf::actor>(message_finder_), "message finder"},
                        {caf::actor_cast<caf::actor>(schedule_reader_), "record reader of the schedule"},
                        {caf::actor_cast<caf::actor>(timer_keeper_), "timer keeper"}};
    setup.groups = std::move(groups);
    auto spawned = spawn_broker(*system_, std::move(setup));
    broker_ = std::move(spawned.broker);
    broker_admin_ = std::move(spawned.admin);
    broker_members_ = std::move(spawned.members);
    message_back_ = std::move(spawned.message_back);
    pop_checker_ = std::move(spawned.pops);
    caf::anon_send(transactions_, begin_checks{spawned.transaction_asker});
    caf::anon_send(pop_keeper_, begin_dead_letters{message_back_});
}

std::vector<caf::actor> broker_node::finish_order() const {
    std::vector<caf::actor> order;
    const auto next = [&order](const auto& role) {
        if (role)
            order.push_back(caf::actor_cast<caf::actor>(role));
    };
    next(broker_);
    next(queue_locks_);
    next(message_finder_);
    next(transactions_);
    next(schedule_);
    next(timer_keeper_);
    next(pop_keeper_);
    next(log_writer_);
    next(log_flusher_);
    next(offset_keeper_);
    next(metadata_keeper_);
    for (const auto& reader : log_readers_)
        next(reader);
    next(record_reader_);
    next(schedule_reader_);
    next(indexer_);
    return order;
}

void broker_node::on_end(std::function<void(const error&)> notice) const {
    caf::actor_cast<caf::actor>(broker_)->attach_functor(
        [notice = std::move(notice)](const caf::error& reason) { notice(to_error(reason)); });
}

void broker_node::stop() {
    if (std::exchange(stopped_, true) || system_ == nullptr)
        return;
    if (in_virtual_time(*system_))
        return; // the test runs the roles, and has finished them
    caf::scoped_actor self{*system_};
    for (const auto& role : finish_order()) {
        caf::anon_send(role, finish{});
        self->wait_for(role);
    }
    // Handles of ended actors hold nothing; the stores close with their last owner.
    metadata_.reset();
    store_.reset();
}

send_encoder broker_node::make_encoder() const {
    auto options = encoder_options(options_);
    options.transactions = transaction_room_;
    return send_encoder{std::move(options)};
}

} // namespace troupe::actors
