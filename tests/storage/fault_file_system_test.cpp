#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

// Goal: the double forgets and tears as it says; every durability test rests on that.

namespace {

std::shared_ptr<fault_file_system> disk_with_directory(std::uint64_t seed = 1) {
    auto files = fault_file_system::make(seed);
    REQUIRE(files->make_directories("/d"));
    REQUIRE(files->sync_directory("/"));
    return files;
}

result<void> write(file& to, std::uint64_t offset, std::string_view bytes) {
    const std::vector<std::string_view> parts{bytes};
    return to.write_at(offset, parts);
}

} // namespace

TEST_CASE("fault_file_system: a power cut drops what was not synced, bytes and names apart") {
    auto files = disk_with_directory();
    auto kept = *files->open("/d/kept", open_mode::create);
    REQUIRE(write(*kept, 0, "synced"));
    REQUIRE(kept->sync());
    REQUIRE(files->sync_directory("/d"));
    REQUIRE(write(*kept, 3, "XXXXX"));
    auto unnamed = *files->open("/d/unnamed", open_mode::create);
    REQUIRE(write(*unnamed, 0, "synced, but its name is not"));
    REQUIRE(unnamed->sync());

    files->crash(crash_mode::drop_unsynced);
    CHECK(write(*kept, 0, "x").code() == errc::io);
    CHECK(files->list("/d").code() == errc::io);

    auto after = files->restart();
    CHECK(after->content("/d/kept") == "synced");
    CHECK_FALSE(after->content("/d/unnamed"));
}

TEST_CASE("fault_file_system: a rename and a removal come back when their directory was not synced") {
    auto files = disk_with_directory();
    files->put("/d/old", "old");
    files->put("/d/gone", "gone");
    REQUIRE(files->rename("/d/old", "/d/new"));
    REQUIRE(files->remove("/d/gone"));
    SUBCASE("not synced") {
        files->crash(crash_mode::drop_unsynced);
        auto after = files->restart();
        CHECK(after->content("/d/old") == "old");
        CHECK(after->content("/d/gone") == "gone");
        CHECK_FALSE(after->content("/d/new"));
    }
    SUBCASE("synced") {
        REQUIRE(files->sync_directory("/d"));
        files->crash(crash_mode::drop_unsynced);
        auto after = files->restart();
        CHECK(after->content("/d/new") == "old");
        CHECK_FALSE(after->content("/d/gone"));
    }
}

TEST_CASE("fault_file_system: a killed process loses nothing") {
    auto files = disk_with_directory();
    REQUIRE(write(**files->open("/d/a", open_mode::create), 0, "unsynced"));
    files->crash(crash_mode::keep_all);
    CHECK(files->restart()->content("/d/a") == "unsynced");
}

TEST_CASE("fault_file_system: a torn crash keeps whole sectors, and which ones depends on the seed alone") {
    const auto torn = [](std::uint64_t seed) {
        auto files = disk_with_directory(seed);
        auto f = *files->open("/d/a", open_mode::create);
        REQUIRE(f->allocate(8192));
        REQUIRE(f->sync());
        REQUIRE(files->sync_directory("/d"));
        REQUIRE(write(*f, 0, std::string(8192, 'x')));
        files->crash(crash_mode::torn_sectors);
        return files->restart()->content("/d/a").value();
    };
    const auto once = torn(7);
    CHECK(once == torn(7));
    CHECK(once != torn(8));
    CHECK(once.find('x') != std::string::npos);
    CHECK(once.find('\0') != std::string::npos);
    for (std::size_t sector = 0; sector < once.size(); sector += 512)
        CHECK(once.substr(sector, 512) == std::string(512, once[sector]));
}

TEST_CASE("fault_file_system: a torn last write is a prefix, and earlier writes are whole") {
    std::set<std::size_t> lengths;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        auto files = disk_with_directory(seed);
        auto f = *files->open("/d/a", open_mode::create);
        REQUIRE(write(*f, 0, "first"));
        REQUIRE(write(*f, 5, "0123456789"));
        files->crash(crash_mode::torn_last_write);
        const auto left = files->restart()->content("/d/a").value();
        CHECK(left == std::string{"first0123456789"}.substr(0, left.size()));
        CHECK(left.size() >= 5);
        lengths.insert(left.size());
    }
    CHECK(lengths.size() > 3);
}

TEST_CASE("fault_file_system: the planned call fails once, the planned crash stays") {
    auto files = disk_with_directory();
    auto f = *files->open("/d/a", open_mode::create);
    files->set_plan({.fail_call = files->calls() + 2, .fault = call_fault::short_write});
    REQUIRE(write(*f, 0, "good"));
    CHECK(write(*f, 4, "half").code() == errc::io);
    CHECK(files->content("/d/a") == "goodha");
    CHECK(write(*f, 4, "good"));

    files->set_plan({.crash_before = files->calls() + 1});
    CHECK_FALSE(write(*f, 0, "never"));
    CHECK(files->crashed());
    CHECK_FALSE(f->sync());
    CHECK(files->hit().find("/d/a") != std::string::npos);
}

TEST_CASE("fault_file_system: after a failed sync the data can be read but is never written") {
    auto files = disk_with_directory();
    auto f = *files->open("/d/a", open_mode::create);
    REQUIRE(files->sync_directory("/d"));
    REQUIRE(write(*f, 0, "lost"));
    files->set_plan({.fail_call = files->calls() + 1});
    CHECK(f->sync().code() == errc::io);
    CHECK(f->sync());
    CHECK(files->content("/d/a") == "lost");
    files->crash(crash_mode::drop_unsynced);
    CHECK(files->restart()->content("/d/a") == "");
}

TEST_CASE("fault_file_system: a full disk refuses more bytes and takes them when there is room") {
    auto files = disk_with_directory();
    files->set_capacity(10);
    auto f = *files->open("/d/a", open_mode::create);
    CHECK(f->allocate(11).code() == errc::disk_full);
    CHECK(write(*f, 0, "0123456789ab").code() == errc::disk_full);
    CHECK(files->content("/d/a")->size() == 10);
    CHECK(files->space("/d")->free_bytes == 0);
    CHECK(write(*f, 0, "overwrite"));
    files->set_capacity(12);
    CHECK(write(*f, 0, "0123456789ab"));
}
