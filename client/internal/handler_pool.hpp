#pragma once

#include "client/internal/delivery.hpp"
#include "client/push_consumer.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::client {

/// Runs a push consumer's handler on its threads and reports what became of each message.
///
/// Size     the queue is bounded by the prefetch windows of the queues that fill it; single messages by direct_max.
/// Ends     stop() waits for running handlers; whatever else is queued is dropped unreported.
class handler_pool : public delivery_sink {
public:
    struct options {
        std::size_t threads = 4;
        bool ordered = false; ///< after a failure, leave the rest of a delivery for later
    };
    static constexpr std::size_t direct_max = 16; ///< single messages of tools that wait for a thread
    /// `report` is called from any of the threads.
    handler_pool(options all, push_consumer::handler handle, std::function<void(delivery_report)> report);
    ~handler_pool() override;
    handler_pool(const handler_pool&) = delete;
    handler_pool& operator=(const handler_pool&) = delete;

    void deliver(delivery d) override;
    void revoke(const message_queue&) override {} // the flag in each delivery says it
    bool consume(std::shared_ptr<direct_consumption> one) override;
    void run_blocking(std::function<void()> job) override;
    /// Must not be called from a handler.
    void stop();
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    void run();
    void put(std::function<void()> job);
    void handle_all(delivery d);
    consume_outcome ask_handler(const stored_message& m);
    bool handle_one(const stored_message& m);
    void consume_now(direct_consumption& one);

    const options options_;
    const push_consumer::handler handle_;
    const std::function<void(delivery_report)> report_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    std::deque<std::shared_ptr<direct_consumption>> direct_; ///< before all jobs: somebody waits for it
    std::atomic<bool> stopping_{false};
    std::vector<std::thread> threads_;
};

} // namespace troupe::client
