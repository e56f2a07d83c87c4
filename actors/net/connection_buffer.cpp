#include "actors/net/connection_buffer.hpp"

#include "protocol/remoting_command.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors::net {

void connection_buffer::receive(std::span<const char> bytes) {
    bytes_.append(bytes.data(), bytes.size());
    last_read_ = bytes.size();
}

result<void> connection_buffer::take_frames(std::vector<payload>& frames) {
    const std::string_view stream{bytes_};
    std::vector<std::size_t> ends;
    std::size_t position = 0;
    std::size_t missing = 0;
    result<void> outcome;
    for (;;) {
        auto size = protocol::frame_size(stream.substr(position));
        if (!size) {
            outcome = size.failure();
            break;
        }
        if (!size->has_value())
            break;
        if (**size > stream.size() - position) {
            missing = **size - (stream.size() - position);
            break;
        }
        position += **size;
        ends.push_back(position);
    }
    if (position > 0) {
        // All frames of one read share one buffer: one allocation for many small messages, none copied if the read ends
        // with a frame.
        std::string rest{stream.substr(position)};
        bytes_.resize(position);
        const payload whole{std::exchange(bytes_, std::move(rest))};
        std::size_t begin = 0;
        for (const auto end : ends) {
            frames.push_back(whole.slice(begin, end - begin));
            begin = end;
        }
    }
    make_plan(missing);
    return outcome;
}

void connection_buffer::make_plan(std::size_t missing) {
    if (missing > small_read_bytes) {
        plan_ = {true, std::min(missing, large_read_bytes)};
        return;
    }
    // Reads that come back full mean that more is waiting; a mostly empty one that its cleared buffer was wasted.
    if (last_read_ >= adaptive_bytes_)
        adaptive_bytes_ = std::min(adaptive_bytes_ * 2, busy_read_bytes);
    else if (last_read_ < adaptive_bytes_ / 4)
        adaptive_bytes_ = std::max(adaptive_bytes_ / 2, small_read_bytes);
    plan_ = {false, adaptive_bytes_};
}

} // namespace troupe::actors::net
