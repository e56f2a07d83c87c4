#include "actors/base/admission.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using troupe::actors::admission;

TEST_CASE("admission: the bound is never passed, and what is released can be had again") {
    admission bytes{100};
    CHECK(bytes.try_acquire(60));
    CHECK(bytes.try_acquire(40));
    CHECK_FALSE(bytes.try_acquire(1));
    CHECK(bytes.refused() == 1);
    bytes.release(40);
    CHECK(bytes.try_acquire(39));
    CHECK(bytes.under_way() == 99);
}

TEST_CASE("admission: an amount over the bound is let in alone") {
    admission bytes{100};
    CHECK(bytes.try_acquire(5000));
    CHECK_FALSE(bytes.try_acquire(1));
    bytes.release(5000);
    CHECK(bytes.try_acquire(1));
    CHECK_FALSE(bytes.try_acquire(5000));
}

TEST_CASE("admission: threads that acquire and release leave nothing behind") {
    admission units{3};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&units] {
            for (int round = 0; round < 10'000; ++round)
                if (units.try_acquire(1))
                    units.release(1);
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(units.under_way() == 0);
}
