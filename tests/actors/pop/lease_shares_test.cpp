#include "actors/pop/lease_shares.hpp"

#include <doctest/doctest.h>

using namespace troupe::actors;

TEST_CASE("lease_shares: below the bound of all, whoever comes first takes") {
    lease_shares shares{100};
    CHECK(shares.room_for("a") == 100);
    shares.change("a", 0, 70);
    CHECK(shares.room_for("a") == 30);
    CHECK(shares.room_for("b") == 50); // its share is more than what is left
    shares.change("b", 0, 10);
    CHECK(shares.room_for("a") == 20);
    CHECK(shares.all() == 80);
    CHECK_FALSE(shares.is_full());
}

TEST_CASE("lease_shares: above it a group takes below its share only, and a share that became smaller takes nothing back") {
    lease_shares shares{100};
    shares.change("a", 0, 100);
    CHECK(shares.is_full());
    CHECK(shares.room_for("a") == 0);
    CHECK(shares.room_for("b") == 50);
    shares.change("b", 0, 50);
    CHECK(shares.room_for("a") == 0);
    CHECK(shares.room_for("b") == 0);
    CHECK(shares.room_for("c") == 33);
    shares.change("c", 0, 33);
    CHECK(shares.all() == 183); // 100 * (1 + 1/2 + 1/3)
    shares.change("c", 33, 32);
    CHECK(shares.room_for("c") == 1);
    shares.change("a", 100, 60); // it still has more than its share, but there is no room of all either
    CHECK(shares.room_for("a") == 0);
}

TEST_CASE("lease_shares: a share is at least one message, however many groups there are") {
    lease_shares shares{2};
    shares.change("a", 0, 1);
    shares.change("b", 0, 1);
    CHECK(shares.room_for("c") == 1);
    shares.change("c", 0, 1);
    CHECK(shares.room_for("c") == 0);
    CHECK(shares.room_for("d") == 1);
}

TEST_CASE("lease_shares: leases of several queues add up, and a group without any shares nothing") {
    lease_shares shares{100};
    shares.change("a", 0, 60);
    shares.change("a", 0, 40); // another queue
    CHECK(shares.room_for("b") == 50);
    shares.change("a", 60, 0);
    shares.change("a", 40, 40);
    CHECK(shares.all() == 40);
    shares.change("a", 40, 0);
    CHECK(shares.all() == 0);
    CHECK(shares.largest(10).empty());
    shares.change("b", 0, 100);
    CHECK(shares.room_for("a") == 50); // two share, not three
    shares.clear();
    CHECK(shares.room_for("a") == 100);
    CHECK(shares.all() == 0);
}

TEST_CASE("lease_shares: the largest groups come first, those of one size by name, and no more than are asked for") {
    lease_shares shares{100};
    shares.change("c", 0, 5);
    shares.change("a", 0, 5);
    shares.change("b", 0, 9);
    CHECK(shares.largest(2) == lease_leaders::counts{{"b", 9}, {"a", 5}});
    CHECK(shares.largest(10) == lease_leaders::counts{{"b", 9}, {"a", 5}, {"c", 5}});
    CHECK(shares.largest(0).empty());
}
