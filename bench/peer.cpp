#include "bench/peer.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace troupe::bench {

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void put_be32(char* to, std::uint32_t value) {
    value = htonl(value);
    std::memcpy(to, &value, sizeof value);
}

std::uint32_t get_be32(const char* from) {
    std::uint32_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return ntohl(value);
}

void put_be64(char* to, std::uint64_t value) {
    put_be32(to, static_cast<std::uint32_t>(value >> 32));
    put_be32(to + 4, static_cast<std::uint32_t>(value));
}

std::uint64_t get_be64(const char* from) {
    return (static_cast<std::uint64_t>(get_be32(from)) << 32) | get_be32(from + 4);
}

result<peer> peer::connect(const protocol::host_address& address) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return error{errc::io, std::string{"socket: "} + std::strerror(errno)};
    }
    peer made{descriptor};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    std::memcpy(&to.sin_addr, address.address.data(), 4);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        return error{errc::connect_failed, to_string(address) + ": " + std::strerror(errno)};
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    return made;
}

peer::peer(peer&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)},
      out_{std::move(other.out_)},
      sent_{other.sent_},
      in_{std::move(other.in_)},
      taken_{other.taken_},
      filled_{other.filled_} {}

peer& peer::operator=(peer&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(out_, other.out_);
    std::swap(sent_, other.sent_);
    std::swap(in_, other.in_);
    std::swap(taken_, other.taken_);
    std::swap(filled_, other.filled_);
    return *this;
}

peer::~peer() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

result<void> peer::write_some() {
    while (sent_ < out_.size()) {
        const auto written = ::send(descriptor_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == EAGAIN) {
                return {};
            }
            return error{errc::connection_lost, std::string{"send: "} + std::strerror(errno)};
        }
        sent_ += static_cast<std::size_t>(written);
    }
    out_.clear();
    sent_ = 0;
    return {};
}

result<void> peer::read_some() {
    constexpr std::size_t room_min = 64u << 10;
    if (taken_ > 0) {
        std::memmove(in_.data(), in_.data() + taken_, filled_ - taken_);
        filled_ -= taken_;
        taken_ = 0;
    }
    for (;;) {
        if (in_.size() - filled_ < room_min) {
            in_.resize(2 * in_.size() + room_min); // rarely: zero-filling room for each read would cost more than the read
        }
        const auto room = in_.size() - filled_;
        const auto got = ::recv(descriptor_, in_.data() + filled_, room, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == EAGAIN) {
                return {};
            }
            return error{errc::connection_lost, std::string{"recv: "} + std::strerror(errno)};
        }
        if (got == 0) {
            return error{errc::connection_lost, "the broker closed the connection"};
        }
        filled_ += static_cast<std::size_t>(got);
        if (static_cast<std::size_t>(got) < room) {
            return {};
        }
    }
}

result<std::string_view> peer::next_frame() {
    const std::string_view rest{in_.data() + taken_, filled_ - taken_};
    const auto size = protocol::frame_size(rest);
    if (!size) {
        return size.failure();
    }
    if (!*size || rest.size() < **size) {
        return std::string_view{};
    }
    taken_ += **size;
    return rest.substr(0, **size);
}

result<protocol::remoting_command> peer::call(protocol::remoting_command command, std::chrono::milliseconds limit) {
    command.opaque = 0x7fffffff;
    queue(protocol::encode_frame(command));
    const auto deadline = now_ns() + std::chrono::nanoseconds{limit}.count();
    for (;;) {
        if (auto written = write_some(); !written) {
            return written.failure();
        }
        auto frame = next_frame();
        if (!frame) {
            return frame.failure();
        }
        if (!frame->empty()) {
            auto answer = protocol::decode_frame(payload{std::string{*frame}});
            if (!answer || answer->is_response()) {
                return answer;
            }
            continue; // the broker's own request: a group changed
        }
        const auto left_ms = (deadline - now_ns()) / 1'000'000;
        if (left_ms <= 0) {
            return error{errc::timed_out, "no answer to request code " + std::to_string(command.code)};
        }
        pollfd wait{descriptor_, static_cast<short>(unsent_bytes() > 0 ? POLLIN | POLLOUT : POLLIN), 0};
        ::poll(&wait, 1, static_cast<int>(left_ms));
        if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            if (auto got = read_some(); !got) {
                return got.failure();
            }
        }
    }
}

result<answer_head> read_answer_head(std::string_view frame) {
    constexpr std::size_t least = binary_opaque_offset + 4;
    if (frame.size() >= least && frame[4] == 1) {
        const auto code = static_cast<std::int32_t>((static_cast<std::uint8_t>(frame[8]) << 8) | static_cast<std::uint8_t>(frame[9]));
        return answer_head{code, static_cast<std::int32_t>(get_be32(frame.data() + binary_opaque_offset))};
    }
    auto decoded = protocol::decode_frame(payload{std::string{frame}});
    if (!decoded) {
        return decoded.failure();
    }
    return answer_head{decoded->code, decoded->opaque};
}

} // namespace troupe::bench
