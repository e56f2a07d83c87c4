#pragma once

#include "client/internal/delivery.hpp"
#include "client/internal/retry_policy.hpp"

#include <condition_variable>
#include <deque>
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
    /// `report` is called inside poll().
    explicit poll_buffer(std::function<void(delivery_report)> report) : report_{std::move(report)} {}

    void deliver(delivery d) override;
    void revoke(const message_queue& queue) override;
    bool consume(std::shared_ptr<direct_consumption>) override { return false; } // pull consumers have no handler
    void run_blocking(std::function<void()>) override {}                         // pull consumers have nothing to save

    /// As pull_consumer::poll. Messages handed out count as done. Their bodies are unpacked here.
    std::vector<received_message> poll(time_point deadline, std::size_t messages_max);
    /// Polls end at once from now on.
    void close();

private:
    std::deque<delivery> take(time_point deadline, std::size_t messages_max);
    std::vector<received_message> unpack_all(std::deque<delivery>& taken);
    void put_back(std::deque<delivery> rest);

    const std::function<void(delivery_report)> report_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<delivery> waiting_;
    bool closed_ = false;
};

} // namespace troupe::client
