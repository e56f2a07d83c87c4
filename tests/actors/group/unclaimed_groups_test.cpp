#include "actors/group/unclaimed_groups.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

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

timestamp_ms at(std::int64_t ms) {
    return timestamp_ms{ms};
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

} // namespace

TEST_CASE("unclaimed groups: offsets without a configuration go after the expiry, to the millisecond, and those with one never") {
    unclaimed_groups groups{10, 800ms};
    groups.start({"real"}, {}, {"made-up", "real", "@schedule"}, at(1'000));
    CHECK(groups.names() == names{"made-up"});
    groups.committed("made-up", at(1'500));
    groups.committed("real", at(1'500));
    groups.committed("@schedule", at(1'500));
    groups.committed("new", at(1'600));
    CHECK(groups.count() == 2);
    CHECK(groups.expired(at(2'299)).empty());
    CHECK(groups.expired(at(2'300)) == names{"made-up"});
    groups.seen("made-up", at(2'300)); // a member, or a question
    CHECK(groups.expired(at(2'400)) == names{"new"});
    groups.forget("new");
    CHECK(groups.expired(at(3'099)).empty());
    CHECK(groups.expired(at(1'000'000)) == names{"made-up"});
    groups.seen("nobody", at(3'000));
    CHECK(groups.count() == 1);
}

TEST_CASE("unclaimed groups: a group that gets a configuration is none of them, and one that loses it is from then on") {
    unclaimed_groups groups{10, 800ms};
    groups.start({}, {}, {"g"}, at(0));
    groups.claim("g");
    CHECK(groups.count() == 0);
    groups.committed("g", at(100));
    CHECK(groups.count() == 0);
    groups.release("g", at(5'000));
    CHECK(groups.expired(at(5'799)).empty());
    CHECK(groups.expired(at(5'800)) == names{"g"});
    groups.claim("g");
    groups.lose_claim("g"); // deleted with its offsets
    CHECK(groups.count() == 0);
    groups.committed("g", at(9'000));
    CHECK(groups.names() == names{"g"});
}

TEST_CASE("unclaimed groups: there are at most so many, and those that are there already may go on") {
    unclaimed_groups groups{2, 800ms};
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

    unclaimed_groups full{2, 800ms};
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
    CHECK(groups.expired(at(1'000'000'000'000)).empty());
}

TEST_CASE("unclaimed groups: what was written is taken up again, where nothing was the time begins anew, and what is of no use goes") {
    unclaimed_groups groups{10, 800ms};
    groups.start({"real"}, signs{{"old", at(9'500)}, {"ahead", at(20'000)}, {"real", at(1)}, {"gone", at(2)}},
                 {"old", "ahead", "unwritten", "real"}, at(10'000));
    CHECK(groups.expired(at(10'299)).empty());
    CHECK(groups.expired(at(10'300)) == names{"old"});
    CHECK(groups.expired(at(10'800)) == names{"ahead", "old", "unwritten"}); // a clock that was put back: from now
    const unclaimed_groups::sign_map expected{{"gone", std::nullopt}, {"real", std::nullopt}, {"unwritten", at(10'100)}};
    CHECK(groups.changes() == expected);
}

TEST_CASE("unclaimed groups: a group that commits all the time is written eight times in an expiry") {
    unclaimed_groups groups{10, 800ms};
    groups.start({}, {}, {}, at(0));
    int writes = 0;
    for (std::int64_t ms = 1; ms <= 8'000; ++ms) {
        groups.committed("g", at(ms));
        writes += groups.changes().empty() ? 0 : 1;
        groups.changes_written();
    }
    CHECK(writes >= 70);
    CHECK(writes <= 81);
}

// Goal: no restart lets offsets go early, nor keeps them for much longer.
// How:  groups are seen at random, with restarts at random that know only what was written; each goes only when it was not seen for the
//       expiry, and at the latest an eighth of it later.
TEST_CASE("unclaimed groups: over restarts no group goes early, and none an eighth of the expiry late") {
    std::mt19937_64 random{test_support::random_seed("unclaimed_groups_test", 11)};
    constexpr std::int64_t expiry = 800;
    const names all{"a", "b", "c"};
    std::map<std::string, timestamp_ms> disk;
    std::map<std::string, std::int64_t> seen; // of those with offsets
    auto groups = std::make_unique<unclaimed_groups>(10, std::chrono::milliseconds{expiry});
    groups->start({}, {}, {}, at(1));
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
            groups = std::make_unique<unclaimed_groups>(10, std::chrono::milliseconds{expiry});
            groups->start({}, {disk.begin(), disk.end()}, with_offsets, at(now));
        }
        for (const auto& name : groups->expired(at(now))) {
            CHECK(now - seen.at(name) >= expiry);
            groups->forget(name);
            seen.erase(name);
            ++gone;
        }
        for (const auto& entry : seen)
            CHECK(now - entry.second < expiry + expiry / 8 + 10);
        CHECK(groups->count() == seen.size());
    }
    CHECK(gone > 10);
    write(*groups, disk);
    CHECK(disk.size() == seen.size());
}
