#pragma once

#include "client/client.hpp"
#include "testing/history.hpp"
#include "tests/support/eventually.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troupe::scenario {

/// Threads that send one message after the other, each thread always to the same queue, and note what became of each: in
/// `notes`, and the same in `reread`, for a second reader.
class senders {
public:
    senders(client::connection via, std::string topic, int threads, testing::history& notes, testing::history& reread);
    senders(const senders&) = delete;
    senders& operator=(const senders&) = delete;
    ~senders(); ///< stop()

    void stop();
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
    [[nodiscard]] std::uint64_t failed() const { return failed_; }
    /// A later message of a thread that was acknowledged at a smaller offset than an earlier one of the same queue.
    [[nodiscard]] std::vector<std::string> out_of_order() const;

private:
    void run(int thread);
    void note(int thread, const std::string& id, const result<client::send_receipt>& outcome);

    std::array<testing::history*, 2> notes_;
    std::string topic_;
    client::producer producer_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<std::uint64_t> failed_{0};
    mutable std::mutex mutex_;
    std::map<std::pair<int, std::string>, std::int64_t> last_offset_; ///< by thread and queue
    std::vector<std::string> out_of_order_;
    std::vector<std::thread> threads_;
};

/// A thread that reads every queue of a topic from its beginning, notes every delivery and commits now and then.
class reader {
public:
    reader(client::connection via, std::string topic, std::string group, testing::history& notes);
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    ~reader(); ///< stop()

    void stop();
    /// Committed offsets that a broker acknowledged: it must never answer less.
    [[nodiscard]] std::map<client::message_queue, std::int64_t> committed() const;

private:
    void run();
    void assign_all();
    void commit();

    testing::history& notes_;
    std::string topic_;
    client::pull_consumer consumer_;
    std::size_t assigned_ = 0;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::map<client::message_queue, std::int64_t> committed_;
    std::thread thread_;
};

std::string to_text(const client::message_queue& queue);

/// What a reading from the first offset to the end found wrong with single queues; empty lists when nothing.
struct reading {
    std::uint64_t messages = 0;
    std::vector<std::string> gaps;         ///< an offset that was left out or came twice
    std::vector<std::string> out_of_order; ///< the first copy of a sender's message behind one that it sent later
    std::vector<std::string> unread;       ///< queues whose end was not reached in time
};

/// Reads all of `topic` once, from each queue's first offset to where it ends now, with a consumer that never read before.
/// Notes every delivery in `notes`. Throws when the cluster does not answer.
reading read_everything(const client::connection& via, const std::string& topic, testing::history& notes, std::chrono::milliseconds limit);

using test_support::eventually;

} // namespace troupe::scenario
