#include "client/internal/poll_buffer.hpp"

#include <algorithm>
#include <exception>
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
    for (;;) {
        auto taken = take(deadline, messages_max);
        if (taken.empty())
            return {};
        auto polled = unpack_all(taken); // whoever delivers shall not wait for that
        put_back(std::move(taken));
        if (polled.failure && polled.messages.empty())
            std::rethrow_exception(polled.failure);
        for (auto& report : polled.reports)
            report_(std::move(report));
        if (!polled.messages.empty()) // else all was revoked meanwhile
            return std::move(polled.messages);
    }
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
    if (!waiting_.empty()) // for another poll
        changed_.notify_one();
    return taken;
}

/// What fits, from the first on; the rest stays. Nothing is reported as done before the poll is sure to return it.
poll_buffer::outcome poll_buffer::unpack_all(std::deque<delivery>& taken) {
    outcome all;
    unpacking_room room;
    for (; !taken.empty(); taken.pop_front()) {
        auto& first = taken.front();
        auto& report = all.reports.emplace_back(delivery_report{first.queue, first.generation, {}, {}, false, false});
        auto each = first.messages.begin();
        for (; each != first.messages.end() && !first.revoked->load(); ++each) {
            const auto bytes = window_bytes(*each);
            if (!unpack_one(*each, room, all.failure))
                break;
            report.done.emplace_back(each->message.offset, bytes);
            all.messages.push_back(std::move(each->message));
        }
        first.messages.erase(first.messages.begin(), each);
        if (!first.messages.empty() && !first.revoked->load())
            break;
    }
    return all;
}

/// Without memory for it, it does not fit.
bool poll_buffer::unpack_one(stored_message& m, unpacking_room& room, std::exception_ptr& failure) {
    try {
        return unpack_body_(m.message, m.sys_flag, room);
    } catch (...) {
        failure = std::current_exception();
        return false;
    }
}

/// In front of what has come since; but for queues that were revoked meanwhile.
void poll_buffer::put_back(std::deque<delivery> rest) {
    const std::lock_guard lock{mutex_};
    for (auto last = rest.rbegin(); last != rest.rend(); ++last)
        if (!last->revoked->load())
            waiting_.push_front(std::move(*last));
    if (!waiting_.empty()) // another poll may have found nothing meanwhile
        changed_.notify_one();
}

void poll_buffer::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
}

} // namespace troupe::client
