#include "storage/commit_log.hpp"
#include "tests/support/log_samples.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

// Goal: at every call to the file system, a crash or an error costs nothing that was acknowledged, and brings back
//       nothing out of order.
// How:  a fixed workload over several segments runs once per call and fault; then the log is opened again and compared
//       with what the workload was told.

namespace {

constexpr std::uint64_t segment_bytes = 4096;

/// What the log promised.
struct promised {
    std::vector<std::string> placed; ///< bodies of batches that append() took, in order
    std::size_t acknowledged = 0;    ///< of these, how many sync() made durable
    std::vector<std::string> tried;  ///< of a batch that append() did not take
};

/// Appends, syncs, seals, and removes old segments until something fails or all is done.
promised run(const std::shared_ptr<fault_file_system>& files, std::size_t* removed_bodies) {
    promised made;
    auto opened = open_log(files, segment_bytes);
    if (!opened)
        return made;
    auto& log = *opened->log;
    int number = 0;
    for (int round = 0; round < 30; ++round) {
        std::vector<std::string> bodies;
        for (int i = 0; i <= round % 4; ++i)
            bodies.push_back("message " + std::to_string(number++) + std::string(static_cast<std::size_t>(97 * round % 900), '.'));
        const auto places = append_bodies(log, bodies, static_cast<std::int64_t>(made.placed.size()), 1000 + round);
        if (!places) {
            if (log.failed() || files->crashed()) {
                made.tried = bodies;
                return made;
            }
            continue; // a full disk: nothing of it may ever be seen
        }
        made.placed.insert(made.placed.end(), bodies.begin(), bodies.end());
        if (round % 3 != 0) {
            if (!log.sync())
                return made;
            made.acknowledged = made.placed.size();
        }
        if (round == 20) {
            std::size_t before = 0;
            const auto keep = log.segments()[2].base;
            log_visitor count;
            count.record = [&](log_position at, std::string_view) -> result<void> {
                before += at < keep ? 1u : 0u;
                return {};
            };
            if (!log.scan(log_position{0}, count))
                return made;
            *removed_bodies = before;
            if (!log.remove_segments_before(keep))
                return made;
        }
    }
    if (log.seal(timestamp_ms{2000}))
        made.acknowledged = made.placed.size();
    return made;
}

/// Compares the log after the fault with the promise.
void check(const std::shared_ptr<fault_file_system>& files, const promised& made, std::size_t removed) {
    auto opened = open_log(files, segment_bytes);
    REQUIRE_MESSAGE(opened.ok(), (opened ? "" : opened.failure().text));
    CHECK(opened->damage.empty());
    auto all = made.placed;
    all.insert(all.end(), made.tried.begin(), made.tried.end());
    std::vector<std::string> found;
    for (const auto& [position, body] : opened->bodies)
        found.push_back(body);
    // Segments that retention removed are gone in whole, from the front, or not at all.
    const auto first =
        found.empty() ? std::size_t{0} : static_cast<std::size_t>(std::find(all.begin(), all.end(), found.front()) - all.begin());
    CHECK(first <= removed);
    CHECK(found.size() + first <= all.size());
    CHECK(found.size() + first >= made.acknowledged);
    for (std::size_t i = 0; i < found.size() && first + i < all.size(); ++i)
        CHECK(found[i] == all[first + i]);
    // And it works on.
    REQUIRE(append_bodies(*opened->log, {"after"}, 0));
    REQUIRE(opened->log->sync());
    auto again = open_log(files->restart(), segment_bytes);
    REQUIRE(again);
    CHECK(again->bodies.size() == found.size() + 1);
    CHECK(again->bodies.rbegin()->second == "after");
}

std::uint64_t count_calls(bool count_reads) {
    auto files = make_store_disk();
    files->set_plan({.count_reads = count_reads});
    std::size_t removed = 0;
    const auto before = files->calls();
    const auto made = run(files, &removed);
    REQUIRE(made.acknowledged == made.placed.size());
    REQUIRE(removed > 0);
    return files->calls() - before;
}

} // namespace

TEST_CASE("log faults: a crash before or after any call loses nothing acknowledged") {
    const auto seed = random_seed("log faults: crash", 42);
    const auto calls = count_calls(false);
    MESSAGE(calls, " calls");
    for (const auto mode : all_crash_modes)
        for (std::uint64_t call = 1; call <= calls; ++call)
            for (const bool before : {true, false}) {
                auto files = make_store_disk(seed + call);
                const auto number = files->calls() + call;
                files->set_plan({.crash_before = before ? number : 0, .crash_after = before ? 0 : number, .mode = mode});
                std::size_t removed = 0;
                const auto made = run(files, &removed);
                INFO(to_string(mode), ", ", files->hit());
                REQUIRE(files->crashed());
                check(files->restart(), made, removed);
            }
}

TEST_CASE("log faults: a second crash at any call of the recovery loses nothing either") {
    const auto seed = random_seed("log faults: crash in recovery", 43);
    const auto calls = count_calls(false);
    for (std::uint64_t call = 1; call <= calls; call += 3) {
        auto files = make_store_disk(seed + call);
        files->set_plan({.crash_before = 0, .crash_after = files->calls() + call, .mode = crash_mode::torn_sectors});
        std::size_t removed = 0;
        const auto made = run(files, &removed);
        for (std::uint64_t second = 1;; ++second) {
            auto after = files->restart();
            after->set_plan({.crash_before = second, .mode = crash_mode::torn_sectors});
            auto opened = open_log(after, segment_bytes);
            INFO("first ", files->hit(), ", then ", after->hit());
            if (!after->crashed())
                break;
            check(after->restart(), made, removed);
        }
    }
}

TEST_CASE("log faults: every call failing once, each way, never acknowledges what is lost") {
    const auto seed = random_seed("log faults: errors", 44);
    const auto calls = count_calls(true);
    MESSAGE(calls, " calls");
    for (const auto fault : all_call_faults)
        for (std::uint64_t call = 1; call <= calls; ++call) {
            auto files = make_store_disk(seed + call);
            files->set_plan({.fail_call = files->calls() + call, .fault = fault, .count_reads = true});
            std::size_t removed = 0;
            const auto made = run(files, &removed);
            INFO(files->hit());
            REQUIRE_FALSE(files->hit().empty());
            files->set_plan({});
            files->crash(call % 2 == 0 ? crash_mode::drop_unsynced : crash_mode::torn_sectors);
            check(files->restart(), made, removed);
        }
}

TEST_CASE("log faults: what a failed sync left readable is written again by the next opening before it counts") {
    for (const int records : {1, 60}) { // in one segment, and over the roll into the next
        CAPTURE(records);
        auto files = make_store_disk();
        {
            auto opened = open_log(files, segment_bytes);
            REQUIRE(append_bodies(*opened->log, {"safe"}, 0));
            REQUIRE(opened->log->sync());
            files->set_hook([](const call_info& call) -> std::optional<call_fault> {
                return call.kind == call_kind::sync && call.path.ends_with("0000") ? std::optional{call_fault::io} : std::nullopt;
            });
            const auto placed = append_bodies(*opened->log, std::vector<std::string>(static_cast<std::size_t>(records), "doubtful"), 1);
            CHECK_FALSE((placed.ok() && opened->log->sync().ok()));
            files->set_hook(nullptr);
        }
        // The process starts again, the machine goes on, and then loses power.
        auto again = open_log(files, segment_bytes);
        REQUIRE(again);
        const auto seen = again->bodies;
        CHECK(seen.size() > 1);
        files->crash(crash_mode::drop_unsynced);
        auto later = open_log(files->restart(), segment_bytes);
        REQUIRE(later);
        CHECK(later->bodies == seen);
        CHECK(later->damage.empty());
    }
}

TEST_CASE("log faults: nothing of a batch that a full disk refused half way over a roll is ever seen") {
    for (const auto mode : all_crash_modes)
        for (const bool goes_on : {false, true}) {
            auto files = make_store_disk(7);
            auto opened = open_log(files, segment_bytes);
            REQUIRE(append_bodies(*opened->log, {"safe"}, 0));
            REQUIRE(opened->log->sync());
            // The second segment takes half of its part, then nothing.
            files->set_hook([](const call_info& call) -> std::optional<call_fault> {
                const bool is_second = call.kind == call_kind::write && call.path.ends_with(segment_name(log_position{segment_bytes}));
                return is_second ? std::optional{call_fault::short_full} : std::nullopt;
            });
            const std::vector<std::string> refused(40, "refused " + std::string(100, 'x'));
            REQUIRE(append_bodies(*opened->log, refused, 1).code() == errc::disk_full);
            CHECK_FALSE(opened->log->failed());
            files->set_hook(nullptr);
            std::vector<std::string> expected{"safe"};
            if (goes_on) {
                REQUIRE(append_bodies(*opened->log, {"goes on"}, 1));
                REQUIRE(opened->log->sync());
                expected.emplace_back("goes on");
            }
            files->crash(mode);
            auto again = open_log(files->restart(), segment_bytes);
            REQUIRE(again);
            INFO(to_string(mode), goes_on ? ", goes on" : "");
            std::vector<std::string> found;
            for (const auto& [position, body] : again->bodies)
                found.push_back(body);
            CHECK(found == expected);
            CHECK(again->damage.empty());
        }
}
