#pragma once

#include "client/connection.hpp"
#include "client/message.hpp"
#include "protocol/body_compression.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::client {

/// What a send does when in_flight_bytes_max or in_flight_messages_max is reached.
enum class when_full : std::uint8_t {
    block, ///< wait up to the send timeout, then fail with busy; inside a callback never wait
    refuse ///< fail with busy at once
};

using compression = protocol::compression;

struct producer_options {
    std::string group = "DEFAULT_PRODUCER";
    std::chrono::milliseconds send_timeout{3000}; ///< of the whole call, all retries included
    std::int32_t retries_max = 2;                 ///< after the first attempt
    std::size_t in_flight_bytes_max = 64u << 20;  ///< bodies and properties given to the producer and not answered
    std::size_t in_flight_messages_max = 65'536;
    when_full full = when_full::block;
    /// While this many requests of one queue are unanswered, further messages of that queue wait and then travel together
    /// in one request, unless one has less than half of another's time left. A message never waits while there is room.
    std::size_t requests_per_queue_max = 8;
    std::size_t coalesce_messages_max = 64;      ///< in one such request; 1 switches coalescing off
    std::size_t coalesce_bytes_max = 256u << 10; ///< in one such request
    /// Bodies of at least this size travel and are stored compressed, if that makes them smaller; 0: none do. RocketMQ's producers do so
    /// from 4 KiB on. Consumers of every client unpack them, brokers never look inside. A compressed message travels alone, and a batch
    /// is not compressed. The sending thread does the work. Why it is off: docs/decisions/0017-compression-is-asked-for.md.
    std::size_t compress_from_bytes = 0;
    compression compress_with = compression::zlib; ///< consumers before RocketMQ 5 know only zlib
    /// zlib: 1 to 9; Zstandard: 1 to 19; LZ4: 0 to 12. More is smaller and slower. None: 5, 3, 0.
    std::optional<int> compress_level;
};

/// Which queue a message goes to. Retries stay on a queue that was chosen by key, by name or by function (so that order
/// is kept) and move to another queue, if possible of another broker, otherwise.
class queue_choice {
public:
    /// By the message's sharding key if it has one, else round-robin over all writable queues.
    queue_choice() = default;
    static queue_choice by_key(std::string key);
    static queue_choice exactly(message_queue queue);
    /// `choose` gets all writable queues of the topic, sorted, never empty, and returns an index below their number.
    /// It runs on the producer's thread: it must not block. If it throws, the send fails with argument_illegal.
    static queue_choice by(std::function<std::size_t(std::span<const message_queue>)> choose);

    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] const std::optional<message_queue>& queue() const { return queue_; }
    [[nodiscard]] const std::function<std::size_t(std::span<const message_queue>)>& function() const { return choose_; }

private:
    std::string key_;
    std::optional<message_queue> queue_;
    std::function<std::size_t(std::span<const message_queue>)> choose_;
};

/// Counters since the start.
struct producer_counters {
    std::uint64_t messages_sent = 0;   ///< acknowledged
    std::uint64_t messages_failed = 0; ///< the caller got an error
    std::uint64_t attempts_retried = 0;
    std::uint64_t requests = 0; ///< less than messages when coalescing works
};

/// Sends messages.
///
/// Threads  safe to use from any thread. Callbacks run on the producer's thread: they must not block, and must not call
///          send(); send_async() inside a callback is fine and never blocks. An exception that leaves a callback is dropped.
/// Order    messages of one thread to one queue are stored in the order of the calls as long as nothing is retried; a send
///          that starts after another was acknowledged is always stored after it. Apache RocketMQ's brokers store requests that
///          are under way together in any order: there each queue has one at a time, with more messages in it.
/// Retries  on busy, disk_full, store_read_only, shutting_down, timed_out, connection_lost, connect_failed,
///          topic_not_found, queue_not_found and not_permitted, until retries_max or send_timeout. After timed_out or
///          connection_lost the outcome of that attempt is unknown, so a retry may store the message twice;
///          send_receipt::attempts says so.
/// Topics   a connection follows the routes of at most 20'000 topics at a time; a send to one more fails with busy. Beyond 256
///          topics, one that gets no message for five minutes is forgotten until its next.
/// Fails    wrong messages at once with the error that names the limit; else with the last attempt's error; with
///          no_name_server or topic_not_found when there is no route; shutting_down after close().
class producer {
public:
    static result<producer> open(const connection& via, producer_options options = {});
    producer(producer&&) noexcept;
    producer& operator=(producer&&) noexcept;
    producer(const producer&) = delete;
    producer& operator=(const producer&) = delete;
    ~producer(); ///< close()

    using completion = std::function<void(result<send_receipt>)>;

    result<send_receipt> send(message m, const queue_choice& choice = {});
    std::future<result<send_receipt>> send_async(message m, const queue_choice& choice = {});
    /// `done` is called exactly once; for a message that is refused at once, before this returns.
    void send_async(message m, completion done, const queue_choice& choice = {});
    /// One attempt, and its outcome is not told. Bounded like other sends. Fails only for wrong messages and with busy.
    result<void> send_oneway(message m, const queue_choice& choice = {});
    /// All into one queue, one after the other, all or none. Same topic for all, none delayed; together at most 4 MiB.
    result<std::vector<send_receipt>> send_batch(std::vector<message> batch, const queue_choice& choice = {});

    /// Takes a message back that waits for its time: `handle` is that of its receipt. On success it will not be delivered, and a second
    /// recall succeeds like the first. Blocks up to the connection's request timeout; not inside a callback, and not from inside the
    /// broker's process. Fails with operation_illegal (no handle; the message is being delivered, or was), not_permitted (the broker
    /// takes nothing back), not_found (nobody knows its broker), and as requests do. Returns the message's id.
    result<std::string> recall(const std::string& topic, const std::string& handle);

    /// Waits until everything given to the producer is answered and all callbacks have returned, at most `timeout`. False: something
    /// is left; inside a callback, which would wait for itself, at once.
    bool flush(std::chrono::milliseconds timeout);
    /// Answers what is unanswered with shutting_down, on the producer's thread: such callbacks may come when it has returned, until the
    /// connection's last copy is gone. Later sends fail so, too.
    void close();

    [[nodiscard]] producer_counters counters() const;

private:
    friend class requester;
    friend class transaction_producer;
    class state;
    explicit producer(std::shared_ptr<state> s);
    void send_half(message m, completion done, const queue_choice& choice);
    /// Not sent any more when `timeout` is over.
    void send_within(std::chrono::milliseconds timeout, message m, completion done, const queue_choice& choice);
    void send_one(message m, completion done, const queue_choice& choice, bool half, std::chrono::milliseconds timeout);
    std::shared_ptr<state> state_;
};

} // namespace troupe::client
