#include "client/internal/consume_statistics.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const time_point start{100h};

} // namespace

TEST_CASE("consume statistics: a topic of which nothing was heard has no rates") {
    consume_statistics all;
    const auto none = all.rates_of("t", start);
    CHECK(none.pulled_per_second == 0);
    CHECK(none.handle_ms == 0);
    CHECK(none.failed_last_hour == 0);
}

TEST_CASE("consume statistics: rates are over the time since the first event, and over a minute at most") {
    consume_statistics all;
    all.pulled("t", 30, 4ms, start);
    all.pulled("t", 10, 8ms, start + 1s);
    all.handled("t", 36, 4, 80ms, start + 10s);
    const auto early = all.rates_of("t", start + 20s);
    CHECK(early.pulled_per_second == doctest::Approx(2));
    CHECK(early.pull_ms == doctest::Approx(6));
    CHECK(early.done_per_second == doctest::Approx(1.8));
    CHECK(early.failed_per_second == doctest::Approx(0.2));
    CHECK(early.handle_ms == doctest::Approx(2));
    CHECK(early.failed_last_hour == 4);
    CHECK(all.rates_of("u", start + 20s).pulled_per_second == 0);

    // The pulls were in the slot that is 60 s old, and the handling in one that still counts: 50 s of it.
    const auto late = all.rates_of("t", start + 60s);
    CHECK(late.pulled_per_second == 0);
    CHECK(late.pull_ms == 0);
    CHECK(late.done_per_second == doctest::Approx(36.0 / 50));
}

TEST_CASE("consume statistics: in the first second a rate is what there was") {
    consume_statistics all;
    all.handled("t", 5, 0, 1ms, start);
    CHECK(all.rates_of("t", start).done_per_second == doctest::Approx(5));
}

TEST_CASE("consume statistics: failures count for an hour, and a topic that is forgotten begins anew") {
    consume_statistics all;
    for (int minute = 0; minute < 120; ++minute)
        all.handled("t", 0, 1, 1ms, start + minute * 1min);
    CHECK(all.rates_of("t", start + 119min).failed_last_hour == 60);
    CHECK(all.rates_of("t", start + 149min).failed_last_hour == 30);
    CHECK(all.rates_of("t", start + 179min).failed_last_hour == 0);
    all.forget("t");
    CHECK(all.rates_of("t", start + 119min).failed_last_hour == 0);
}
