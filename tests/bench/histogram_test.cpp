#include "bench/histogram.hpp"

#include <doctest/doctest.h>

using troupe::bench::histogram;

TEST_CASE("histogram: an empty one answers zero everywhere") {
    const histogram empty;
    CHECK(empty.count() == 0);
    CHECK(empty.max() == 0);
    CHECK(empty.mean() == 0);
    CHECK(empty.percentile(0.99) == 0);
}

TEST_CASE("histogram: small values are exact") {
    histogram recorded;
    for (int i = 1; i <= 50; ++i) {
        recorded.record(i);
    }
    CHECK(recorded.percentile(0.5) == 25);
    CHECK(recorded.percentile(1.0) == 50);
    CHECK(recorded.mean() == doctest::Approx(25.5));
}

TEST_CASE("histogram: any percentile of large values is at most 1.6 percent too high and never too low") {
    histogram recorded;
    for (std::int64_t i = 1; i <= 100'000; ++i) {
        recorded.record(i * 1000);
    }
    for (const double fraction : {0.1, 0.5, 0.9, 0.99, 0.999}) {
        const auto truth = fraction * 100'000 * 1000;
        const auto answer = static_cast<double>(recorded.percentile(fraction));
        CHECK(answer >= truth - 1000);
        CHECK(answer <= truth * 1.016 + 1000);
    }
    CHECK(recorded.max() == 100'000'000);
}

TEST_CASE("histogram: hours and negative values stay inside the table") {
    histogram recorded;
    recorded.record(-5);
    recorded.record(std::int64_t{1} << 62);
    CHECK(recorded.count() == 2);
    CHECK(recorded.percentile(0.1) == 0);
    CHECK(recorded.percentile(1.0) <= recorded.max());
}

TEST_CASE("histogram: adding one to another is recording all of both") {
    histogram a;
    histogram b;
    histogram both;
    for (int i = 0; i < 1000; ++i) {
        (i % 2 == 0 ? a : b).record(i * 37);
        both.record(i * 37);
    }
    a.add(b);
    CHECK(a.count() == both.count());
    CHECK(a.max() == both.max());
    CHECK(a.percentile(0.75) == both.percentile(0.75));
}
