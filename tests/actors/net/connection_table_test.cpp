#include "actors/net/connection_table.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace troupe;
using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

using verdict = connection_table::verdict;
const connection_table::time_point start{1h};
constexpr connection_id one{1};
constexpr connection_id two{2};
constexpr connection_id three{3};

caf::io::connection_handle handle_of(std::int64_t number) {
    return caf::io::connection_handle::from_int(number);
}

/// The first bytes of a frame of a kilobyte.
void begin_frame(port_connection& each, connection_table::time_point now) {
    constexpr std::array<char, 5> bytes{0, 0, 4, 0, 0};
    each.frame_began = now;
    each.in.receive(bytes);
    std::vector<payload> frames;
    REQUIRE(each.in.take_frames(frames));
    REQUIRE(frames.empty());
}

/// What `id` keeps is what its peer does not read.
void keep(connection_table& table, connection_id id, std::size_t unsent, std::size_t waiting = 0) {
    table.find(id)->unsent = unsent;
    table.count_kept(id, waiting);
}

} // namespace

TEST_CASE("connection_table: a connection is found by number and by socket until it is removed") {
    connection_table table{{}};
    CHECK(table.find(one) == nullptr);
    CHECK_FALSE(table.id_of(handle_of(7)));
    auto& added = table.add(one, handle_of(7), start);
    CHECK(added.handle == handle_of(7));
    CHECK(added.last_seen == start);
    CHECK(table.find(one) == &added);
    CHECK(table.id_of(handle_of(7)) == one);
    table.add(two, handle_of(8), start);
    CHECK(table.find(one) == &added);
    CHECK(table.size() == 2);
    CHECK(table.all().size() == 2);
    table.remove(one);
    table.remove(one);
    CHECK(table.find(one) == nullptr);
    CHECK_FALSE(table.id_of(handle_of(7)));
    CHECK(table.all() == std::vector{two});
}

TEST_CASE("connection_table: a socket whose number comes again is that of the new connection") {
    connection_table table{{}};
    table.add(one, handle_of(7), start);
    table.remove(one);
    table.add(two, handle_of(7), start);
    CHECK(table.id_of(handle_of(7)) == two);
    table.add(three, handle_of(7), start); // even if nobody has said that the other is gone
    table.remove(two);
    CHECK(table.id_of(handle_of(7)) == three);
}

TEST_CASE("connection_table: a port is full with its last connection, and closes before descriptors run out") {
    connection_limits limits;
    limits.connections_max = 2;
    connection_table table{limits};
    CHECK(table.look_at(handle_of(7), 1'024) == verdict::welcome);
    table.add(one, handle_of(7), start);
    CHECK(table.look_at(handle_of(8), 1'024) == verdict::welcome);
    table.add(two, handle_of(8), start);
    CHECK(table.look_at(handle_of(9), 1'024) == verdict::full);
    CHECK(table.look_at(handle_of(961), 1'024) == verdict::scarce); // which is worse than full
    table.remove(one);
    CHECK(table.look_at(handle_of(960), 1'024) == verdict::welcome);
    CHECK(table.look_at(handle_of(961), 1'024) == verdict::scarce);
}

TEST_CASE("connection_table: connections leave descriptors for others, and half of them where there are few") {
    CHECK(connection_table::connections_beside(10'000, 65'536) == 10'000);
    CHECK(connection_table::connections_beside(10'000, 1'024) == 896);
    CHECK(connection_table::connections_beside(10'000, 257) == 129);
    CHECK(connection_table::connections_beside(10'000, 256) == 128);
    CHECK(connection_table::connections_beside(10'000, 64) == 32);
    CHECK(connection_table::connections_beside(10, 64) == 10);
}

TEST_CASE("connection_table: what all keep is counted, and above the bound who keeps most has to go") {
    connection_limits limits;
    limits.kept_bytes_max = 1'000;
    connection_table table{limits};
    CHECK_FALSE(table.greediest());
    table.add(one, handle_of(7), start);
    table.add(two, handle_of(8), start);
    keep(table, one, 400);
    keep(table, two, 500, 100);
    CHECK(table.kept_bytes() == 1'000);
    CHECK_FALSE(table.greediest());
    keep(table, one, 401);
    CHECK(table.kept_bytes() == 1'001);
    CHECK(table.greediest() == std::pair{two, std::size_t{600}});
    table.remove(two);
    CHECK(table.kept_bytes() == 401);
    CHECK_FALSE(table.greediest());
    keep(table, one, 0);
    CHECK(table.kept_bytes() == 0);
    table.count_kept(two, 5'000); // it has gone
    CHECK(table.kept_bytes() == 0);
}

TEST_CASE("connection_table: an unfinished frame is kept, and the buffer that its rest is read into") {
    connection_table table{{}};
    auto& each = table.add(one, handle_of(7), start);
    std::vector<payload> frames;
    each.in.receive(std::string{"\x00\x10\x00\x00x", 5}); // of a mebibyte
    REQUIRE(each.in.take_frames(frames));
    table.count_kept(one, 0);
    CHECK(table.kept_bytes() == 5 + each.in.plan().bytes);
    CHECK(each.in.plan().bytes > connection_buffer::small_read_bytes);
}

TEST_CASE("connection_table: who is silent and who does not end a frame is overdue, and a halted one need not end it") {
    connection_limits limits;
    limits.idle_timeout = 100s;
    limits.half_frame_timeout = 10s;
    connection_table table{limits};
    table.add(one, handle_of(7), start);
    auto& half = table.add(two, handle_of(8), start);
    begin_frame(half, start);
    CHECK(table.overdue(start + 10s).empty());
    const auto late = table.overdue(start + 11s);
    REQUIRE(late.size() == 1);
    CHECK(late[0].first == two);
    CHECK(late[0].second == "a frame began and did not end");
    half.halted = true; // it is not read from
    CHECK(table.overdue(start + 100s).empty());
    half.last_seen = start + 1s;
    const auto silent = table.overdue(start + 101s);
    REQUIRE(silent.size() == 1);
    CHECK(silent[0].first == one);
    CHECK(silent[0].second == "nothing was sent or read for too long");
    CHECK(table.overdue(start + 102s).size() == 2);
}
