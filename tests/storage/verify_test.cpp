#include "storage/verify.hpp"
#include "tests/support/log_samples.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

constexpr std::uint64_t segment_bytes = 2048;

std::shared_ptr<fault_file_system> store_with(int records) {
    auto files = make_store_disk();
    auto opened = open_log(files, segment_bytes);
    REQUIRE(opened);
    for (int i = 0; i < records; ++i)
        REQUIRE(append_bodies(*opened->log, {"body " + std::to_string(i)}, i, 1000 + i));
    REQUIRE(opened->log->seal(timestamp_ms{5000}));
    return files;
}

} // namespace

TEST_CASE("verify: a sound store is counted and left as it is") {
    auto files = store_with(30);
    const auto calls = files->calls();
    const auto found = verify_store(*files, "/store");
    REQUIRE(found);
    CHECK(found->is_sound());
    CHECK(found->records == 30);
    CHECK(found->queues == 1);
    CHECK(found->torn_tail.empty());
    REQUIRE(found->segments.size() > 2);
    CHECK(found->segments.front().first_stored == timestamp_ms{1000});
    CHECK(found->segments.back().last_stored == timestamp_ms{1029});
    std::uint64_t records = 0;
    for (const auto& segment : found->segments)
        records += segment.records;
    CHECK(records == 30);
    CHECK(files->calls() - calls == found->segments.size()); // it opened them, and changed nothing
}

TEST_CASE("verify: each damage is reported with file and position") {
    auto files = store_with(30);
    const auto path = log_directory / "00000000000000002048";
    auto content = *files->content(path);
    content[100] ^= 1;
    content[900] ^= 1;
    files->put(path, content);
    const auto found = verify_store(*files, "/store");
    REQUIRE(found);
    CHECK_FALSE(found->is_sound());
    REQUIRE(found->problems.size() == 2);
    CHECK(found->problems[0].find(path.string() + ": ") == 0);
    CHECK(found->problems[0].find("damaged bytes at log position 2") != std::string::npos);
    CHECK(found->records == 28);
    CHECK(files->content(path) == content);
}

TEST_CASE("verify: a torn tail is told, not counted as damage, and not cut") {
    auto files = store_with(3);
    const auto path = log_directory / "00000000000000000000";
    auto content = *files->content(path);
    const auto end = content.find_last_not_of('\0') + 1;
    content.replace(end + 20, 4, "torn");
    files->put(path, content);
    const auto found = verify_store(*files, "/store");
    REQUIRE(found);
    CHECK(found->is_sound());
    CHECK(found->torn_tail.find(" bytes at log position ") != std::string::npos);
    CHECK(files->content(path) == content);
}

TEST_CASE("verify: offsets that go back in a queue are reported") {
    auto files = make_store_disk();
    {
        auto opened = open_log(files, segment_bytes);
        REQUIRE(append_bodies(*opened->log, {"a", "b", "c"}, 5));
        REQUIRE(append_bodies(*opened->log, {"again"}, 6));
        REQUIRE(opened->log->seal(timestamp_ms{5000}));
    }
    const auto found = verify_store(*files, "/store");
    REQUIRE(found);
    REQUIRE(found->problems.size() == 1);
    CHECK(found->problems[0].find("has offset 6 of queue 0 of orders, but 8 is the lowest possible") != std::string::npos);
}

TEST_CASE("verify: no store, a running broker and a foreign file are refused") {
    auto files = store_with(1);
    CHECK(verify_store(*files, "/elsewhere").code() == errc::not_found);
    auto lock = files->lock("/store/lock");
    REQUIRE(lock);
    files->put("/store/lock", "");
    CHECK(verify_store(*files, "/store").code() == errc::locked);
    lock->reset();
    CHECK(verify_store(*files, "/store"));
    files->put(log_directory / "core.1234", "");
    CHECK(verify_store(*files, "/store").code() == errc::format_unknown);
}
