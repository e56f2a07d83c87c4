#include "actors/net/connection_buffer.hpp"

#include "protocol/remoting_command.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors::net;

namespace {

std::string frame(std::size_t body_bytes, std::int32_t opaque = 1) {
    protocol::remoting_command command;
    command.code = 105;
    command.opaque = opaque;
    command.body = payload{std::string(body_bytes, 'x')};
    return protocol::encode_frame(command);
}

} // namespace

TEST_CASE("frames come out whole and in order however the bytes are cut") {
    const auto stream = frame(0, 1) + frame(10'000, 2) + frame(3, 3);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, stream.size()}) {
        CAPTURE(piece);
        connection_buffer buffer;
        std::vector<payload> frames;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            const auto part = std::string_view{stream}.substr(at, piece);
            buffer.receive({part.data(), part.size()});
            REQUIRE(buffer.take_frames(frames).ok());
        }
        REQUIRE(frames.size() == 3);
        CHECK(frames[0].view() == frame(0, 1));
        CHECK(frames[1].view() == frame(10'000, 2));
        CHECK(frames[2].view() == frame(3, 3));
        CHECK_FALSE(buffer.is_inside_frame());
    }
}

TEST_CASE("the tail of a large frame is read in pieces that are bounded") {
    const auto large = frame(8u << 20);
    connection_buffer buffer;
    std::vector<payload> frames;
    buffer.receive({large.data(), 100});
    REQUIRE(buffer.take_frames(frames).ok());
    CHECK(buffer.plan().exact);
    CHECK(buffer.plan().bytes == connection_buffer::large_read_bytes);
    CHECK(buffer.is_inside_frame());
    CHECK(buffer.size() == 100); // nothing is kept for bytes that were only announced
}

TEST_CASE("an impossible length fails, after the frames before it") {
    auto stream = frame(5);
    stream += std::string("\x7f\xff\xff\xff", 4);
    connection_buffer buffer;
    std::vector<payload> frames;
    buffer.receive({stream.data(), stream.size()});
    CHECK(buffer.take_frames(frames).code() == errc::protocol_error);
    CHECK(frames.size() == 1);
}

TEST_CASE("full reads make the next ones larger, small ones smaller again") {
    connection_buffer buffer;
    std::vector<payload> frames;
    const auto small = frame(0);
    std::string full;
    while (full.size() < connection_buffer::busy_read_bytes)
        full += small;
    for (int round = 0; round < 8; ++round) {
        buffer.receive({full.data(), full.size()});
        REQUIRE(buffer.take_frames(frames).ok());
    }
    CHECK(buffer.plan().bytes == connection_buffer::busy_read_bytes);
    for (int round = 0; round < 8; ++round) {
        buffer.receive({small.data(), small.size()});
        REQUIRE(buffer.take_frames(frames).ok());
    }
    CHECK(buffer.plan().bytes == connection_buffer::small_read_bytes);
}
