#include "apps/commands/delivery_check.hpp"

#include <doctest/doctest.h>

using namespace troupe::apps;

namespace {
const std::vector<std::string> lines{"zero\n", "one\n", "two\n"};
}

TEST_CASE("delivery_check: every message once and in order per queue is good") {
    delivery_check check{lines};
    check.delivered(1, "b:1", 0, "one\n");
    CHECK_FALSE(check.complete());
    check.delivered(0, "b:0", 0, "zero\n");
    check.delivered(2, "b:0", 1, "two\n");
    CHECK(check.complete());
    CHECK(check.verdict().good());
}

TEST_CASE("delivery_check: a message that never came is lost") {
    delivery_check check{lines};
    check.delivered(0, "b:0", 0, "zero\n");
    CHECK(to_string(check.verdict()) == "2 lost, 0 duplicated, 0 altered, 0 out of order");
}

TEST_CASE("delivery_check: a message that came twice is a duplicate, even after everything came") {
    delivery_check check{lines};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        check.delivered(i, "b:0", static_cast<std::int64_t>(i), lines[i]);
    }
    check.delivered(1, "b:0", 1, "one\n");
    CHECK(to_string(check.verdict()) == "0 lost, 1 duplicated, 0 altered, 0 out of order");
}

TEST_CASE("delivery_check: another body, or a number that was never sent, is altered") {
    delivery_check check{lines};
    check.delivered(0, "b:0", 0, "zer0\n");
    check.delivered(3, "b:0", 1, "three\n");
    CHECK(to_string(check.verdict()) == "3 lost, 0 duplicated, 2 altered, 0 out of order");
}

TEST_CASE("delivery_check: order is broken by number and by offset") {
    delivery_check by_number{lines};
    by_number.delivered(1, "b:0", 0, "one\n");
    by_number.delivered(0, "b:0", 1, "zero\n");
    CHECK(by_number.verdict().out_of_order == 1);
    delivery_check by_offset{lines};
    by_offset.delivered(0, "b:0", 5, "zero\n");
    by_offset.delivered(1, "b:0", 4, "one\n");
    CHECK(by_offset.verdict().out_of_order == 1);
}

TEST_CASE("latencies: percentiles are values that occurred") {
    latencies some;
    CHECK(some.percentile(50) == 0);
    for (const double ms : {4.0, 1.0, 3.0, 2.0}) {
        some.add(ms);
    }
    CHECK(some.percentile(0) == 1.0);
    CHECK(some.percentile(50) == 2.0);
    CHECK(some.percentile(99) == 4.0);
    CHECK(some.percentile(100) == 4.0);
}

TEST_CASE("delivery_check: a copy that the queues hold and nobody was given is a duplicate, a missing one is lost") {
    delivery_check check{lines};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        check.delivered(i, "b:0", static_cast<std::int64_t>(i), lines[i]);
    }
    check.stored(3);
    CHECK(check.verdict().good());
    check.stored(5);
    CHECK(to_string(check.verdict()) == "0 lost, 2 duplicated, 0 altered, 0 out of order");
    check.stored(2);
    CHECK(to_string(check.verdict()) == "1 lost, 0 duplicated, 0 altered, 0 out of order");
}
