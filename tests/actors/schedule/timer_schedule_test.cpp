#include "actors/schedule/timer_schedule.hpp"

#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;
using storage::timer_key;

namespace {

timer_key key(std::int64_t due, std::int64_t position = 0) {
    return {timestamp_ms{due}, log_position{position}};
}

std::vector<storage::timer_changes::removal> batch(const std::vector<timer_key>& keys) {
    std::vector<storage::timer_changes::removal> all;
    for (const auto& one : keys)
        all.push_back({one, 0});
    return all;
}

} // namespace

TEST_CASE("timer_schedule: with no timers it sleeps, and notices one that comes") {
    timer_schedule schedule{storage::no_timer_key};
    CHECK_FALSE(schedule.look(timestamp_ms{100}));
    CHECK(schedule.wake(timestamp_ms{100}) == timestamp_ms{100 + timer_schedule::sleep_max.count()});
    schedule.added(key(300, 5));
    CHECK(schedule.wake(timestamp_ms{100}) == timestamp_ms{300});
    CHECK_FALSE(schedule.look(timestamp_ms{299}));
    CHECK(schedule.look(timestamp_ms{300}) == key(300, 5));
    schedule.added(key(200, 6));
    CHECK(schedule.look(timestamp_ms{250}) == key(200, 6));
}

TEST_CASE("timer_schedule: one batch at a time, and what it holds is taken until it is removed") {
    timer_schedule schedule{key(100)};
    REQUIRE(schedule.look(timestamp_ms{100}));
    schedule.looked(batch({key(100), key(110)}), key(120));
    CHECK_FALSE(schedule.look(timestamp_ms{500}));
    CHECK(schedule.is_taken(key(110)));
    schedule.delivered(log_position{1'000}, queue_offset{7});
    CHECK(schedule.look(timestamp_ms{500}) == key(120));
    CHECK(schedule.wake(timestamp_ms{110}) == timestamp_ms{120});
    CHECK(schedule.take_durable(log_position{999}).empty());
    const auto durable = schedule.take_durable(log_position{1'000});
    REQUIRE(durable.size() == 1);
    CHECK(durable[0].done == queue_offset{7});
    CHECK(durable[0].timers.size() == 2);
    CHECK(schedule.is_taken(key(110)));
    schedule.removed(durable[0]);
    CHECK_FALSE(schedule.is_taken(key(110)));
}

TEST_CASE("timer_schedule: a batch that failed is looked at again after a pause, and one that came meanwhile too") {
    timer_schedule schedule{key(100)};
    schedule.looked(batch({key(100), key(110)}), key(5'000));
    schedule.added(key(50));
    schedule.failed(timestamp_ms{200});
    CHECK_FALSE(schedule.is_taken(key(100)));
    CHECK_FALSE(schedule.look(timestamp_ms{200}));
    const auto over = timestamp_ms{200} + timer_schedule::pause_after_failure.count();
    CHECK(schedule.wake(timestamp_ms{200}) == over);
    CHECK(schedule.look(over) == key(50));
    CHECK(schedule.look(timestamp_ms{150}) == key(50)); // the clock was set back: the pause is over
}

TEST_CASE("timer_schedule: timers that are not durable are bounded") {
    constexpr std::size_t most = 20;
    timer_schedule schedule{key(1), most};
    for (std::size_t i = 0; i < most; ++i) {
        REQUIRE(schedule.look(timestamp_ms{1'000}));
        const auto n = static_cast<std::int64_t>(i) + 1;
        schedule.looked(batch({key(n)}), key(n + 1));
        schedule.delivered(log_position{n}, queue_offset{n});
    }
    CHECK_FALSE(schedule.look(timestamp_ms{1'000}));
    CHECK(schedule.wake(timestamp_ms{1'000}) == timestamp_ms{1'000} + timer_schedule::durable_interval.count());
    for (const auto& removal : schedule.take_durable(log_position{1}))
        schedule.removed(removal);
    CHECK(schedule.look(timestamp_ms{1'000}));
}

// Goal: whatever happens in whatever order, nothing early, nothing twice, nothing forgotten.
// How:  random timers, clock jumps both ways, failures, late durability; the store is a sorted map.
TEST_CASE("timer_schedule: random histories against a sorted map") {
    const auto seed = random_seed("timer_schedule", 5);
    std::mt19937_64 random{seed};
    for (int round = 0; round < 200; ++round) {
        INFO("seed ", seed, ", round ", round);
        std::set<timer_key> stored;
        std::map<timer_key, int> delivered;
        timer_schedule schedule{storage::no_timer_key};
        timestamp_ms now{1'000};
        std::vector<timer_key> under_way;
        std::int64_t log = 0;
        std::int64_t durable = 0;
        std::int64_t sent = 0;
        const auto look = [&] {
            const auto from = schedule.look(now);
            if (!from)
                return;
            REQUIRE(under_way.empty());
            std::vector<timer_key> taken;
            auto at = stored.lower_bound(*from);
            std::size_t seen = 0;
            for (; at != stored.end() && at->due <= now && seen < 3; ++at, ++seen)
                if (!schedule.is_taken(*at))
                    taken.push_back(*at);
            schedule.looked(batch(taken), at == stored.end() ? storage::no_timer_key : *at);
            under_way = taken;
        };
        const auto answer = [&](bool is_good) {
            if (under_way.empty())
                return;
            if (is_good) {
                for (const auto& one : under_way) {
                    REQUIRE(one.due <= now);
                    ++delivered[one];
                }
                ++log;
                schedule.delivered(log_position{log}, queue_offset{log});
            } else {
                schedule.failed(now);
            }
            under_way.clear();
        };
        const auto remove = [&] {
            for (const auto& removal : schedule.take_durable(log_position{durable})) {
                for (const auto& one : removal.timers)
                    stored.erase(one.key);
                schedule.removed(removal);
            }
        };
        for (int step = 0; step < 300; ++step)
            switch (random() % 8) {
            case 0:
            case 1: {
                const auto fresh = key(now.value() + static_cast<std::int64_t>(random() % 2'000) - 500, ++sent);
                stored.insert(fresh);
                schedule.added(fresh);
                break;
            }
            case 2: now = now + static_cast<std::int64_t>(random() % 300); break;
            case 3:
                if (under_way.empty() && random() % 8 == 0)
                    now = timestamp_ms{std::max<std::int64_t>(0, now.value() - static_cast<std::int64_t>(random() % 1'000))};
                break;
            case 4: durable = log - static_cast<std::int64_t>(random() % 3); break;
            case 5: remove(); break;
            case 6: answer(random() % 4 != 0); break;
            default: look(); break;
            }
        now = now + 10'000;
        for (int step = 0; step < 2'000 && !stored.empty(); ++step) {
            answer(true);
            durable = log;
            remove();
            const auto wake = schedule.wake(now);
            REQUIRE(wake <= now + timer_schedule::sleep_max.count());
            now = wake;
            look();
        }
        CHECK(stored.empty());
        CHECK(delivered.size() == static_cast<std::size_t>(sent));
        for (const auto& [one, times] : delivered)
            CHECK(times == 1);
    }
}
