#pragma once

#include "protocol/trace_bodies.hpp"
#include "protocol/vocabulary/ids.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors {

class traffic_statistics;
struct messages_popped;
struct messages_pulled;

struct delivery_book_options {
    std::size_t entries_max = 100'000;                                  ///< over all queues and groups; some ten megabytes
    std::size_t entries_per_queue_max = 256;                            ///< of one group on one queue
    std::size_t clients_max = 20'000;                                   ///< names of connections
    std::chrono::milliseconds entry_span_max = std::chrono::minutes{1}; ///< so exactly is it known when
};

/// Which messages were handed to which client, and when: ranges of offsets per group and queue, in memory only.
///
/// A pull that goes on where the one before it ended, of the same client, is put to it, up to a minute; so what a client reads all the time
/// takes one entry per minute. When a group has too many on a queue, the oldest two of one client become one, which then says less exactly
/// when; if there are none, the oldest goes. When all together are too many, the queue and group that were idle longest go as a whole.
///
/// Threads  safe from any thread. Noting takes one uncontended lock and one or two look-ups per answered pull.
/// Bounded  by the options. What is forgotten moves the moment since which everything is known; see find.
class delivery_book {
public:
    /// `since`: nothing before it is known.
    explicit delivery_book(timestamp_ms since, delivery_book_options options = {});

    /// Pulls of this connection come from this client. Of too many, the oldest connections lose their names.
    void name_client(std::uint64_t connection, std::string_view client_id);
    /// Messages from `first` to before `end` were handed out; `is_partial`: not all of them. Connection 0 is one inside this process.
    void note(std::string_view group, const topic_queue& queue, queue_offset first, queue_offset end, bool is_partial,
              std::uint64_t connection, timestamp_ms now);

    struct found {
        std::map<std::string, std::vector<protocol::traced_delivery>> by_group;
        timestamp_ms complete_since; ///< of what was handed out after it, nothing is missing
    };
    [[nodiscard]] found find(const topic_queue& queue, queue_offset offset) const;

    void forget_topic(std::string_view topic);
    void forget_group(std::string_view group);
    [[nodiscard]] std::size_t entries() const;

private:
    struct entry {
        queue_offset first;
        queue_offset end;
        timestamp_ms began;
        timestamp_ms ended;
        std::uint64_t connection = 0;
        bool is_partial = false;
    };
    /// One group on one queue.
    struct track {
        topic_queue queue;
        std::string group;
        std::deque<entry> entries; ///< by time
        timestamp_ms forgotten_until;
    };
    using track_list = std::list<track>; ///< the longest idle first

    track& track_of(std::string_view group, const topic_queue& queue);
    [[nodiscard]] bool extend(track& one, const entry& next) const;
    void make_room(track& one);
    void evict();
    track_list::iterator drop(track_list::iterator one);
    template <class Predicate>
    void forget_if(Predicate wanted);

    const delivery_book_options options_;
    mutable std::mutex mutex_;
    track_list tracks_;
    std::unordered_map<topic_queue, std::vector<track_list::iterator>> by_queue_; ///< the groups of each
    std::map<std::uint64_t, std::string> clients_;                                ///< by connection; numbers rise
    std::size_t entries_ = 0;
    timestamp_ms forgotten_until_;
};

/// Counts the answer to a pull, and notes who got it. How many messages it has.
std::int64_t note_handed_out(traffic_statistics& traffic, delivery_book& book, const std::string& group, const topic_queue& queue,
                             const messages_pulled& answer, std::uint64_t connection, timestamp_ms now);
/// The same of a pop, whose messages are of several queues.
std::int64_t note_popped(traffic_statistics& traffic, delivery_book& book, const std::string& group, const std::string& topic,
                         const messages_popped& answer, std::uint64_t connection, timestamp_ms now);

} // namespace troupe::actors
