#include "client/internal/send_window.hpp"

namespace troupe::client {

bool send_window::fits(std::size_t messages, std::size_t bytes) const {
    return messages_ == 0 || (messages_ + messages <= messages_max_ && bytes_ + bytes <= bytes_max_);
}

bool send_window::try_take(std::size_t messages, std::size_t bytes) {
    const std::lock_guard lock{mutex_};
    if (closed_ || !fits(messages, bytes))
        return false;
    messages_ += messages;
    bytes_ += bytes;
    return true;
}

bool send_window::take(std::size_t messages, std::size_t bytes, time_point deadline) {
    std::unique_lock lock{mutex_};
    ++waiting_;
    const bool ready = changed_.wait_until(lock, deadline, [&] { return closed_ || fits(messages, bytes); });
    --waiting_;
    if (!ready || closed_)
        return false;
    messages_ += messages;
    bytes_ += bytes;
    return true;
}

void send_window::release(std::size_t messages, std::size_t bytes, bool callback) {
    const std::lock_guard lock{mutex_};
    messages_ -= messages;
    bytes_ -= bytes;
    callbacks_ += callback ? 1 : 0;
    if (waiting_ > 0)
        changed_.notify_all();
}

void send_window::callback_ended() {
    const std::lock_guard lock{mutex_};
    --callbacks_;
    if (waiting_ > 0)
        changed_.notify_all();
}

void send_window::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
}

bool send_window::wait_empty(time_point deadline) {
    std::unique_lock lock{mutex_};
    ++waiting_;
    const bool empty = changed_.wait_until(lock, deadline, [&] { return messages_ == 0 && callbacks_ == 0; });
    --waiting_;
    return empty;
}

std::size_t send_window::messages() const {
    const std::lock_guard lock{mutex_};
    return messages_;
}

std::size_t send_window::bytes() const {
    const std::lock_guard lock{mutex_};
    return bytes_;
}

} // namespace troupe::client
