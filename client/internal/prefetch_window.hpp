#pragma once

#include <cstddef>

namespace troupe::client {

/// How much of one queue a consumer holds: messages delivered and not yet done. A pull is sent only while it is open.
///
/// Always  never over messages_max + one pull's messages, nor bytes_max + one pull's bytes.
class prefetch_window {
public:
    prefetch_window(std::size_t messages_max, std::size_t bytes_max) : messages_max_{messages_max}, bytes_max_{bytes_max} {}

    void take(std::size_t message_bytes) {
        ++messages_;
        bytes_ += message_bytes;
    }
    void release(std::size_t message_bytes) {
        messages_ -= messages_ > 0 ? 1 : 0;
        bytes_ -= message_bytes < bytes_ ? message_bytes : bytes_;
    }
    void clear() { messages_ = bytes_ = 0; }

    [[nodiscard]] bool open() const { return messages_ < messages_max_ && bytes_ < bytes_max_; }
    /// Messages that still fit, at least 1 while open.
    [[nodiscard]] std::size_t messages_free() const { return messages_ < messages_max_ ? messages_max_ - messages_ : 0; }
    [[nodiscard]] std::size_t bytes_free() const { return bytes_ < bytes_max_ ? bytes_max_ - bytes_ : 0; }
    [[nodiscard]] std::size_t messages() const { return messages_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    std::size_t messages_max_;
    std::size_t bytes_max_;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace troupe::client
