#include "actors/group/unclaimed_groups.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using names = std::vector<std::string>;
using signs = std::vector<std::pair<std::string, timestamp_ms>>;

/// So many minutes, and milliseconds, after 1970 began.
timestamp_ms at(std::int64_t minutes, std::int64_t ms = 0) {
    return timestamp_ms{minutes * 60'000 + ms};
}

/// What the disk holds after the changes were written.
void write(unclaimed_groups& groups, std::map<std::string, timestamp_ms>& disk) {
    for (const auto& [group, seen] : groups.changes()) {
        if (seen)
            disk.insert_or_assign(group, *seen);
        else
            disk.erase(group);
    }
    groups.changes_written();
}

/// What has expired at `to`, after a check every ten minutes on the way from `from`.
names after(unclaimed_groups& groups, timestamp_ms from, timestamp_ms to) {
    for (auto now = from; now < to; now = now + unclaimed_groups::step_max.count())
        (void)groups.expired(now);
    return groups.expired(to);
}

} // namespace

TEST_CASE("unclaimed groups: offsets without a configuration go after the expiry, to the millisecond, and those with one never") {
    unclaimed_groups groups{10, 800min};
    groups.start({"real"}, {}, {"made-up", "real", "@schedule"}, at(1'000));
    CHECK(groups.names() == names{"made-up"});
    groups.committed("made-up", at(1'500));
    groups.committed("real", at(1'500));
    groups.committed("@schedule", at(1'500));
    groups.committed("new", at(1'600));
    CHECK(groups.count() == 2);
    CHECK(after(groups, at(1'000), at(2'300, -1)).empty());
    CHECK(groups.expired(at(2'300)) == names{"made-up"});
    groups.seen("made-up", at(2'300)); // a member, a pull, or a question
    CHECK(after(groups, at(2'300), at(2'400)) == names{"new"});
    groups.forget("new");
    CHECK(after(groups, at(2'400), at(3'100, -1)).empty());
    CHECK(after(groups, at(3'100), at(10'000)) == names{"made-up"});
    groups.seen("nobody", at(3'000));
    CHECK(groups.count() == 1);
}

TEST_CASE("unclaimed groups: a group that gets a configuration is none of them, and one that loses it is from then on") {
    unclaimed_groups groups{10, 800min};
    groups.start({}, {}, {"g"}, at(0));
    groups.claim("g");
    CHECK(groups.count() == 0);
    groups.committed("g", at(100));
    CHECK(groups.count() == 0);
    groups.release("g", at(5'000));
    CHECK(after(groups, at(0), at(5'800, -1)).empty());
    CHECK(groups.expired(at(5'800)) == names{"g"});
    groups.claim("g");
    groups.lose_claim("g"); // deleted with its offsets
    CHECK(groups.count() == 0);
    groups.committed("g", at(9'000));
    CHECK(groups.names() == names{"g"});
}

TEST_CASE("unclaimed groups: there are at most so many, and those that are there already may go on") {
    unclaimed_groups groups{2, 800min};
    groups.start({"real"}, {}, {}, at(0));
    groups.committed("a", at(1));
    CHECK(groups.may_commit("b"));
    groups.committed("b", at(1));
    CHECK_FALSE(groups.may_commit("c"));
    CHECK(groups.may_commit("a"));
    CHECK(groups.may_commit("real"));
    CHECK(groups.may_commit("@resent"));
    groups.claim("c");
    CHECK(groups.may_commit("c"));
    groups.forget("a");
    CHECK(groups.may_commit("d"));

    unclaimed_groups full{2, 800min};
    full.start({}, {}, {"a", "b", "c"}, at(0)); // of a time with another bound
    CHECK(full.count() == 3);
    CHECK(full.may_commit("c"));
    CHECK_FALSE(full.may_commit("d"));
}

TEST_CASE("unclaimed groups: an expiry of 0 keeps everything and writes nothing") {
    unclaimed_groups groups{10, 0ms};
    groups.start({}, {}, {"g"}, at(0));
    groups.committed("g", at(1));
    CHECK(groups.changes().empty());
    CHECK(after(groups, at(0), at(100'000)).empty());
}

TEST_CASE("unclaimed groups: what was written is taken up again, where nothing was the time begins anew, and what is of no use goes") {
    unclaimed_groups groups{10, 800min};
    groups.start({"real"}, signs{{"old", at(9'500)}, {"ahead", at(20'000)}, {"real", at(1)}, {"gone", at(2)}},
                 {"old", "ahead", "unwritten", "real"}, at(10'000));
    CHECK(after(groups, at(10'000), at(10'300, -1)).empty());
    CHECK(groups.expired(at(10'300)) == names{"old"});
    CHECK(after(groups, at(10'300), at(10'800)) == names{"ahead", "old", "unwritten"}); // a clock that was put back: from now
    const unclaimed_groups::sign_map expected{{"gone", std::nullopt}, {"real", std::nullopt}, {"unwritten", at(10'100)}};
    CHECK(groups.changes() == expected);
}

TEST_CASE("unclaimed groups: a group that commits all the time is written eight times in an expiry") {
    unclaimed_groups groups{10, 800min};
    groups.start({}, {}, {}, at(0));
    int writes = 0;
    for (std::int64_t minute = 1; minute <= 8'000; ++minute) {
        groups.committed("g", at(minute));
        writes += groups.changes().empty() ? 0 : 1;
        groups.changes_written();
    }
    CHECK(writes >= 70);
    CHECK(writes <= 81);
}

TEST_CASE("unclaimed groups: after a long downtime nothing goes before those who use it had an hour to come back") {
    unclaimed_groups groups{10, 800min};
    groups.start({}, signs{{"gone", at(100)}, {"returning", at(100)}}, {"gone", "returning"}, at(50'000));
    CHECK(groups.expired(at(50'000)).empty());
    groups.seen("returning", at(50'040));
    CHECK(after(groups, at(50'000), at(50'060, -1)).empty());
    CHECK(groups.expired(at(50'060)) == names{"gone"});
    groups.forget("gone");
    CHECK(after(groups, at(50'060), at(50'840, -1)).empty());
    CHECK(groups.expired(at(50'840)) == names{"returning"});
}

TEST_CASE("unclaimed groups: a clock that was set, forward or back, lets nothing go before another hour has passed") {
    unclaimed_groups groups{10, 800min};
    groups.start({}, {}, {"gone", "pulls"}, at(1'000));
    CHECK(after(groups, at(1'000), at(1'700)).empty());
    groups.seen("pulls", at(1'700));
    CHECK(groups.expired(at(90'000)).empty());
    groups.seen("pulls", at(90'001)); // a minute later, as always
    CHECK(after(groups, at(90'000), at(90'060, -1)).empty());
    CHECK(groups.expired(at(90'060)) == names{"gone"});
    CHECK(groups.expired(at(90'070)) == names{"gone"}); // ten minutes are a step that may be
    CHECK(groups.expired(at(90'080, 1)).empty());       // and more are not
    CHECK(after(groups, at(90'080, 1), at(90'140)).empty());
    CHECK(groups.expired(at(90'140, 1)) == names{"gone"});
    CHECK(groups.expired(at(90'130)).empty()); // set back
    CHECK(after(groups, at(90'130), at(90'190, -1)).empty());
    CHECK(groups.expired(at(90'190)) == names{"gone"});
}

// Goal: no restart lets offsets go early, nor keeps them for much longer.
// How:  groups are seen at random, with restarts at random that know only what was written; each goes only when it was not seen for the
//       expiry, and at the latest an eighth of it later, or an hour after the last start.
TEST_CASE("unclaimed groups: over restarts no group goes early, and none an eighth of the expiry late, but for the hour after a start") {
    std::mt19937_64 random{test_support::random_seed("unclaimed_groups_test", 11)};
    constexpr std::int64_t expiry = 800; // minutes, as are all numbers here
    constexpr std::int64_t hour = 60;
    const names all{"a", "b", "c"};
    std::map<std::string, timestamp_ms> disk;
    std::map<std::string, std::int64_t> seen; // of those with offsets
    auto groups = std::make_unique<unclaimed_groups>(10, std::chrono::minutes{expiry});
    groups->start({}, {}, {}, at(1));
    std::int64_t started = 1;
    int gone = 0;
    for (std::int64_t now = 1; now < 100'000; now += 10) {
        const auto& group = all[random() % 3];
        if (random() % 80 == 0) {
            groups->committed(group, at(now));
            seen[group] = now;
        }
        write(*groups, disk);
        if (random() % 40 == 0) {
            std::set<std::string> with_offsets;
            for (const auto& entry : seen)
                with_offsets.insert(entry.first);
            groups = std::make_unique<unclaimed_groups>(10, std::chrono::minutes{expiry});
            groups->start({}, {disk.begin(), disk.end()}, with_offsets, at(now));
            started = now;
        }
        for (const auto& name : groups->expired(at(now))) {
            CHECK(now - seen.at(name) >= expiry);
            CHECK(now - started >= hour);
            groups->forget(name);
            seen.erase(name);
            ++gone;
        }
        for (const auto& entry : seen)
            CHECK((now - started < hour || now - entry.second < expiry + expiry / 8 + 10));
        CHECK(groups->count() == seen.size());
    }
    CHECK(gone > 10);
    write(*groups, disk);
    CHECK(disk.size() == seen.size());
}
