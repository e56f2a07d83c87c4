#include "actors/log/pending_acks.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

pending_ack ack(std::uint64_t ticket, std::int64_t end) {
    return {log_position{end}, {}, {ticket, {}, {}}};
}

} // namespace

TEST_CASE("pending_acks: nothing is released above the watermark") {
    pending_acks acks;
    acks.add(ack(1, 100));
    acks.add(ack(2, 200));
    acks.add(ack(3, 300));
    CHECK(acks.release(log_position{99}).empty());
    const auto first = acks.release(log_position{200});
    REQUIRE(first.size() == 2);
    CHECK(first[0].outcome.ticket == 1);
    CHECK(first[1].outcome.ticket == 2);
    CHECK(acks.release(log_position{200}).empty());
    CHECK(acks.size() == 1);
}

TEST_CASE("pending_acks: a failure reaches everything that waits, once") {
    pending_acks acks;
    acks.add(ack(1, 100));
    acks.add(ack(2, 200));
    const auto failed = acks.fail_all({errc::store_read_only, "disk"});
    REQUIRE(failed.size() == 2);
    CHECK(failed[1].outcome.failure.code == errc::store_read_only);
    CHECK(acks.release(log_position{1000}).empty());
    CHECK(acks.fail_all({errc::io, ""}).empty());
}
