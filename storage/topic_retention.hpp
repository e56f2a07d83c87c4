#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/index_entry.hpp"
#include "storage/topic_rule.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

class queue_index;

/// Where topics begin that keep less than the log: nobody reads a record of theirs below.
///
/// Threads  safe from any thread. Without any floor it costs one look at an atomic.
class topic_floors {
public:
    /// 0: as the log.
    [[nodiscard]] log_position of(std::string_view topic) const;
    /// Moves it forward, never back.
    void raise(std::string_view topic, log_position floor);
    /// The topic keeps what the log keeps again.
    void forget(std::string_view topic);

private:
    mutable std::mutex mutex_;
    std::map<std::string, log_position, std::less<>> floors_;
    std::atomic<bool> any_{false};
};

/// Applies rules of single topics. One log holds all topics, in the order of their store times; so what a topic keeps begins at a position of
/// the log, its floor: records of the topic below are read by nobody any more. The index drops their rows, and the disk gets their
/// room back, when their segments go. Floors are kept in memory: a restart applies the rules again.
///
/// Threads  safe from any thread; one step at a time.
/// Bounded  a step by what its caller says; and by 40 bytes per queue of a topic with a limit of bytes.
class topic_retention {
public:
    topic_retention(const queue_index& queues, topic_floors& floors) : queues_{queues}, floors_{floors} {}

    struct step {
        log_position log_min;
        log_position visible; ///< records at or above it are not there yet
        timestamp_ms now;
        std::size_t entries_max = 0; ///< index entries to look at, about
    };
    /// One step for one topic, which has `queues` queues. True when there is more to do. Fails with what the index fails with.
    result<bool> apply(const std::string& topic, std::int32_t queues, const topic_rule& rule, const step& how);
    /// The topic has no rule any more, or is gone.
    void forget(std::string_view topic);

private:
    /// The part of one queue that is counted: offsets [begin, end).
    struct counted {
        std::int64_t begin = 0;
        std::int64_t end = 0;
        std::deque<index_entry> front; ///< the first of them, read ahead
    };
    struct measured {
        log_position log_min;
        std::vector<counted> queues;
        std::uint64_t bytes = 0; ///< of all that is counted
    };

    [[nodiscard]] result<log_position> floor_by_time(const std::string& topic, std::int32_t queues, timestamp_ms oldest,
                                                     log_position visible) const;
    result<measured*> measure_of(const std::string& topic, std::int32_t queues, const step& how);
    result<bool> count(const std::string& topic, measured& all, const step& how, std::size_t& budget) const;
    result<bool> drop(const std::string& topic, measured& all, std::uint64_t bytes_max, log_position below, log_position& floor,
                      std::size_t& budget) const;
    [[nodiscard]] result<void> read_ahead(const topic_queue& queue, counted& one) const;

    const queue_index& queues_;
    topic_floors& floors_;
    std::mutex mutex_;
    std::map<std::string, measured, std::less<>> measured_; ///< topics with a limit of bytes
};

} // namespace troupe::storage
