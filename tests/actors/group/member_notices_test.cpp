#include "actors/group/member_notices.hpp"

#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using names = std::vector<std::string>;

clock_time at(std::chrono::milliseconds time) {
    return clock_time{} + 1h + time;
}

} // namespace

TEST_CASE("member_notices: the first change is told at once, those behind it once at the end of the window") {
    member_notices notices;
    CHECK(notices.next_due() == std::nullopt);
    CHECK(notices.changed("g", at(0ms)));
    for (int time = 1; time < 100; ++time)
        CHECK_FALSE(notices.changed("g", at(std::chrono::milliseconds{time})));
    CHECK(notices.next_due() == at(100ms));
    CHECK(notices.take_due(at(99ms)).empty());
    CHECK(notices.take_due(at(100ms)) == names{"g"});
    CHECK_FALSE(notices.changed("g", at(101ms))); // what was told begins a window, too
    CHECK(notices.take_due(at(200ms)) == names{"g"});
    CHECK(notices.take_due(at(300ms)).empty()); // nothing has changed since
    CHECK(notices.next_due() == std::nullopt);
    CHECK(notices.changed("g", at(300ms)));
}

TEST_CASE("member_notices: groups have windows of their own") {
    member_notices notices;
    CHECK(notices.changed("a", at(0ms)));
    CHECK(notices.changed("b", at(60ms)));
    CHECK_FALSE(notices.changed("b", at(70ms)));
    CHECK_FALSE(notices.changed("a", at(80ms)));
    CHECK(notices.take_due(at(100ms)) == names{"a"});
    CHECK(notices.next_due() == at(160ms));
    CHECK(notices.take_due(at(500ms)) == names{"b"}); // late: a's window is over as well, and had no news
}

TEST_CASE("member_notices: however members come, nobody waits longer than a window for the last news, and notices stay few") {
    std::mt19937_64 random{test_support::random_seed("member_notices", 35)};
    const auto below = [&random](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
    for (int round = 0; round < 200; ++round) {
        member_notices notices;
        std::map<std::string, clock_time> untold; ///< when the first change came that its members do not know of
        std::map<std::string, std::vector<clock_time>> told;
        auto now = at(0ms);
        const auto last_change = at(std::chrono::milliseconds{below(2'000)});
        const auto tell = [&](const std::string& group) {
            if (const auto waits = untold.find(group); waits != untold.end())
                CHECK(now - waits->second <= member_notices::window);
            untold.erase(group);
            told[group].push_back(now);
        };
        while (now < last_change || notices.next_due()) {
            const auto step = now + std::chrono::milliseconds{below(40)};
            const auto due = notices.next_due();
            now = due && *due < step ? *due : step; // a timer rings in time
            for (const auto& group : notices.take_due(now))
                tell(group);
            if (now >= last_change)
                continue;
            const auto group = std::string(1, static_cast<char>('a' + below(3)));
            untold.try_emplace(group, now);
            if (notices.changed(group, now))
                tell(group);
        }
        CHECK(untold.empty());
        for (const auto& entry : told)
            for (std::size_t i = 1; i < entry.second.size(); ++i)
                CHECK(entry.second[i] - entry.second[i - 1] >= member_notices::window);
    }
}
