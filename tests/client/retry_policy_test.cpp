#include "client/internal/retry_policy.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

} // namespace

TEST_CASE("retry_policy: wrong messages are never retried, refusals are counted, lost brokers are waited for") {
    for (const auto code : {errc::busy, errc::disk_full, errc::store_read_only, errc::timed_out, errc::topic_not_found,
                            errc::queue_not_found, errc::not_permitted})
        CHECK(classify_send_failure(code) == retry_kind::counted);
    for (const auto code : {errc::connection_lost, errc::connect_failed, errc::shutting_down})
        CHECK(classify_send_failure(code) == retry_kind::until_timeout);
    for (const auto code : {errc::body_too_large, errc::message_illegal, errc::topic_illegal, errc::internal, errc::corrupt})
        CHECK(classify_send_failure(code) == retry_kind::never);
}

TEST_CASE("send_attempts: two counted retries, then the failure is final") {
    send_attempts attempts{start + 3s, 2};
    attempts.begin();
    CHECK(attempts.fail(errc::busy, start, false).again);
    attempts.begin();
    CHECK(attempts.fail(errc::busy, start, false).again);
    attempts.begin();
    CHECK_FALSE(attempts.fail(errc::busy, start, false).again);
    CHECK(attempts.attempts() == 3);
}

TEST_CASE("send_attempts: a broker that is away is tried until the timeout, with growing pauses") {
    send_attempts attempts{start + 3s, 0};
    auto now = start;
    int count = 0;
    auto pause = 0ms;
    for (;;) {
        attempts.begin();
        const auto verdict = attempts.fail(errc::connect_failed, now, false);
        if (!verdict.again)
            break;
        const auto next = std::chrono::duration_cast<milliseconds>(verdict.when - now);
        CHECK(next >= pause);
        pause = next;
        now = verdict.when;
        REQUIRE(++count < 100);
    }
    CHECK(count > 5);
    CHECK(now > start + 2s);
    CHECK(now < start + 3s);
}

TEST_CASE("send_attempts: the first retry on another broker needs no pause") {
    send_attempts attempts{start + 3s, 2};
    attempts.begin();
    CHECK(attempts.fail(errc::busy, start, true).when == start);
    attempts.begin();
    CHECK(attempts.fail(errc::busy, start, true).when > start);
}

TEST_CASE("send_attempts: an attempt leaves time for another only where another broker can use it") {
    send_attempts attempts{start + 3s, 1};
    CHECK(attempts.budget(start, false) == 3000ms);
    CHECK(attempts.budget(start, true) == 1500ms);
    attempts.begin();
    REQUIRE(attempts.fail(errc::timed_out, start + 1500ms, true).again);
    CHECK(attempts.budget(start + 1500ms, true) == 1500ms);
    CHECK(attempts.budget(start + 4s, false) == 1ms);
    CHECK(attempts.expired(start + 3s));
    CHECK_FALSE(attempts.fail(errc::busy, start + 3s, false).again);
}

TEST_CASE("backoff: doubles up to its maximum and starts anew after success") {
    backoff pause{100ms, 350ms};
    CHECK(pause.fail() == 100ms);
    CHECK(pause.fail() == 200ms);
    CHECK(pause.fail() == 350ms);
    CHECK(pause.fail() == 350ms);
    pause.succeed();
    CHECK(pause.fail() == 100ms);
}

TEST_CASE("redelivery_policy: the pause doubles with each failure, up to its maximum") {
    const redelivery_policy rules{100ms, 1s, std::nullopt};
    std::vector<milliseconds> pauses;
    for (std::int32_t failures = 1; failures <= 6; ++failures)
        pauses.push_back(rules.delay(failures));
    CHECK(pauses == std::vector<milliseconds>{100ms, 200ms, 400ms, 800ms, 1s, 1s});
    CHECK(rules.delay(2'000'000'000) == 1s);
    CHECK(redelivery_policy{0ms, 1s, std::nullopt}.delay(2'000'000'000) == 0ms);
}

TEST_CASE("redelivery_policy: tries end after so many redeliveries, wherever they were, and without a limit never") {
    redelivery_policy rules;
    CHECK_FALSE(rules.is_over(2'000'000'000, 2'000'000'000));
    rules.redeliveries_max = 2;
    CHECK_FALSE(rules.is_over(0, 1)); // the first delivery, and one redelivery
    CHECK_FALSE(rules.is_over(0, 2));
    CHECK(rules.is_over(0, 3));
    CHECK_FALSE(rules.is_over(1, 1)); // the broker has counted one
    CHECK(rules.is_over(1, 2));
    CHECK(rules.is_over(2, 1));
    CHECK(rules.is_over(2'147'483'647, 2'147'483'647));
    CHECK_FALSE(rules.is_over(-5, 2)); // nobody's word makes it more tries than the limit
    rules.redeliveries_max = 0;
    CHECK(rules.is_over(0, 1));
    CHECK(redelivery_policy::tries_before(0, 3) == 2);
    CHECK(redelivery_policy::tries_before(4, 1) == 4);
    CHECK(redelivery_policy::tries_before(2'147'483'647, 2) == 2'147'483'647);
}
