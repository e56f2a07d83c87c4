#include "actors/net/request_coalescing.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

using time_point = request_coalescing::clock::time_point;

/// A port that works 20 us in a round, and clients; in virtual time.
struct port {
    request_coalescing coalescing{200us};
    time_point now{1h};
    std::chrono::microseconds rest{0};
    std::chrono::nanoseconds rested{0};
    std::size_t requests = 0;

    /// One round that finds `found` requests.
    void round(std::size_t found) {
        requests += found;
        now += 20us;
        rest = coalescing.rest_after(found, now);
        now += rest;
        rested += rest;
    }
    /// Clients that send `rate` requests a second, whatever the port does.
    void open_loop(double rate, std::chrono::milliseconds time) {
        const auto end = now + time;
        double due = 0;
        for (auto before = now; now < end;) {
            due += rate * std::chrono::duration<double>(now - before).count();
            before = now;
            const auto found = static_cast<std::size_t>(due);
            due -= static_cast<double>(found);
            if (found > 0)
                round(found);
            else
                now += 5us;
        }
    }
    /// `clients` that send again 30 us after their answer, which comes in the next round.
    void closed_loop(std::size_t clients, std::chrono::milliseconds time) {
        const auto end = now + time;
        while (now < end) {
            now += std::max(0us, 30us - rest);
            round(clients);
        }
    }
    [[nodiscard]] double rate_of(void (port::*load)(std::size_t, std::chrono::milliseconds), std::size_t clients,
                                 std::chrono::milliseconds time) {
        const auto before = requests;
        const auto began = now;
        (this->*load)(clients, time);
        return static_cast<double>(requests - before) / std::chrono::duration<double>(now - began).count();
    }
};

} // namespace

TEST_CASE("a port that little comes to never rests") {
    port busy;
    busy.open_loop(14'000, 5'000ms);
    CHECK(busy.rested == 0ns);
}

TEST_CASE("where requests come anyway, the port soon rests as long as it may, and takes no fewer") {
    port busy;
    busy.open_loop(50'000, 500ms);
    CHECK(busy.rest == 200us);
    const auto before = busy.requests;
    busy.open_loop(50'000, 10'000ms);
    CHECK(busy.requests - before > 495'000);
    CHECK(busy.rested > 7s);
}

TEST_CASE("where each round brings many requests without it, the port does not rest") {
    port busy;
    busy.closed_loop(64, 3'000ms);
    CHECK(busy.rested == 0ns);
}

TEST_CASE("the more requests come, the less the port rests") {
    port busy;
    busy.open_loop(150'000, 1'000ms);
    CHECK(busy.rest > 0us);
    CHECK(busy.rest <= 100us);
}

TEST_CASE("clients that wait for their answers are hardly slowed down") {
    for (const std::size_t clients : {1u, 4u, 16u}) {
        CAPTURE(clients);
        port without;
        without.coalescing = request_coalescing{0us};
        port with;
        const auto fast = without.rate_of(&port::closed_loop, clients, 10'000ms);
        CHECK(with.rate_of(&port::closed_loop, clients, 10'000ms) > 0.9 * fast);
    }
}

TEST_CASE("a load that changes is noticed within a cycle") {
    port busy;
    busy.open_loop(50'000, 1'000ms);
    CHECK(busy.rest == 200us);
    busy.closed_loop(8, request_coalescing::cycle);
    const auto rested = busy.rested;
    busy.closed_loop(8, 4'000ms);
    CHECK(busy.rested - rested < 1s);
    busy.open_loop(50'000, request_coalescing::cycle + 200ms);
    CHECK(busy.rest > 0us);
}

TEST_CASE("clients that are no clockwork make the port rest as well") {
    port busy;
    for (int i = 0; i < 100; ++i) {
        busy.open_loop(55'000, 40ms);
        busy.open_loop(45'000, 40ms);
    }
    CHECK(busy.rested > 2s);
}

TEST_CASE("a machine that is slower for a moment does not end the rests") {
    port busy;
    busy.open_loop(60'000, 1'000ms);
    busy.open_loop(40'000, 450ms);
    const auto rested = busy.rested;
    busy.open_loop(60'000, 2'000ms);
    CHECK(busy.rested - rested > 1s);
}

TEST_CASE("after a pause the port measures again, without a rest") {
    port busy;
    busy.open_loop(50'000, 1'000ms);
    CHECK(busy.rest == 200us);
    busy.now += 10s;
    busy.round(1);
    CHECK(busy.rest == 0us);
}

TEST_CASE("a port that must not rest does not") {
    port busy;
    busy.coalescing = request_coalescing{0us};
    busy.open_loop(100'000, 1'000ms);
    CHECK(busy.rested == 0ns);
}
