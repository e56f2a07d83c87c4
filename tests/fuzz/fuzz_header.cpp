#include "protocol/vocabulary/big_endian.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/same_command.hpp"

/// The first byte is the form of the header, the rest is the header: every input is inside a frame whose lengths are right.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    if (bytes.empty() || bytes.size() > 100'000)
        return;
    std::string frame;
    append_be(frame, static_cast<std::uint32_t>(bytes.size() - 1 + 4));
    append_be(frame, static_cast<std::uint32_t>((bytes.size() - 1) | (static_cast<std::uint32_t>(bytes.front() & 1) << 24)));
    frame.append(bytes.substr(1));
    fuzz::check_frame(payload{std::move(frame)});
}
