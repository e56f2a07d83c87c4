#include "actors/group/offset_keeper.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/group/unclaimed_groups.hpp"
#include "actors/messages/type_ids.hpp"
#include "protocol/message_codec.hpp"
#include "storage/metadata_store.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <unistd.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace troupe::actors {

std::int64_t default_young_log_bytes() {
    constexpr std::int64_t percent = 40;
    const auto pages = sysconf(_SC_PHYS_PAGES);
    const auto page_bytes = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0)
        return std::int64_t{1} << 30;
    return std::int64_t{pages} * page_bytes / 100 * percent;
}

namespace {

class offset_keeper_state {
public:
    static inline const char* name = "offset_keeper";

    void start(offset_keeper_actor::pointer self, offset_keeper_options options);
    caf::result<offset_committed> handle(const commit_offset& order);
    offsets_noted handle(const note_offsets& order);
    caf::result<offset_committed> handle(const commit_offsets& order);
    offset_groups_listed handle(const list_offset_groups& order) const;
    queue_offsets_listed handle(const list_queue_offsets& order) const;
    caf::result<offset_found> handle(const query_offset& order);
    caf::result<offsets_listed> handle(const list_offsets& order);
    caf::result<topic_deleted> handle(const delete_topic& order);
    caf::result<group_deleted> handle(const delete_group& order);
    void handle(const claim_group& order);
    void handle(const keep_offsets& order);
    void handle(offset_tick tick);
    void handle(const finish& order);

private:
    static constexpr std::chrono::minutes expire_interval{1};
    static constexpr std::size_t expired_per_tick_max = 10'000; ///< offsets
    using offset_map = std::map<progress_key, queue_offset>;

    void set(const progress_key& key, queue_offset offset);
    void set(const std::vector<std::pair<progress_key, queue_offset>>& offsets, bool only_forward);
    [[nodiscard]] result<bool> is_young(const topic_queue& queue) const;
    caf::result<offset_committed> commit(const std::vector<std::pair<progress_key, queue_offset>>& offsets, bool only_forward);
    result<void> write();
    void note_moved_back(const progress_key& key, queue_offset from, queue_offset to) const;
    [[nodiscard]] bool may_commit(const std::string& group);
    [[nodiscard]] std::vector<progress_key> offsets_of(const std::string& group) const;
    template <class Predicate>
    void forget_if(Predicate wanted);
    void expire();

    offset_keeper_actor::pointer self_ = nullptr;
    offset_keeper_options options_;
    offset_map offsets_;
    offset_map unwritten_; ///< the part of offsets_ that is not durable yet
    std::vector<caf::typed_response_promise<offset_committed>> waiting_;
    bool write_tick_sent_ = false;
    bool failing_ = false;  ///< a row of failures is reported once
    bool refusing_ = false; ///< likewise
    std::optional<unclaimed_groups> unclaimed_;
    std::chrono::steady_clock::time_point next_expire_;
};

void offset_keeper_state::start(offset_keeper_actor::pointer self, offset_keeper_options options) {
    self_ = self;
    options_ = std::move(options);
    std::set<std::string> with_offsets;
    for (auto& [key, offset] : std::exchange(options_.offsets, {})) {
        with_offsets.insert(key.group);
        offsets_.emplace(std::move(key), offset);
    }
    unclaimed_.emplace(options_.unclaimed_groups_max, options_.expiry);
    unclaimed_->start(std::exchange(options_.groups, {}), std::exchange(options_.last_seen, {}), with_offsets, options_.now());
    next_expire_ = self_->clock().now() + expire_interval;
    self_->delayed_send(self_, options_.interval, offset_tick{true});
}

void offset_keeper_state::set(const progress_key& key, queue_offset offset) {
    offsets_.insert_or_assign(key, offset);
    unwritten_.insert_or_assign(key, offset);
}

void offset_keeper_state::set(const std::vector<std::pair<progress_key, queue_offset>>& offsets, bool only_forward) {
    const auto now = options_.now();
    for (const auto& [key, offset] : offsets) {
        unclaimed_->committed(key.group, now);
        const auto known = offsets_.find(key);
        if (!only_forward && known != offsets_.end() && offset < known->second)
            note_moved_back(key, known->second, offset);
        if (!only_forward || known == offsets_.end() || known->second < offset)
            set(key, offset);
    }
}

/// On purpose, as a rule: whoever sought back, or was reset. It explains messages that come twice, and who else would say?
void offset_keeper_state::note_moved_back(const progress_key& key, queue_offset from, queue_offset to) const {
    add(options_.metrics->offsets_moved_back);
    write_log(log_level::debug, "offset keeper: group " + key.group + " goes back from " + to_string(from) + " to " + to_string(to) +
                                    " in queue " + to_string(key.queue.queue) + " of topic " + key.queue.topic);
}

bool offset_keeper_state::may_commit(const std::string& group) {
    if (unclaimed_->may_commit(group)) {
        refusing_ = refusing_ && unclaimed_->count() >= unclaimed_->groups_max();
        return true;
    }
    add(options_.metrics->busy_answers);
    if (!std::exchange(refusing_, true))
        write_log(log_level::warning, "offset keeper: " + std::to_string(unclaimed_->count()) +
                                          " groups have committed offsets and no configuration, as many as may: offsets of further ones, "
                                          "as of group " +
                                          group + ", are refused. Look for who commits for groups that do not exist");
    return false;
}

caf::result<offset_committed> offset_keeper_state::handle(const commit_offset& order) {
    return commit({{order.key, order.offset}}, false);
}

caf::result<offset_committed> offset_keeper_state::handle(const commit_offsets& order) {
    return commit(order.offsets, order.only_forward);
}

caf::result<offset_committed> offset_keeper_state::commit(const std::vector<std::pair<progress_key, queue_offset>>& offsets,
                                                          bool only_forward) {
    if (waiting_.size() >= options_.commits_pending_max) {
        add(options_.metrics->busy_answers);
        return make_caf_error(errc::busy, "more than " + std::to_string(options_.commits_pending_max) +
                                              " offset commits are waiting for the disk; commit again later");
    }
    for (const auto& entry : offsets)
        if (const auto& group = entry.first.group; !only_forward && !may_commit(group))
            return make_caf_error(errc::busy, "group " + group + " has no configuration on this broker, and " +
                                                  std::to_string(unclaimed_->groups_max()) +
                                                  " groups without one have offsets already, as many as may; create the group first");
    set(offsets, only_forward);
    waiting_.push_back(self_->make_response_promise<offset_committed>());
    if (!write_tick_sent_) {
        write_tick_sent_ = true;
        self_->send(self_, offset_tick{});
    }
    return waiting_.back();
}

offsets_noted offset_keeper_state::handle(const note_offsets& order) {
    if (order.only_forward) {
        set(order.offsets, true);
        return {};
    }
    auto offsets = order.offsets; // nobody waits for an answer: what may not be is left out
    std::erase_if(offsets, [this](const auto& entry) { return !may_commit(entry.first.group); });
    set(offsets, false);
    return {};
}

/// Makes everything unwritten durable, in one write, and answers who waits. After a failure it stays unwritten: the next
/// write tries again.
result<void> offset_keeper_state::write() {
    result<void> written;
    const auto& changes = unclaimed_->changes();
    if (!unwritten_.empty() || !changes.empty()) {
        const std::vector<std::pair<progress_key, queue_offset>> all{unwritten_.begin(), unwritten_.end()};
        const std::vector<storage::metadata_store::group_sign> signs{changes.begin(), changes.end()};
        written = options_.metadata->commit(all, signs);
        if (written) {
            add(options_.metrics->offset_commits, all.size());
            unwritten_.clear();
            unclaimed_->changes_written();
        } else {
            if (!failing_)
                write_log(log_level::error, "offset keeper: " + to_string(written.failure()));
        }
        failing_ = !written.ok();
    }
    for (auto& promise : std::exchange(waiting_, {})) {
        if (written)
            promise.deliver(offset_committed{});
        else
            promise.deliver(make_caf_error(written.failure()));
    }
    return written;
}

caf::result<offset_found> offset_keeper_state::handle(const query_offset& order) {
    if (const auto known = offsets_.find(order.key); known != offsets_.end()) {
        unclaimed_->seen(order.key.group, options_.now());
        return offset_found{known->second};
    }
    const auto unknown = [&order] {
        return make_caf_error(errc::offset_not_found, "group " + order.key.group + " has no offset on queue " +
                                                          to_string(order.key.queue.queue) + " of topic " + order.key.queue.topic);
    };
    if (!order.zero_if_not_found)
        return unknown();
    const auto young = is_young(order.key.queue);
    if (!young)
        return make_caf_error(young.failure());
    if (!*young)
        return unknown();
    return offset_found{queue_offset{0}};
}

result<bool> offset_keeper_state::is_young(const topic_queue& queue) const {
    const auto bounds = options_.store->bounds(queue);
    if (!bounds)
        return bounds.failure();
    if (bounds->min.value() > 0)
        return false;
    if (bounds->max.value() == 0)
        return true;
    const auto first = options_.store->read(queue, queue_offset{0}, {}, {1, 1});
    if (!first)
        return first.failure();
    if (first->records.empty())
        return false; // retention or damage took it just now
    const auto end = options_.store->stats().log_end;
    return end - protocol::record_position(first->records.view()) <= options_.young_log_bytes;
}

caf::result<offsets_listed> offset_keeper_state::handle(const list_offsets& order) {
    offsets_listed listed;
    for (auto entry = offsets_.lower_bound({order.group, {order.topic, queue_id{0}}}); entry != offsets_.end(); ++entry) {
        const auto& key = entry->first;
        if (key.group != order.group || (!order.topic.empty() && key.queue.topic != order.topic))
            break;
        listed.offsets.emplace_back(key.queue, entry->second);
    }
    return listed;
}

offset_groups_listed offset_keeper_state::handle(const list_offset_groups& order) const {
    offset_groups_listed listed;
    for (const auto& entry : offsets_) {
        const auto& key = entry.first;
        if (key.queue.topic == order.topic && (listed.groups.empty() || listed.groups.back() != key.group))
            listed.groups.push_back(key.group);
    }
    return listed;
}

queue_offsets_listed offset_keeper_state::handle(const list_queue_offsets& order) const {
    queue_offsets_listed listed;
    for (const auto& [key, offset] : offsets_)
        if (key.queue == order.queue)
            listed.groups.emplace_back(key.group, offset);
    return listed;
}

template <class Predicate>
void offset_keeper_state::forget_if(Predicate wanted) {
    std::erase_if(offsets_, [&wanted](const auto& entry) { return wanted(entry.first); });
    std::erase_if(unwritten_, [&wanted](const auto& entry) { return wanted(entry.first); });
}

caf::result<topic_deleted> offset_keeper_state::handle(const delete_topic& order) {
    if (const auto written = write(); !written) // who waits is answered first: their offsets are about to go
        return make_caf_error(written.failure());
    if (const auto removed = options_.metadata->remove_topic(order.topic); !removed)
        return make_caf_error(removed.failure());
    forget_if([&order](const progress_key& key) { return key.queue.topic == order.topic; });
    for (const auto& group : unclaimed_->names())
        if (offsets_of(group).empty())
            unclaimed_->forget(group);
    return topic_deleted{};
}

caf::result<group_deleted> offset_keeper_state::handle(const delete_group& order) {
    if (const auto written = write(); !written)
        return make_caf_error(written.failure());
    if (const auto removed = options_.metadata->remove_group(order.group, order.with_offsets); !removed)
        return make_caf_error(removed.failure());
    if (order.with_offsets)
        forget_if([&order](const progress_key& key) { return key.group == order.group; });
    if (offsets_of(order.group).empty())
        unclaimed_->lose_claim(order.group);
    else
        unclaimed_->release(order.group, options_.now());
    return group_deleted{};
}

void offset_keeper_state::handle(const claim_group& order) {
    unclaimed_->claim(order.group);
}

void offset_keeper_state::handle(const keep_offsets& order) {
    for (const auto& group : order.groups)
        unclaimed_->seen(group, options_.now());
}

std::vector<progress_key> offset_keeper_state::offsets_of(const std::string& group) const {
    std::vector<progress_key> keys;
    for (auto entry = offsets_.lower_bound({group, {{}, queue_id{0}}}); entry != offsets_.end() && entry->first.group == group; ++entry)
        keys.push_back(entry->first);
    return keys;
}

/// Removes what has expired, a part at a time: the rest follows with the next tick.
void offset_keeper_state::expire() {
    if (self_->clock().now() < next_expire_)
        return;
    const auto expired = unclaimed_->expired(options_.now());
    std::vector<std::string> groups;
    std::vector<progress_key> keys;
    for (const auto& group : expired) {
        if (keys.size() >= expired_per_tick_max)
            break;
        auto of_group = offsets_of(group);
        keys.insert(keys.end(), of_group.begin(), of_group.end());
        groups.push_back(group);
    }
    if (groups.size() == expired.size())
        next_expire_ = self_->clock().now() + expire_interval;
    if (groups.empty())
        return;
    if (const auto removed = options_.metadata->remove_offsets(keys, groups); !removed) {
        next_expire_ = self_->clock().now() + expire_interval;
        write_log(log_level::warning, "offset keeper: offsets of groups that are not used could not be removed, it is tried again in a "
                                      "minute: " +
                                          to_string(removed.failure()));
        return;
    }
    for (const auto& key : keys) {
        offsets_.erase(key);
        unwritten_.erase(key);
    }
    for (const auto& group : groups)
        unclaimed_->forget(group);
    add(options_.metrics->offset_groups_expired, groups.size());
    const auto hours = std::chrono::duration_cast<std::chrono::hours>(unclaimed_->expiry()).count();
    write_log(log_level::info, "offset keeper: removed the offsets of " + std::to_string(groups.size()) +
                                   " groups that have no configuration and were not used for " + std::to_string(hours) +
                                   " hours (broker.offset_expiry); the first is " + groups.front());
}

void offset_keeper_state::handle(offset_tick tick) {
    if (tick.repeat)
        self_->delayed_send(self_, options_.interval, tick);
    else
        write_tick_sent_ = false;
    (void)write(); // who waits has been told of a failure, and the log too
    if (tick.repeat)
        expire();
    options_.metrics->offset_groups_unclaimed.store(unclaimed_->count(), std::memory_order_relaxed);
}

void offset_keeper_state::handle(const finish&) {
    (void)write();
    self_->quit();
}

offset_keeper_actor::behavior_type offset_keeper(offset_keeper_actor::stateful_pointer<offset_keeper_state> self,
                                                 offset_keeper_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](const commit_offset& order) { return self->state.handle(order); },
        [self](const note_offsets& order) { return self->state.handle(order); },
        [self](const query_offset& order) { return self->state.handle(order); },
        [self](const list_offsets& order) { return self->state.handle(order); },
        [self](const commit_offsets& order) { return self->state.handle(order); },
        [self](const list_offset_groups& order) { return self->state.handle(order); },
        [self](const list_queue_offsets& order) { return self->state.handle(order); },
        [self](const delete_topic& order) { return self->state.handle(order); },
        [self](const delete_group& order) { return self->state.handle(order); },
        [self](const claim_group& order) { self->state.handle(order); },
        [self](const keep_offsets& order) { self->state.handle(order); },
        [self](offset_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

offset_keeper_actor spawn_offset_keeper(caf::actor_system& system, offset_keeper_options options) {
    return spawn_blocking_role(system, offset_keeper, std::move(options));
}

} // namespace troupe::actors
