#include "actors/schedule/delay_schedule.hpp"

#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr timestamp_ms start{1'000'000};

timestamp_ms at(std::int64_t ms) {
    return start + ms;
}

/// One level whose queue is empty.
delay_schedule one_level(std::chrono::milliseconds delay) {
    delay_schedule schedule{{delay}, {queue_offset{0}}};
    const auto looks = schedule.take_due(start);
    REQUIRE(looks.size() == 1);
    schedule.done(0, {queue_offset{0}, std::nullopt, queue_offset{0}}, start);
    return schedule;
}

} // namespace

TEST_CASE("delay_schedule: every level is looked at first thing, from where it was left") {
    delay_schedule schedule{{1s, 5s}, {queue_offset{7}, queue_offset{9}}};
    CHECK(schedule.next_due() <= start);
    const auto looks = schedule.take_due(start);
    REQUIRE(looks.size() == 2);
    CHECK(looks[0].from == queue_offset{7});
    CHECK(looks[0].stored_by == at(-1'000));
    CHECK(looks[1].from == queue_offset{9});
    CHECK(looks[1].stored_by == at(-5'000));
    CHECK(looks[1].known_below == queue_offset{0});
    CHECK(schedule.take_due(at(60'000)).empty()); // one look at a time
    CHECK_FALSE(schedule.next_due().has_value());
}

TEST_CASE("delay_schedule: an empty level is left alone for a whole delay") {
    auto schedule = one_level(5s);
    CHECK(schedule.next_due() == at(5'000));
    CHECK(schedule.take_due(at(4'999)).empty());
    CHECK(schedule.take_due(at(5'000)).size() == 1);
}

TEST_CASE("delay_schedule: the next message decides when to look again") {
    auto schedule = one_level(5s);
    REQUIRE(schedule.take_due(at(5'000)).size() == 1);
    schedule.done(0, {queue_offset{0}, at(2'000), queue_offset{3}}, at(5'001));
    CHECK(schedule.next_due() == at(7'000));
}

TEST_CASE("delay_schedule: what is due in a moment waits a little for company, what is due already does not") {
    auto schedule = one_level(5s);
    REQUIRE(schedule.take_due(at(6'000)).size() == 1);
    schedule.done(0, {queue_offset{4}, at(1'001), queue_offset{9}}, at(6'002));
    CHECK(schedule.next_due() == at(6'002 + delay_schedule::pause.count()));
    REQUIRE(schedule.take_due(at(6'100)).size() == 1);
    schedule.done(0, {queue_offset{5}, at(1'050), queue_offset{9}}, at(6'101)); // one look does not take all
    CHECK(schedule.next_due() == at(6'101));
}

TEST_CASE("delay_schedule: after a failure the rest is tried again, after a pause") {
    auto schedule = one_level(1s);
    REQUIRE(schedule.take_due(at(1'000)).size() == 1);
    schedule.failed(0, queue_offset{2}, at(1'010));
    CHECK(schedule.next_due() == at(1'010 + delay_schedule::pause_after_failure.count()));
    const auto looks = schedule.take_due(at(3'000));
    REQUIRE(looks.size() == 1);
    CHECK(looks[0].from == queue_offset{2});
}

TEST_CASE("delay_schedule: a clock that is set back makes a message late by a delay, not by as much as it was set back") {
    auto schedule = one_level(5s);
    REQUIRE(schedule.take_due(at(5'000)).size() == 1);
    schedule.done(0, {queue_offset{0}, at(4'000), queue_offset{3}}, at(5'000));
    CHECK(schedule.next_due() == at(9'000));
    CHECK(schedule.take_due(at(-3'600'000)).empty()); // an hour back
    CHECK(schedule.next_due() == at(-3'595'000));
    const auto looks = schedule.take_due(at(-3'595'000));
    REQUIRE(looks.size() == 1);
    CHECK(looks[0].stored_by == at(-3'600'000));    // which none of them is ...
    CHECK(looks[0].known_below == queue_offset{3}); // ... but they were there a delay ago
}

TEST_CASE("delay_schedule: after a restart with an earlier clock a message waits one delay from when it was seen") {
    delay_schedule schedule{{5s}, {queue_offset{0}}};
    REQUIRE(schedule.take_due(start).size() == 1);
    schedule.done(0, {queue_offset{0}, at(3'600'000), queue_offset{2}}, at(3));
    CHECK(schedule.next_due() == at(5'003));
    CHECK(schedule.take_due(at(5'003)).at(0).known_below == queue_offset{2});
}

TEST_CASE("durable_progress: progress waits until what it stands for is durable") {
    durable_progress progress{2};
    CHECK_FALSE(progress.is_waiting());
    progress.delivered(1, queue_offset{5}, log_position{100});
    progress.delivered(1, queue_offset{6}, log_position{200});
    progress.delivered(1, queue_offset{7}, log_position{300});
    CHECK(progress.is_waiting());
    CHECK(progress.take(log_position{99}).empty());
    using moves = std::vector<std::pair<std::size_t, queue_offset>>;
    CHECK(progress.take(log_position{250}) == moves{{1, queue_offset{5}}}); // of the second nothing is kept
    CHECK(progress.take(log_position{250}).empty());
    CHECK(progress.take(log_position{300}) == moves{{1, queue_offset{7}}});
    CHECK_FALSE(progress.is_waiting());
    progress.delivered(0, queue_offset{1}, {});
    CHECK(progress.take({}) == moves{{0, queue_offset{1}}});
}

// Goal: never early, late by little, each once and in order, whatever comes when, while looks take their time and fail.
// How:  a queue per level in memory, messages at random times, the schedule driven by its own next_due().
TEST_CASE("delay_schedule: against a queue that shows everything, nothing is early, lost, repeated or out of order") {
    std::mt19937_64 random{test_support::random_seed("delay schedule", 11)};
    const auto upto = [&random](std::int64_t max) { return std::uniform_int_distribution<std::int64_t>{0, max}(random); };
    for (int round = 0; round < 50; ++round) {
        const std::vector<std::chrono::milliseconds> delays{1s, 5s, 30s};
        delay_schedule schedule{delays, {3, queue_offset{0}}};
        struct level {
            std::vector<timestamp_ms> stored;
            std::size_t delivered = 0;
        };
        std::vector<level> levels(delays.size());
        auto now = start;
        timestamp_ms last_send = start;
        std::int64_t latest = 0;
        const auto send_until = [&](timestamp_ms until) {
            while (last_send < until) {
                last_send = std::min(last_send + upto(400), until);
                if (last_send <= at(60'000))
                    levels[static_cast<std::size_t>(upto(2))].stored.push_back(last_send);
            }
        };
        while (now < at(120'000)) {
            send_until(now);
            for (const auto& look : schedule.take_due(now)) {
                auto& level = levels[look.level];
                REQUIRE(look.from.value() == static_cast<std::int64_t>(level.delivered));
                if (round % 2 == 1 && upto(20) == 0) {
                    schedule.failed(look.level, look.from, now);
                    continue;
                }
                const auto took = upto(3);
                send_until(now + took);
                const auto batch_end = std::min(level.stored.size(), level.delivered + static_cast<std::size_t>(upto(8)) + 1);
                while (level.delivered < batch_end) {
                    const auto stored = level.stored[level.delivered];
                    const bool is_known = static_cast<std::int64_t>(level.delivered) < look.known_below.value();
                    if (stored > look.stored_by && !is_known)
                        break;
                    const auto late = now - stored - delays[look.level].count();
                    REQUIRE(late >= 0);
                    latest = std::max(latest, late);
                    ++level.delivered;
                }
                delay_schedule::sighting seen;
                seen.next = queue_offset{static_cast<std::int64_t>(level.delivered)};
                seen.max = queue_offset{static_cast<std::int64_t>(level.stored.size())};
                if (level.delivered < level.stored.size())
                    seen.stored = level.stored[level.delivered];
                now = now + took;
                schedule.done(look.level, seen, now);
            }
            const auto due = schedule.next_due();
            REQUIRE(due.has_value());
            now = std::max(now + 1, std::min(*due, now + 1'000));
        }
        for (const auto& level : levels)
            CHECK(level.delivered == level.stored.size());
        if (round % 2 == 0) // without failures
            CHECK(latest <= 100);
    }
}

TEST_CASE("durable_progress: what came without a place of its own waits for what came before it") {
    durable_progress progress{1};
    progress.delivered(0, queue_offset{10}, log_position{1'000});
    progress.delivered(0, queue_offset{20}, log_position{2'000});
    progress.delivered(0, queue_offset{30}, {}); // a batch that was dropped whole
    using moves = std::vector<std::pair<std::size_t, queue_offset>>;
    CHECK(progress.take(log_position{1'000}) == moves{{0, queue_offset{10}}});
    CHECK(progress.take(log_position{1'999}).empty());
    CHECK(progress.take(log_position{2'000}) == moves{{0, queue_offset{30}}});
}
