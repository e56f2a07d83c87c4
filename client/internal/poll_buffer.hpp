#pragma once

#include "client/internal/delivery.hpp"
#include "client/internal/retry_policy.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace troupe::client {

/// Where a pull consumer's messages wait for poll().
///
/// Threads  safe from any thread.
/// Size     bounded by the prefetch windows of the assigned queues.
class poll_buffer : public delivery_sink {
public:
    using unpacker = std::function<bool(received_message&, std::int32_t sys_flag, unpacking_room&)>;

    /// `report` and `unpack_body` are called inside poll(); tests bring an `unpack_body` that fails.
    explicit poll_buffer(std::function<void(delivery_report)> report, unpacker unpack_body = unpack)
        : report_{std::move(report)}, unpack_body_{std::move(unpack_body)} {}

    void deliver(delivery d) override;
    void revoke(const message_queue& queue) override;
    bool consume(std::shared_ptr<direct_consumption>) override { return false; } // pull consumers have no handler
    void run_blocking(std::function<void()>) override {}                         // pull consumers have nothing to save

    /// As pull_consumer::poll. Messages handed out count as done. Their bodies are unpacked here; what that throws for the first of them is
    /// passed on, and nothing is lost.
    std::vector<received_message> poll(time_point deadline, std::size_t messages_max);
    /// Polls end at once from now on.
    void close();

private:
    struct outcome {
        std::vector<received_message> messages;
        std::vector<delivery_report> reports; ///< that those are done
        std::exception_ptr failure;           ///< what the message behind them has thrown
    };

    std::deque<delivery> take(time_point deadline, std::size_t messages_max);
    outcome unpack_all(std::deque<delivery>& taken);
    bool unpack_one(stored_message& m, unpacking_room& room, std::exception_ptr& failure);
    void put_back(std::deque<delivery> rest);

    const std::function<void(delivery_report)> report_;
    const unpacker unpack_body_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<delivery> waiting_;
    bool closed_ = false;
};

} // namespace troupe::client
