#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

/// For what other threads and processes do in their own time, and tell nobody. Where time is virtual, advance it instead.
namespace troupe::test_support {

/// Whether `condition` comes to hold within `limit`. Rests between two looks, so that it takes no processor from what it waits for.
template <class Condition>
bool eventually(std::chrono::milliseconds limit, Condition condition) {
    constexpr std::chrono::milliseconds rest{2};
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(rest);
    }
    return true;
}

/// Waits until `condition` holds; after `limit` the test fails, and says that it was `what` that did not come.
template <class Condition>
void await(const char* what, Condition condition, std::chrono::milliseconds limit = std::chrono::seconds{30}) {
    INFO("awaited: ", what);
    const bool came_in_time = eventually(limit, condition);
    REQUIRE(came_in_time);
}

} // namespace troupe::test_support
