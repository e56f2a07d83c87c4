#include "storage/batch_header.hpp"
#include "storage/commit_log.hpp"
#include "tests/support/log_samples.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

// Goal: recovery tells damage, which costs the damaged record alone, from a torn tail, which is cut.
// How:  logs are written, their bytes changed or cut while nobody looks, and opened again.

namespace {

constexpr std::uint64_t segment_bytes = 2048;
/// Where the body begins in a record with IPv4 hosts.
constexpr std::int64_t body_offset_in_record = 88;
const auto first_file = log_directory / "00000000000000000000";

struct written_log {
    std::shared_ptr<fault_file_system> files;
    std::vector<record_place> places;
    log_position end;
};

/// Ten synced batches of two records over several segments; `sealed` as a clean close leaves it.
written_log write_log(bool sealed) {
    written_log written{make_store_disk(), {}, {}};
    auto opened = open_log(written.files, segment_bytes);
    REQUIRE(opened);
    for (int i = 0; i < 10; ++i) {
        const auto places = append_bodies(*opened->log, {"body " + std::to_string(2 * i), "body " + std::to_string(2 * i + 1)}, 2 * i);
        REQUIRE(places);
        written.places.insert(written.places.end(), places->begin(), places->end());
        REQUIRE(opened->log->sync());
    }
    if (sealed)
        REQUIRE(opened->log->seal(timestamp_ms{2000}));
    written.end = opened->log->end();
    return written;
}

std::string expected_body(std::size_t index) {
    return "body " + std::to_string(index);
}

/// How many of the records are missing, after checking that the others are right.
std::size_t count_missing(const written_log& written, const opened_log& opened) {
    std::size_t missing = 0;
    for (std::size_t i = 0; i < written.places.size(); ++i) {
        const auto found = opened.bodies.find(written.places[i].position);
        if (found == opened.bodies.end())
            ++missing;
        else
            CHECK(found->second == expected_body(i));
    }
    CHECK(opened.bodies.size() + missing == written.places.size());
    return missing;
}

std::filesystem::path file_of(const written_log& written, log_position position) {
    (void)written;
    return log_directory / segment_name(log_position{position.value() / static_cast<std::int64_t>(segment_bytes) *
                                                     static_cast<std::int64_t>(segment_bytes)});
}

void change(fault_file_system& files, const written_log& written, log_position position, std::size_t bytes, char mask) {
    const auto path = file_of(written, position);
    auto content = *files.content(path);
    for (std::size_t i = 0; i < bytes; ++i) {
        auto& byte = content[static_cast<std::size_t>(position.value()) % segment_bytes + i];
        byte = static_cast<char>(byte ^ mask);
    }
    files.put(path, content);
}

} // namespace

TEST_CASE("log: damage to one record costs that record alone, and is reported with file and position") {
    const auto written = write_log(true);
    for (const std::size_t victim : {std::size_t{0}, std::size_t{1}, std::size_t{6}, std::size_t{19}}) {
        CAPTURE(victim);
        auto files = written.files->restart();
        change(*files, written, written.places[victim].position + 90, 1, 0x10);
        auto opened = open_log(files, segment_bytes);
        REQUIRE(opened);
        CHECK(count_missing(written, *opened) == 1);
        CHECK_FALSE(opened->bodies.contains(written.places[victim].position));
        REQUIRE(opened->damage.size() == 1);
        CHECK(opened->damage[0].position == written.places[victim].position);
        CHECK(opened->damage[0].bytes == written.places[victim].bytes);
        CHECK(opened->damage[0].file == file_of(written, written.places[victim].position));
        CHECK(opened->recovery.cut_bytes == 0);
        CHECK(opened->log->end() == written.end);
    }
}

TEST_CASE("log: every byte of every segment, changed, is noticed or harmless, and never costs a neighbour") {
    const auto written = write_log(true);
    for (std::int64_t at = 0; at < written.end.value(); ++at) {
        for (const int mask : {0x01, 0x80, 0xFF}) {
            auto files = written.files->restart();
            change(*files, written, log_position{at}, 1, static_cast<char>(mask));
            auto opened = open_log(files, segment_bytes);
            CAPTURE(at);
            CAPTURE(mask);
            REQUIRE(opened);
            const auto missing = count_missing(written, *opened);
            CHECK(missing <= 1);
            if (missing == 1)
                CHECK(opened->damage.size() == 1);
        }
    }
}

TEST_CASE("log: without a seal the last batch alone can be taken for a torn tail") {
    const auto written = write_log(false);
    for (std::size_t victim = 0; victim < written.places.size(); ++victim) {
        auto files = written.files->restart();
        change(*files, written, written.places[victim].position + 50, 1, 0x7F);
        auto opened = open_log(files, segment_bytes);
        REQUIRE(opened);
        CAPTURE(victim);
        if (victim < 18) {
            CHECK(count_missing(written, *opened) == 1);
            CHECK(opened->recovery.cut_bytes == 0);
        } else {
            CHECK(count_missing(written, *opened) == written.places.size() - victim);
            CHECK(opened->recovery.cut_bytes > 0);
            CHECK_FALSE(opened->recovery.scan.torn_tail.empty());
        }
    }
}

TEST_CASE("log: a damaged batch header costs no record") {
    const auto written = write_log(true);
    auto files = written.files->restart();
    change(*files, written, written.places[4].position + -64, 64, 0x55);
    auto opened = open_log(files, segment_bytes);
    REQUIRE(opened);
    CHECK(count_missing(written, *opened) == 0);
    REQUIRE(opened->damage.size() == 1);
    CHECK(opened->damage[0].bytes == 64);
}

TEST_CASE("log: a segment that is damaged in whole costs what was in it") {
    const auto written = write_log(true);
    auto files = written.files->restart();
    files->put(first_file, std::string(segment_bytes, 'Z'));
    auto opened = open_log(files, segment_bytes);
    REQUIRE(opened);
    const auto inside = static_cast<std::size_t>(std::count_if(
        written.places.begin(), written.places.end(), [](const auto& place) { return place.position < log_position{segment_bytes}; }));
    CHECK(count_missing(written, *opened) == inside);
    REQUIRE(opened->damage.size() == 1);
    CHECK(opened->damage[0].bytes == segment_bytes);
}

TEST_CASE("log: a torn tail is cut, reported, and its bytes never come back") {
    const auto written = write_log(false);
    auto files = written.files->restart();
    // The last record's end was never written.
    change(*files, written, written.end + -10, 10, 0x33);
    auto opened = open_log(files, segment_bytes);
    REQUIRE(opened);
    const auto cut_at = written.places.back().position;
    CHECK(opened->recovery.scan.end == cut_at);
    CHECK(opened->recovery.cut_bytes == written.places.back().bytes);
    CHECK(opened->log->end() == cut_at);
    const auto path = file_of(written, cut_at);
    const auto content = *files->content(path);
    CHECK(content.size() == segment_bytes);
    CHECK(content.find_first_not_of('\0', static_cast<std::size_t>(cut_at.value()) % segment_bytes) == std::string::npos);
    // Durably: another crash at once changes nothing.
    files->crash(crash_mode::drop_unsynced);
    auto again = open_log(files->restart(), segment_bytes);
    REQUIRE(again);
    CHECK(again->recovery.cut_bytes == 0);
    CHECK(again->bodies == opened->bodies);
}

TEST_CASE("log: what follows the first gap above the durable position goes with the gap") {
    auto files = make_store_disk();
    auto opened = open_log(files, segment_bytes);
    REQUIRE(append_bodies(*opened->log, {"durable"}, 0));
    REQUIRE(opened->log->sync());
    const auto lost = append_bodies(*opened->log, {"lost"}, 1);
    const auto whole = append_bodies(*opened->log, {"whole, but behind the gap"}, 2);
    files->crash(crash_mode::keep_all);
    auto after = files->restart();
    auto content = *after->content(first_file);
    const auto gap = static_cast<std::size_t>((*lost)[0].position.value()) - 64;
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(gap), (*lost)[0].bytes + 64, '\0');
    after->put(first_file, content);
    auto again = open_log(after, segment_bytes);
    REQUIRE(again);
    CHECK(again->bodies.size() == 1);
    CHECK(again->damage.empty());
    CHECK(again->log->end() == log_position{static_cast<std::int64_t>(gap)});
    CHECK(again->recovery.cut_bytes >= (*whole)[0].bytes);
}

TEST_CASE("log: damage just below the durable position does not save unsynced batches behind a gap") {
    auto files = make_store_disk();
    auto opened = open_log(files, segment_bytes);
    const auto damaged = append_bodies(*opened->log, {"durable, then damaged"}, 0);
    REQUIRE(opened->log->sync());
    const auto durable = opened->log->durable();
    const auto lost = append_bodies(*opened->log, {"lost"}, 1);
    REQUIRE(append_bodies(*opened->log, {"whole"}, 2));
    files->crash(crash_mode::keep_all);
    auto after = files->restart();
    auto content = *after->content(first_file);
    content[static_cast<std::size_t>((*damaged)[0].position.value()) + 80] ^= 1;
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(durable.value()), (*lost)[0].bytes + 64, '\0');
    after->put(first_file, content);
    auto again = open_log(after, segment_bytes);
    REQUIRE(again);
    CHECK(again->bodies.empty());
    CHECK(again->damage.size() == 1);
    CHECK(again->log->end() == durable);
}

TEST_CASE("log: damage over several batches costs only these when a later header vouches for what follows") {
    auto files = make_store_disk();
    auto opened = open_log(files, segment_bytes);
    const auto first = append_bodies(*opened->log, {"damaged"}, 0);
    REQUIRE(opened->log->sync());
    // Written without a sync in between: the header of "kept" names a durable position below the damage's end.
    const auto second = append_bodies(*opened->log, {"damaged too"}, 1);
    REQUIRE(append_bodies(*opened->log, {"kept"}, 2));
    REQUIRE(opened->log->sync());
    REQUIRE(append_bodies(*opened->log, {"kept as well"}, 3));
    REQUIRE(opened->log->seal(timestamp_ms{2000}));
    auto after = files->restart();
    auto content = *after->content(first_file);
    const auto begin = (*first)[0].position.value() + 50;
    const auto end = (*second)[0].position.value() + (*second)[0].bytes;
    std::fill(content.begin() + begin, content.begin() + end, '\0');
    after->put(first_file, content);
    auto again = open_log(after, segment_bytes);
    REQUIRE(again);
    REQUIRE(again->bodies.size() == 2);
    CHECK(again->bodies.begin()->second == "kept");
    CHECK(again->bodies.rbegin()->second == "kept as well");
    CHECK(again->damage.size() == 1);
    CHECK(again->log->end() == opened->log->end());
}

TEST_CASE("log: without its newest segment the log is refused by that segment's name") {
    const auto written = write_log(false);
    const auto last = file_of(written, written.end);
    REQUIRE(last != first_file);
    const auto files = written.files->restart();
    REQUIRE(files->remove(last));
    const auto opened = open_log(files, segment_bytes);
    REQUIRE(!opened);
    CHECK(opened.code() == errc::corrupt);
    CHECK(opened.failure().text.find(last.filename().string()) != std::string::npos);
}

TEST_CASE("log: a changed first byte of the only segment is damage, not somebody else's file") {
    auto files = make_store_disk();
    {
        auto opened = open_log(files, segment_bytes);
        REQUIRE(append_bodies(*opened->log, {"one"}, 0));
        REQUIRE(opened->log->sync());
    }
    auto content = *files->content(first_file);
    content[0] = '\x7F';
    files->put(first_file, content);
    const auto opened = open_log(files->restart(), segment_bytes);
    REQUIRE(opened);
    CHECK(opened->recovery.cut_bytes > 0); // a single unsealed batch: nothing vouches for it
}

TEST_CASE("log: a message that carries the bytes of a filler hides nothing behind damage") {
    auto files = make_store_disk();
    std::vector<record_place> places;
    {
        auto opened = open_log(files, segment_bytes);
        for (int i = 0; i < 3; ++i) {
            std::string body(64, 'b');
            for (std::size_t at = 0; at + 8 <= body.size(); at += 8) { // whichever place the body gets, one of them fits
                const auto position = opened->log->end().value() + static_cast<std::int64_t>(batch_header_bytes) + body_offset_in_record +
                                      static_cast<std::int64_t>(at);
                const auto filler = encode_filler(static_cast<std::uint32_t>(static_cast<std::int64_t>(segment_bytes) - position));
                std::copy(filler.begin(), filler.end(), body.begin() + static_cast<std::ptrdiff_t>(at));
            }
            const auto placed = append_bodies(*opened->log, {body}, i);
            REQUIRE(placed);
            places.insert(places.end(), placed->begin(), placed->end());
            REQUIRE(opened->log->sync());
        }
        REQUIRE(opened->log->seal(timestamp_ms{2000}));
    }
    auto content = *files->content(first_file);
    content[static_cast<std::size_t>(places[0].position.value())] ^= 0x40; // the length word of the first record
    files->put(first_file, content);
    const auto opened = open_log(files->restart(), segment_bytes);
    REQUIRE(opened);
    CHECK(opened->bodies.size() == 2);
    CHECK(opened->damage.size() == 1);
}

TEST_CASE("log: a message that carries the bytes of a record is not mistaken for one") {
    auto files = make_store_disk();
    auto opened = open_log(files, segment_bytes);
    const auto inner = append_bodies(*opened->log, {"inner"}, 0);
    const auto copy = opened->log->read((*inner)[0]);
    REQUIRE(copy);
    const auto outer = append_bodies(*opened->log, {std::string{copy->view()}}, 1);
    REQUIRE(opened->log->seal(timestamp_ms{1}));
    auto after = files->restart();
    auto content = *after->content(first_file);
    content[static_cast<std::size_t>((*outer)[0].position.value()) + 2] ^= 1;
    after->put(first_file, content);
    auto again = open_log(after, segment_bytes);
    REQUIRE(again);
    CHECK(again->bodies.size() == 1);
    CHECK(again->bodies.begin()->second == "inner");
    CHECK(again->damage.size() == 1);
}

TEST_CASE("log: the last segment cut at every length opens with a prefix, or is refused with a reason") {
    const auto written = write_log(true);
    const auto last = file_of(written, written.end);
    const auto content = *written.files->content(last);
    for (std::size_t bytes = 0; bytes <= content.size(); ++bytes) {
        CAPTURE(bytes);
        auto files = written.files->restart();
        files->put(last, content.substr(0, bytes));
        auto opened = open_log(files, segment_bytes);
        REQUIRE(opened);
        const auto missing = count_missing(written, *opened);
        for (std::size_t i = written.places.size() - missing; i < written.places.size(); ++i)
            CHECK_FALSE(opened->bodies.contains(written.places[i].position));
        REQUIRE(append_bodies(*opened->log, {"goes on"}, 99));
    }
}

TEST_CASE("log: an earlier segment cut at any length is refused, naming it, and nothing is deleted") {
    const auto written = write_log(true);
    const auto content = *written.files->content(first_file);
    for (std::size_t bytes = 0; bytes < content.size(); bytes += 13) {
        auto files = written.files->restart();
        files->put(first_file, content.substr(0, bytes));
        const auto refused = open_log(files, segment_bytes);
        CAPTURE(bytes);
        REQUIRE(refused.code() == errc::corrupt);
        CHECK(refused.failure().text.find(first_file.string()) != std::string::npos);
        CHECK(files->content(first_file)->size() == bytes);
    }
}

TEST_CASE("log: a file of something else under a segment's name is refused and kept") {
    auto files = make_store_disk();
    files->put(first_file, "#!/bin/sh\necho this is no commit log, although it has the name of one, whatever you say\n");
    const auto refused = open_log(files, segment_bytes);
    REQUIRE(refused.code() == errc::format_unknown);
    CHECK(refused.failure().text.find(first_file.string()) == 0);
    CHECK(files->content(first_file)->substr(0, 9) == "#!/bin/sh");
}

TEST_CASE("log: random damage never yields a record that was not written") {
    const auto seed = random_seed("log: random damage", 20240501);
    std::mt19937_64 random{seed};
    const auto written = write_log(true);
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        auto files = written.files->restart();
        const auto hits = 1 + random() % 5;
        for (std::uint64_t hit = 0; hit < hits; ++hit) {
            const auto at = log_position{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(written.end.value()))};
            const auto room = segment_bytes - static_cast<std::uint64_t>(at.value()) % segment_bytes;
            change(*files, written, at, std::min<std::uint64_t>(1 + random() % 200, room), static_cast<char>(1 + random() % 255));
        }
        auto opened = open_log(files, segment_bytes);
        if (!opened) {
            CHECK(opened.failure().text.find("/store/commitlog/") == 0);
            continue;
        }
        count_missing(written, *opened);
    }
}
