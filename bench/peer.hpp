#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/remoting_command.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::bench {

/// Nanoseconds on the monotonic clock, which all processes of a machine share.
std::int64_t now_ns();

/// One plain TCP connection for measuring: non-blocking, with its own buffers. Not thread-safe.
class peer {
public:
    static result<peer> connect(const protocol::host_address& address);
    peer(peer&& other) noexcept;
    peer& operator=(peer&& other) noexcept;
    ~peer();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() - sent_; }

    /// Appends to what is to be written.
    void queue(std::string_view bytes) { out_.append(bytes); }
    /// Writes what the socket takes. Fails with connection_lost.
    result<void> write_some();
    /// Reads what is there. Fails with connection_lost, also at the end of the stream.
    result<void> read_some();
    /// The next whole frame in what was read, valid until the next read_some; empty when there is none.
    result<std::string_view> next_frame();

    /// Sends `command` and waits for its answer; nothing else may be in flight.
    result<protocol::remoting_command> call(protocol::remoting_command command, std::chrono::milliseconds limit);

private:
    explicit peer(int descriptor) : descriptor_{descriptor} {}

    int descriptor_ = -1;
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_; ///< room for reading; what was read is [taken_, filled_)
    std::size_t taken_ = 0;
    std::size_t filled_ = 0;
};

/// What the generator needs of an answer, without decoding its fields.
struct answer_head {
    std::int32_t code = 0;
    std::int32_t opaque = 0;
};
result<answer_head> read_answer_head(std::string_view frame);

/// Where a binary-header frame keeps its opaque number (u32 length, u32 header word, u16 code, u8 language, u16 version).
inline constexpr std::size_t binary_opaque_offset = 13;

void put_be32(char* to, std::uint32_t value);
std::uint32_t get_be32(const char* from);
void put_be64(char* to, std::uint64_t value);
std::uint64_t get_be64(const char* from);

} // namespace troupe::bench
