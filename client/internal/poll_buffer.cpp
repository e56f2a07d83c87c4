#include "client/internal/poll_buffer.hpp"

#include <algorithm>
#include <iterator>
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
    auto taken = take(deadline, messages_max);
    auto messages = unpack_all(taken); // whoever delivers shall not wait for that
    put_back(std::move(taken));
    return messages;
}

std::deque<delivery> poll_buffer::take(time_point deadline, std::size_t messages_max) {
    std::deque<delivery> taken;
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, deadline, [this] { return closed_ || !waiting_.empty(); });
    for (auto left = messages_max; left > 0 && !waiting_.empty();) {
        auto& first = waiting_.front();
        if (first.messages.size() <= left) {
            left -= first.messages.size();
            taken.push_back(std::move(first));
            waiting_.pop_front();
            continue;
        }
        const auto end = first.messages.begin() + static_cast<std::ptrdiff_t>(left);
        taken.push_back({first.queue,
                         first.generation,
                         first.revoked,
                         {std::make_move_iterator(first.messages.begin()), std::make_move_iterator(end)},
                         first.lock});
        first.messages.erase(first.messages.begin(), end);
        left = 0;
    }
    return taken;
}

/// What fits, from the first on; the rest stays.
std::vector<received_message> poll_buffer::unpack_all(std::deque<delivery>& taken) {
    std::vector<received_message> messages;
    unpacking_room room;
    for (; !taken.empty(); taken.pop_front()) {
        auto& first = taken.front();
        delivery_report report{first.queue, first.generation, {}, {}, false, false};
        auto each = first.messages.begin();
        for (; each != first.messages.end(); ++each) {
            const auto bytes = window_bytes(*each);
            if (!unpack(each->message, each->sys_flag, room))
                break;
            report.done.emplace_back(each->message.offset, bytes);
            messages.push_back(std::move(each->message));
        }
        first.messages.erase(first.messages.begin(), each);
        report_(std::move(report));
        if (!first.messages.empty())
            break;
    }
    return messages;
}

/// In front of what has come since; but for queues that were revoked meanwhile.
void poll_buffer::put_back(std::deque<delivery> rest) {
    const std::lock_guard lock{mutex_};
    for (auto last = rest.rbegin(); last != rest.rend(); ++last)
        if (!last->revoked->load())
            waiting_.push_front(std::move(*last));
}

void poll_buffer::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
}

} // namespace troupe::client
