#include "bench/delivery_ledger.hpp"

#include <doctest/doctest.h>

using namespace troupe::bench;

TEST_CASE("delivery_ledger: what came for the first time, what came again, and what never came") {
    delivery_ledger ledger{2};
    CHECK(ledger.missing({0, 0}) == 0);
    CHECK(ledger.missing({2, 1}) == 3);
    CHECK(ledger.arrived(0, 0));
    CHECK(ledger.arrived(1, 5));
    CHECK_FALSE(ledger.arrived(0, 0));
    CHECK(ledger.distinct() == 2);
    CHECK(ledger.repeated() == 1);
    CHECK(ledger.missing({1, 6}) == 5);
    for (std::int64_t offset = 0; offset < 5; ++offset) {
        CHECK(ledger.arrived(1, offset));
    }
    CHECK(ledger.missing({1, 6}) == 0);
    CHECK(ledger.missing({1, 7}) == 1);
}

TEST_CASE("delivery_ledger: a queue or offset that cannot be is neither new nor a repetition") {
    delivery_ledger ledger{2};
    CHECK_FALSE(ledger.arrived(2, 0));
    CHECK_FALSE(ledger.arrived(-1, 0));
    CHECK_FALSE(ledger.arrived(0, -1));
    CHECK(ledger.stray() == 3);
    CHECK(ledger.distinct() == 0);
    CHECK(ledger.repeated() == 0);
    CHECK(ledger.missing({0, 0, 4}) == 4);
}
