#include "storage/manifest_tail.hpp"

#include "protocol/checksum.hpp"
#include "storage/directories.hpp"
#include "storage/timer_store.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

/// A record of the format, as RocksDB would write it.
std::string record(char type, const std::string& data) {
    const auto crc = protocol::crc32c(std::string(1, type) + data);
    const auto masked = (crc >> 15 | crc << 17) + 0xa282ead8;
    std::string out;
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<char>(masked >> shift & 0xff));
    out.push_back(static_cast<char>(data.size() & 0xff));
    out.push_back(static_cast<char>(data.size() >> 8));
    out.push_back(type);
    return out + data;
}

} // namespace

TEST_CASE("manifest_tail: the checksum is CRC-32C") {
    CHECK(protocol::crc32c("123456789") == 0xe3069283);
    CHECK(protocol::crc32c("") == 0);
}

TEST_CASE("manifest_tail: whole records have no torn end, and each part of one is") {
    const auto one = record(1, "first edit");
    const auto two = record(1, "second edit, longer");
    CHECK_FALSE(torn_end_of_manifest(""));
    CHECK_FALSE(torn_end_of_manifest(one));
    CHECK_FALSE(torn_end_of_manifest(one + two));
    for (std::size_t kept = 7; kept < two.size(); ++kept)
        CHECK(torn_end_of_manifest(one + two.substr(0, kept)) == one.size());
    for (std::size_t bad = 0; bad < two.size(); ++bad) {
        auto damaged = two;
        damaged[bad] = static_cast<char>(damaged[bad] ^ 0x40);
        CHECK(torn_end_of_manifest(one + damaged) == one.size());
    }
    CHECK(torn_end_of_manifest(one + std::string(100, '\0')) == one.size());
}

TEST_CASE("manifest_tail: an edit in parts goes as one, over the end of a block") {
    const auto one = record(1, "edit");
    const auto filler = record(2, std::string(32'768 - one.size() - 7, 'a'));
    const auto end = record(4, std::string(50, 'b'));
    REQUIRE(one.size() + filler.size() == 32'768);
    CHECK_FALSE(torn_end_of_manifest(one + filler + end));
    CHECK(torn_end_of_manifest(one + filler + end.substr(0, 30)) == one.size());
    CHECK(torn_end_of_manifest(one + filler) == one.size());
}

TEST_CASE("manifest_tail: damage with whole records in later blocks is no torn end") {
    auto block = record(1, std::string(32'768 - 7, 'a'));
    const auto next = record(1, "later");
    block[100] = 'x';
    CHECK_FALSE(torn_end_of_manifest(block + next));
    CHECK(torn_end_of_manifest(block) == 0);
}

// Goal: the walk agrees with what RocksDB writes, and a torn end no longer keeps a store from opening.
// How:  the MANIFEST of a real store loses its last bytes, one more each time.
TEST_CASE("manifest_tail: a store whose MANIFEST is torn opens with what it had before") {
    const auto files = fault_file_system::make(3);
    const auto add = [](timer_store& store, std::int64_t number) {
        timer_changes changes;
        changes.add = {{{timestamp_ms{number}, log_position{number}}, 1, std::string(600, 'r')}};
        changes.after.taken = queue_offset{number};
        REQUIRE(store.change(changes).ok());
        REQUIRE(store.flush(true).ok());
    };
    {
        auto store = timer_store::open(files, "/timers", {});
        REQUIRE(store.ok());
        for (std::int64_t number = 1; number <= 3; ++number)
            add(**store, number);
    }
    auto current = read_small_file(*files, "/timers/CURRENT", 64).value();
    current.pop_back();
    const auto path = std::filesystem::path{"/timers"} / current;
    const auto manifest = *files->content(path);
    CHECK_FALSE(torn_end_of_manifest(manifest));
    for (std::size_t lost = 1; lost <= 40; ++lost) {
        CAPTURE(lost);
        auto torn = manifest;
        torn.replace(torn.size() - lost, lost, lost, '\0');
        const auto copy = files->restart();
        copy->put(path, torn);
        auto store = timer_store::open(copy, "/timers", {});
        REQUIRE_MESSAGE(store.ok(), (store ? std::string{} : to_string(store.failure())));
        CHECK((*store)->progress().taken.value() >= 2);
        CHECK((*store)->pending() == static_cast<std::uint64_t>((*store)->progress().taken.value()));
    }
}
