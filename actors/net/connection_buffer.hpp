#pragma once

#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace troupe::actors::net {

/// How the next bytes of a connection should be read.
struct read_plan {
    bool exact = false;    ///< wait for all of `bytes`; otherwise take what is there, up to `bytes`
    std::size_t bytes = 0; ///< the buffer a read costs: CAF allocates and clears all of it, whatever arrives
};

/// Cuts the bytes of one connection into frames.
///
/// Memory  at most one unfinished frame plus one read, and what is received while no frames are taken. An announced length allocates nothing; only received bytes do.
/// Always  after a failure the stream is lost: the connection must be closed.
class connection_buffer {
public:
    static constexpr std::size_t small_read_bytes = 4u << 10;
    static constexpr std::size_t busy_read_bytes = 64u << 10;   ///< while reads come back full
    static constexpr std::size_t large_read_bytes = 256u << 10; ///< part of a large frame that is read in one piece

    /// Appends received bytes.
    void receive(std::span<const char> bytes);
    /// Takes the complete frames out, in order; they share one buffer. Fails with protocol_error for an impossible length;
    /// `frames` then holds those before it.
    result<void> take_frames(std::vector<payload>& frames);

    [[nodiscard]] read_plan plan() const { return plan_; }
    /// True while a frame has begun and not ended.
    [[nodiscard]] bool is_inside_frame() const { return !bytes_.empty(); }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }

private:
    void make_plan(std::size_t missing);

    std::string bytes_;
    std::size_t last_read_ = 0;
    std::size_t adaptive_bytes_ = small_read_bytes;
    read_plan plan_{false, small_read_bytes};
};

} // namespace troupe::actors::net
