#include "client/internal/poll_buffer.hpp"

#include <algorithm>
#include <utility>

namespace troupe::client {

void poll_buffer::deliver(delivery d) {
    if (d.messages.empty())
        return;
    const std::lock_guard lock{mutex_};
    waiting_.push_back(std::move(d));
    changed_.notify_one();
}

void poll_buffer::revoke(const message_queue& queue) {
    const std::lock_guard lock{mutex_};
    std::erase_if(waiting_, [&](const delivery& d) { return d.queue == queue; });
}

std::vector<received_message> poll_buffer::poll(time_point deadline, std::size_t messages_max) {
    std::vector<received_message> messages;
    std::vector<delivery_report> reports;
    {
        std::unique_lock lock{mutex_};
        changed_.wait_until(lock, deadline, [this] { return closed_ || !waiting_.empty(); });
        while (!waiting_.empty() && messages.size() < messages_max) {
            auto& first = waiting_.front();
            const auto count = std::min(first.messages.size(), messages_max - messages.size());
            delivery_report report{first.queue, first.generation, {}, {}, false, false};
            const auto end = first.messages.begin() + static_cast<std::ptrdiff_t>(count);
            for (auto m = first.messages.begin(); m != end; ++m) {
                report.done.emplace_back(m->offset, window_bytes(*m));
                messages.push_back(std::move(*m));
            }
            first.messages.erase(first.messages.begin(), end);
            if (first.messages.empty())
                waiting_.pop_front();
            reports.push_back(std::move(report));
        }
    }
    for (auto& report : reports)
        report_(std::move(report));
    return messages;
}

void poll_buffer::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
}

} // namespace troupe::client
