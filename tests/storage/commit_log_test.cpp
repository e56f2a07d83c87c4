#include "protocol/message_codec.hpp"
#include "storage/commit_log.hpp"
#include "tests/support/log_samples.hpp"
#include "tests/support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

constexpr std::uint64_t small_segment_bytes = 4096;

std::vector<std::string> numbered(int first, int count, std::size_t bytes = 20) {
    std::vector<std::string> bodies;
    for (int i = first; i < first + count; ++i) {
        bodies.push_back(std::to_string(i) + ":");
        bodies.back().resize(bytes, 'b');
    }
    return bodies;
}

std::vector<std::string> values(const std::map<log_position, std::string>& bodies) {
    std::vector<std::string> all;
    for (const auto& [position, body] : bodies)
        all.push_back(body);
    return all;
}

} // namespace

TEST_CASE("commit_log: a body that looks like the head of a huge record costs no memory") {
    auto files = make_store_disk();
    auto opened = open_log(files, 16u << 20);
    auto& log = *opened->log;
    // A client that knows where its message will lie can write any record head there.
    auto forged = make_record("x");
    const auto put = [&forged](std::size_t at, std::uint64_t number, int bytes) {
        for (int i = bytes; i-- > 0; number >>= 8)
            forged[at + static_cast<std::size_t>(i)] = static_cast<char>(number & 255);
    };
    const auto body_at = make_record("FORGED").find("FORGED");
    const auto place = log_position{64 + static_cast<std::int64_t>(body_at)};
    put(0, 8u << 20, 4);
    put(28, static_cast<std::uint64_t>(place.value()), 8);
    REQUIRE(append_bodies(log, {forged, std::string(4u << 20, 'a'), std::string(4u << 20, 'b')}, 0));
    CHECK(log.read(place).code() == errc::message_not_found);
}

TEST_CASE("commit_log: a new log is one empty, preallocated segment") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    REQUIRE(opened);
    CHECK(opened->log->min_position() == log_position{0});
    CHECK(opened->log->end() == log_position{0});
    CHECK(opened->log->epoch() == log_epoch{1});
    CHECK(files->content("/store/commitlog/00000000000000000000") == std::string(small_segment_bytes, '\0'));
    CHECK(opened->log->read(log_position{0}).code() == errc::message_not_found);
    CHECK(*opened->log->append({}, timestamp_ms{1}) == log_position{0});
}

TEST_CASE("commit_log: appended records are placed behind one header and read back checked") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    auto& log = *opened->log;
    const auto places = append_bodies(log, {"first", "second"}, 7, 4711);
    REQUIRE(places);
    CHECK((*places)[0].position == log_position{64});
    CHECK((*places)[1].position == (*places)[0].position + (*places)[0].bytes);
    CHECK(log.end() == (*places)[1].position + (*places)[1].bytes);
    CHECK(log.durable() == log_position{0});

    const auto record = log.read((*places)[1]);
    REQUIRE(record);
    CHECK(body_of(record->view()) == "second");
    CHECK(protocol::record_offset(record->view()) == queue_offset{8});
    CHECK(protocol::record_position(record->view()) == (*places)[1].position);
    CHECK(protocol::record_stored(record->view()) == timestamp_ms{4711});
    CHECK(*log.read((*places)[1].position) == *record);
    CHECK(log.read(log_position{0}).code() == errc::message_not_found);
    CHECK(log.read(log_position{65}).code() == errc::message_not_found);
    CHECK(log.read(log.end()).code() == errc::message_not_found);

    CHECK(*log.sync() == log.end());
    CHECK(log.durable() == log.end());
}

TEST_CASE("commit_log: one batch is one write call, and syncing twice is one sync") {
    auto files = make_store_disk();
    auto opened = open_log(files, 1u << 20);
    const auto before = files->calls();
    REQUIRE(append_bodies(*opened->log, numbered(0, 100), 0));
    CHECK(files->calls() == before + 1);
    REQUIRE(opened->log->sync());
    REQUIRE(opened->log->sync());
    CHECK(files->calls() == before + 2);
}

TEST_CASE("commit_log: a batch rolls over several segments, and a filler covers what is left") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    auto& log = *opened->log;
    const auto bodies = numbered(0, 30, 400);
    const auto places = append_bodies(log, bodies, 0);
    REQUIRE(places);
    CHECK(log.segments().size() >= 4);
    for (std::size_t i = 0; i < bodies.size(); ++i)
        CHECK(body_of(log.read((*places)[i])->view()) == bodies[i]);
    REQUIRE(log.sync());

    auto again = open_log(files->restart(), small_segment_bytes);
    REQUIRE(again);
    CHECK(values(again->bodies) == bodies);
    CHECK(again->log->end() == log.end());
    CHECK(again->damage.empty());
    CHECK(again->recovery.cut_bytes == 0);
}

TEST_CASE("commit_log: records of every size around the end of a segment fit or roll") {
    for (std::size_t body_bytes = 1; body_bytes < 600; body_bytes += 1) {
        CAPTURE(body_bytes);
        auto files = make_store_disk();
        auto opened = open_log(files, 1000);
        REQUIRE(append_bodies(*opened->log, {"a", std::string(body_bytes, 'x')}, 0));
        REQUIRE(append_bodies(*opened->log, {"c"}, 2));
        files->crash(crash_mode::keep_all);
        auto again = open_log(files->restart(), 1000);
        REQUIRE(again);
        CHECK(values(again->bodies) == std::vector<std::string>{"a", std::string(body_bytes, 'x'), "c"});
        CHECK(again->damage.empty());
        CHECK(again->recovery.cut_bytes == 0);
    }
}

TEST_CASE("commit_log: a batch stays in one segment, wherever it begins") {
    for (int before = 0; before < 12; ++before) {
        CAPTURE(before);
        auto files = make_store_disk();
        auto opened = open_log(files, small_segment_bytes);
        auto& log = *opened->log;
        std::vector<std::string> bytes;
        for (int i = 0; i < before + 4; ++i)
            bytes.push_back(make_record(std::string(200, 'b')));
        std::vector<pending_record> records;
        for (auto& one : bytes)
            records.push_back({one, queue_offset{static_cast<std::int64_t>(records.size())}});
        auto& first = records[static_cast<std::size_t>(before)];
        first.batch_bytes = 4 * first.bytes.size();
        REQUIRE(log.append(records, timestamp_ms{1}));
        for (std::size_t i = 1; i < 4; ++i)
            CHECK(records[static_cast<std::size_t>(before) + i].position ==
                  first.position + static_cast<std::int64_t>(i * first.bytes.size()));
    }
}

TEST_CASE("commit_log: a batch larger than a segment is refused and nothing is placed") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    auto bytes = make_record(std::string(200, 'b'));
    pending_record record{bytes, queue_offset{0}};
    record.batch_bytes = small_segment_bytes;
    CHECK(opened->log->append({&record, 1}, timestamp_ms{1}).code() == errc::argument_illegal);
    CHECK(opened->log->end() == log_position{0});
}

TEST_CASE("commit_log: a record larger than a segment is refused and nothing is placed") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    CHECK(append_bodies(*opened->log, {"small", std::string(small_segment_bytes, 'x')}, 0).code() == errc::argument_illegal);
    CHECK(opened->log->end() == log_position{0});
    CHECK(append_bodies(*opened->log, {"small"}, 0));
}

TEST_CASE("commit_log: reopening goes on where it ended, in a higher epoch, from any checkpoint") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    const auto first = append_bodies(*opened->log, numbered(0, 20, 200), 0);
    REQUIRE(opened->log->sync());
    const auto checkpoint = opened->log->end();
    REQUIRE(append_bodies(*opened->log, {"last"}, 20));
    REQUIRE(opened->log->sync());
    const auto end = opened->log->end();
    for (const auto from : {log_position{0}, (*first)[7].position, checkpoint, end}) {
        auto again = open_log(files->restart(), small_segment_bytes, from);
        REQUIRE(again);
        CHECK(again->log->end() == end);
        CHECK(again->log->durable() == end);
        CHECK(again->log->epoch() == log_epoch{2});
        CHECK(again->bodies.size() == (from == end ? 0 : from == checkpoint ? 1 : from == log_position{0} ? 21 : 14));
        REQUIRE(append_bodies(*again->log, {"more"}, 21));
        CHECK(again->log->end() > end);
    }
}

TEST_CASE("commit_log: a checkpoint above the log is refused") {
    auto files = make_store_disk();
    REQUIRE(open_log(files, small_segment_bytes));
    const auto refused = open_log(files->restart(), small_segment_bytes, log_position{5000});
    REQUIRE(refused.code() == errc::corrupt);
    CHECK(refused.failure().text.find("remove the index directory") != std::string::npos);
    CHECK(open_log(make_store_disk(), small_segment_bytes, log_position{1}).code() == errc::corrupt);
}

TEST_CASE("commit_log: a seal states the durable position, once") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    auto& log = *opened->log;
    const auto places = append_bodies(log, {"one"}, 0);
    REQUIRE(log.seal(timestamp_ms{5}));
    const auto sealed = log.end();
    CHECK(log.durable() == sealed);
    CHECK(sealed == (*places)[0].position + (*places)[0].bytes + 64);
    REQUIRE(log.seal(timestamp_ms{6}));
    CHECK(log.end() == sealed);
    auto again = open_log(files->restart(), small_segment_bytes);
    REQUIRE(again);
    REQUIRE(again->log->seal(timestamp_ms{7}));
    CHECK(again->log->end() == sealed);
}

TEST_CASE("commit_log: removed segments are gone for good, a reader in one finishes, the last one stays") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    auto& log = *opened->log;
    const auto places = append_bodies(log, numbered(0, 40, 400), 0);
    REQUIRE(log.sync());
    const auto segments = log.segments();
    REQUIRE(segments.size() > 3);
    CHECK(*log.remove_segments_before(segments[2].base + 1) == 2);
    CHECK(log.min_position() == segments[2].base);
    CHECK(log.read((*places)[0]).code() == errc::message_not_found);
    CHECK(*log.remove_segments_before(log_position{INT64_MAX}) == segments.size() - 3);
    CHECK(log.segments().size() == 1);
    files->crash(crash_mode::drop_unsynced);
    auto again = open_log(files->restart(), small_segment_bytes, log_position{100});
    REQUIRE(again);
    CHECK(again->log->min_position() == segments.back().base);
    CHECK(again->log->end() == log.end());
}

TEST_CASE("commit_log: segments know the times of their first and last record, also after reopening") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    for (int i = 0; i < 30; ++i)
        REQUIRE(append_bodies(*opened->log, numbered(i, 1, 400), i, 1000 + i));
    REQUIRE(opened->log->sync());
    const auto live = opened->log->segments();
    auto again = open_log(files->restart(), small_segment_bytes);
    REQUIRE(again);
    const auto later = again->log->segments();
    REQUIRE(later.size() == live.size());
    for (std::size_t i = 0; i < live.size(); ++i) {
        CHECK(live[i].first_stored == later[i].first_stored);
        CHECK(live[i].last_stored == later[i].last_stored);
        CHECK(live[i].is_active == (i + 1 == live.size()));
    }
    CHECK(live.front().first_stored == timestamp_ms{1000});
    CHECK(live.back().last_stored == timestamp_ms{1029});
}

TEST_CASE("commit_log: many records are read in one go, the missing and the damaged told apart") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    std::vector<record_place> places;
    for (int i = 0; i < 30; ++i)
        places.push_back((*append_bodies(*opened->log, numbered(i, 1, 300), i)).front());
    REQUIRE(opened->log->sync());
    const auto path = std::filesystem::path{"/store/commitlog/00000000000000000000"};
    auto bytes = *files->content(path);
    bytes[static_cast<std::size_t>(places[2].position.value()) + 100] ^= 1;
    auto damaged_files = files->restart();
    damaged_files->put(path, bytes);
    auto again = open_log(damaged_files, small_segment_bytes);
    REQUIRE(again);
    auto asked = places;
    asked.push_back({again->log->end() + 64, 300});
    std::string out;
    const auto outcome = again->log->read_all(asked, out);
    REQUIRE(outcome);
    std::size_t at = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        CAPTURE(i);
        CHECK((*outcome)[i] == (i == 2 ? errc::corrupt : errc::none));
        if (i == 2)
            continue;
        CHECK(body_of(out.substr(at, places[i].bytes)) == numbered(static_cast<int>(i), 1, 300)[0]);
        at += places[i].bytes;
    }
    CHECK(at == out.size());
    CHECK(outcome->back() == errc::message_not_found);
    const auto one = again->log->read(places[2]);
    REQUIRE(one.code() == errc::corrupt);
    CHECK(one.failure().text.find(path.string() + ": damaged record at log position " + to_string(places[2].position)) == 0);
    CHECK(again->log->read(places[2].position).code() == errc::corrupt);
}

TEST_CASE("commit_log: a scan while it is open sees what is written and stops there") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    REQUIRE(append_bodies(*opened->log, numbered(0, 30, 300), 0));
    std::size_t seen = 0;
    log_visitor count;
    count.record = [&](log_position, std::string_view) -> result<void> {
        ++seen;
        return {};
    };
    const auto scan = opened->log->scan(log_position{0}, count);
    REQUIRE(scan);
    CHECK(seen == 30);
    CHECK(scan->end == opened->log->end());
    CHECK(scan->damaged_ranges == 0);
    count.record = [](log_position, std::string_view) -> result<void> { return error{errc::shutting_down, "enough"}; };
    CHECK(opened->log->scan(log_position{0}, count).code() == errc::shutting_down);
}

TEST_CASE("commit_log: a new segment leaves the reserve, and gives back what it could not use") {
    auto files = make_store_disk();
    auto opened = commit_log::open(files, {log_directory, small_segment_bytes, 1000});
    REQUIRE(opened);
    auto& log = **opened;
    REQUIRE(log.recover(log_position{0}, {}));
    const auto next = log_directory / segment_name(log_position{static_cast<std::int64_t>(small_segment_bytes)});
    files->set_capacity(2 * small_segment_bytes + 999);
    CHECK(append_bodies(log, numbered(0, 20, 300), 0).code() == errc::disk_full);
    CHECK(files->content(next).value_or("") == ""); // not even tried
    CHECK_FALSE(log.failed());

    files->set_capacity(std::nullopt);
    files->set_hook(
        [](const call_info& call) { return call.kind == call_kind::allocate ? std::optional{call_fault::short_full} : std::nullopt; });
    CHECK(append_bodies(log, numbered(0, 20, 300), 0).code() == errc::disk_full);
    files->set_hook(nullptr);
    CHECK(files->content(next).value_or("") == "");
    CHECK(append_bodies(log, numbered(0, 20, 300), 0));
}

TEST_CASE("commit_log: a segment that cannot be opened fails that append alone") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    files->set_hook([](const call_info& call) { return call.kind == call_kind::open ? std::optional{call_fault::io} : std::nullopt; });
    CHECK(append_bodies(*opened->log, numbered(0, 20, 300), 0).code() == errc::io);
    CHECK_FALSE(opened->log->failed());
    files->set_hook(nullptr);
    CHECK(append_bodies(*opened->log, numbered(0, 20, 300), 0));
}

TEST_CASE("commit_log: a full disk places nothing, and writing goes on when there is room") {
    auto files = make_store_disk();
    files->set_capacity(small_segment_bytes * 2);
    auto opened = open_log(files, small_segment_bytes);
    auto& log = *opened->log;
    std::vector<std::string> kept;
    result<std::vector<record_place>> last = append_bodies(log, {"first"}, 0);
    kept.push_back("first");
    for (int i = 1; last.ok(); ++i) {
        last = append_bodies(log, numbered(i, 3, 300), 0);
        if (last)
            for (const auto& body : numbered(i, 3, 300))
                kept.push_back(body);
    }
    CHECK(last.code() == errc::disk_full);
    CHECK_FALSE(log.failed());
    const auto end = log.end();
    CHECK(append_bodies(log, numbered(0, 10, 300), 0).code() == errc::disk_full);
    CHECK(log.end() == end);
    CHECK(log.sync());

    files->set_capacity(std::nullopt);
    REQUIRE(append_bodies(log, {"room again"}, 0));
    REQUIRE(append_bodies(log, numbered(0, 10, 300), 0));
    kept.push_back("room again");
    for (const auto& body : numbered(0, 10, 300))
        kept.push_back(body);
    REQUIRE(log.sync());
    files->crash(crash_mode::drop_unsynced);
    auto again = open_log(files->restart(), small_segment_bytes);
    REQUIRE(again);
    CHECK(values(again->bodies) == kept);
    CHECK(again->damage.empty());
}

TEST_CASE("commit_log: after a failed write or sync nothing is taken until it is opened again, and reading goes on") {
    auto files = make_store_disk();
    auto opened = open_log(files, small_segment_bytes);
    auto& log = *opened->log;
    const auto places = append_bodies(log, {"safe"}, 0);
    REQUIRE(log.sync());
    SUBCASE("write") {
        files->set_plan({.fail_call = files->calls() + 1, .fault = call_fault::short_write});
        CHECK(append_bodies(log, {"torn"}, 1).code() == errc::store_read_only);
    }
    SUBCASE("sync") {
        REQUIRE(append_bodies(log, {"unsynced"}, 1));
        files->set_plan({.fail_call = files->calls() + 1});
        CHECK(log.sync().code() == errc::store_read_only);
        CHECK(log.durable() == (*places)[0].position + (*places)[0].bytes);
    }
    SUBCASE("sync on a full disk") {
        REQUIRE(append_bodies(log, {"unsynced"}, 1));
        files->set_plan({.fail_call = files->calls() + 1, .fault = call_fault::disk_full});
        CHECK(log.sync().code() == errc::store_read_only);
    }
    CHECK(log.failed());
    CHECK(append_bodies(log, {"more"}, 1).code() == errc::store_read_only);
    const auto refused = log.sync();
    REQUIRE(refused.code() == errc::store_read_only);
    CHECK(refused.failure().text.find("/store/commitlog/00000000000000000000") != std::string::npos);
    CHECK(body_of(log.read((*places)[0])->view()) == "safe");
    CHECK(open_log(files->restart(), small_segment_bytes)->bodies.begin()->second == "safe");
}

TEST_CASE("commit_log: readers on other threads see whole records while the writer writes, rolls and removes") {
    temporary_directory directory;
    auto opened = open_log(posix_file_system(), 64u << 10, log_position{0}, directory.path() / "commitlog");
    REQUIRE(opened);
    auto& log = *opened->log;
    std::atomic<std::int64_t> latest{64};
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    REQUIRE(append_bodies(log, {"0"}, 0));
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!done) {
                const auto record = log.read(log_position{latest.load()});
                if (!record && record.code() != errc::message_not_found)
                    ++wrong;
            }
        });
    for (int i = 1; i < 2000; ++i) {
        const auto places = append_bodies(log, numbered(i, 3, 200), i * 3);
        REQUIRE(places);
        latest = (*places)[2].position.value();
        if (i % 400 == 0)
            REQUIRE(log.remove_segments_before(log_position{latest - 300'000}));
    }
    REQUIRE(log.sync());
    done = true;
    for (auto& reader : readers)
        reader.join();
    CHECK(wrong == 0);
    CHECK(log.segments().size() < 20);
    const auto end = log.end();
    auto again = open_log(posix_file_system(), 64u << 10, log_position{0}, directory.path() / "commitlog");
    REQUIRE(again);
    CHECK(again->log->end() == end);
    CHECK(again->damage.empty());
}
