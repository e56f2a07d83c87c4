#pragma once

#include "client/connection.hpp"
#include "client/consumer_options.hpp"
#include "client/message.hpp"
#include "client/message_selector.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

/// A place to read from, relative to what a queue holds when the broker is asked.
class seek_target {
public:
    enum class kind_type { offset, first, last, time, committed };
    static seek_target at(queue_offset offset) { return seek_target{kind_type::offset, offset.value()}; }
    static seek_target first() { return seek_target{kind_type::first, 0}; }
    static seek_target last() { return seek_target{kind_type::last, 0}; } ///< only what is stored from now on
    static seek_target at(timestamp_ms time) { return seek_target{kind_type::time, time.value()}; }
    /// What the group committed; when that is nothing, first().
    static seek_target committed() { return seek_target{kind_type::committed, 0}; }

    [[nodiscard]] kind_type kind() const { return kind_; }
    [[nodiscard]] std::int64_t value() const { return value_; }

private:
    seek_target(kind_type kind, std::int64_t value) : kind_{kind}, value_{value} {}
    kind_type kind_;
    std::int64_t value_;
};

struct pull_consumer_options {
    std::string group;                 ///< required: names committed offsets
    message_selector expression = "*"; ///< for every topic: tags, or message_selector::sql92(...)
    fetch_options fetch;
};

/// Reads queues that the caller chooses, at the caller's pace.
///
/// Threads  safe to use from any thread; one thread at a time should poll.
/// Always   poll() returns the messages of a queue in offset order, each once between two seeks.
/// Offsets  nothing is committed but by commit().
/// Away     queues(), commit() and committed() ask again within the request timeout while a broker or all name servers are away,
///          as during a restart; then they fail with what they met last: connect_failed, connection_lost, no_route, no_name_server.
class pull_consumer {
public:
    /// Fails with group_illegal, subscription_illegal.
    static result<pull_consumer> open(const connection& via, pull_consumer_options options);
    pull_consumer(pull_consumer&&) noexcept;
    pull_consumer& operator=(pull_consumer&&) noexcept;
    pull_consumer(const pull_consumer&) = delete;
    pull_consumer& operator=(const pull_consumer&) = delete;
    ~pull_consumer(); ///< close()

    /// Readable queues of a topic, sorted. Fails with topic_not_found, no_name_server.
    result<std::vector<message_queue>> queues(const std::string& topic);
    /// Reads exactly these from now on; new ones begin at `from`, those already read go on.
    result<void> assign(std::vector<message_queue> queues, seek_target from = seek_target::committed());
    /// Continues a queue elsewhere; what was prefetched is dropped. Fails with queue_not_found when it is not assigned.
    result<void> seek(const message_queue& queue, seek_target target);
    /// Up to `messages_max` messages as soon as there is one; empty when `timeout` has passed without. Compressed bodies are unpacked
    /// here, to 64 MiB together: what is beyond that comes with the next call. Throws std::bad_alloc where the first body finds no memory to
    /// be unpacked; the messages come with the next call.
    std::vector<received_message> poll(std::chrono::milliseconds timeout, std::size_t messages_max = 1000);
    /// Offset of the next message that poll() would return from this queue. Fails with queue_not_found; busy while its
    /// first position is still being looked up.
    result<queue_offset> position(const message_queue& queue) const;
    /// Commits position() of every assigned queue; returns when the brokers have stored them.
    result<void> commit();
    /// What the group has committed; offset_not_found when nothing.
    result<queue_offset> committed(const message_queue& queue);
    void close();

private:
    class state;
    explicit pull_consumer(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

} // namespace troupe::client
