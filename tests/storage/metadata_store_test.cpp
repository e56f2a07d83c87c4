#include "storage/metadata_store.hpp"

#include "storage/metadata_format.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

using commit_entry = std::pair<progress_key, queue_offset>;

std::unique_ptr<metadata_store> open_metadata(const std::shared_ptr<fault_file_system>& files) {
    auto store = metadata_store::open(files, "/metadata");
    REQUIRE_MESSAGE(store.ok(), (store ? std::string{} : to_string(store.failure())));
    return *std::move(store);
}

topic_config orders() {
    return {.name = "orders",
            .read_queues = 3,
            .write_queues = 5,
            .perm = 4,
            .sys_flag = 7,
            .order = true,
            .attributes = {{"a", "b"}, {"c", ""}}};
}

group_config billing() {
    return {.name = "billing", .consume_enable = false, .consume_broadcast_enable = false, .retry_queues = 4, .retry_max = 9};
}

commit_entry entry(const std::string& group, const std::string& topic, std::int32_t queue, std::int64_t offset) {
    return {{group, {topic, queue_id{queue}}}, queue_offset{offset}};
}

} // namespace

TEST_CASE("metadata_store: modes come back as they were stored, and go with their topic or group") {
    const auto files = fault_file_system::make(1);
    const request_mode popping{"orders", "billing", true, 7};
    const request_mode pulling{"orders", "b", false, 0};
    const request_mode other{"orders2", "billing", true, -1};
    {
        auto store = open_metadata(files);
        for (const auto& mode : {popping, pulling, other})
            REQUIRE(store->put_mode(mode).ok());
        CHECK(store->put_mode({"", "g", true, 0}).code() == errc::argument_illegal);
    }
    auto store = open_metadata(files);
    CHECK(store->modes().value() == std::vector{pulling, popping, other});
    REQUIRE(store->remove_topic("orders").ok());
    CHECK(store->modes().value() == std::vector{other});
    REQUIRE(store->put_mode(pulling).ok());
    REQUIRE(store->remove_group("billing", false).ok());
    CHECK(store->modes().value() == std::vector{pulling});
}

TEST_CASE("metadata_store: topics, groups and offsets come back as they were stored") {
    const auto files = fault_file_system::make(1);
    auto limited = billing();
    limited.name = "limited";
    limited.deliver_messages = 1LL << 40;
    auto set = limited;
    set.name = "set";
    set.consume_from_min_enable = false;
    set.consume_message_orderly = true;
    set.read_broker_id = 1LL << 41;
    set.slow_read_broker_id = -2;
    set.notify_members_changed = false;
    set.sys_flag = 3;
    set.consume_timeout_minutes = 4;
    set.retries = {true, {5, 1LL << 42}, true, 6, 7, 8};
    const std::vector offsets{entry("billing", "orders", 0, 12), entry("billing", "orders", 1, 1LL << 40)};
    {
        auto store = open_metadata(files);
        REQUIRE(store->put_group(set).ok());
        REQUIRE(store->put_topic(orders()).ok());
        REQUIRE(store->put_topic({.name = "a-first", .attributes = {}}).ok());
        REQUIRE(store->put_group(billing()).ok());
        REQUIRE(store->put_group(limited).ok());
        REQUIRE(store->commit(offsets).ok());
    }
    auto store = open_metadata(files);
    const auto topics = store->topics().value();
    REQUIRE(topics.size() == 2);
    CHECK(topics[0].name == "a-first");
    CHECK(topics[1] == orders());
    CHECK(store->groups().value() == std::vector{billing(), limited, set});
    CHECK(store->offsets().value() == offsets);
    CHECK(store->recovery_note().empty());
}

TEST_CASE("metadata_format: a group is written in the lowest version that holds it, and the versions before it are read") {
    auto group = billing();
    CHECK(encode(group).front() == 1);
    CHECK(decode_group("billing", encode(group)) == group);
    group.deliver_messages = 5;
    CHECK(encode(group).front() == 2);
    CHECK(decode_group("billing", encode(group)) == group);
    group.retries.delays_ms = {1, 2};
    const auto full = encode(group);
    CHECK(full.front() == 3);
    CHECK(decode_group("billing", full) == group);
    for (std::size_t bytes = 0; bytes < full.size(); ++bytes)
        CHECK_FALSE(decode_group("billing", std::string_view{full}.substr(0, bytes)).has_value());
    CHECK_FALSE(decode_group("billing", full + "x").has_value());
    CHECK_FALSE(decode_group("billing", "\x04" + full.substr(1)).has_value());
    group = billing();
    group.sys_flag = 1;
    CHECK(encode(group).front() == 3);
}

// Goal: what was written stays readable. How: bytes as docs/formats/metadata.md has them, not as today's encode writes them.
TEST_CASE("metadata_format: the bytes of each version of a group mean what they always meant") {
    const auto bytes = [](std::initializer_list<int> values) {
        std::string out;
        for (const auto one : values)
            out.push_back(static_cast<char>(one));
        return out;
    };
    const auto first = bytes({1, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9});
    const group_config plain{"g", false, true, 4, 9};
    CHECK(decode_group("g", first) == plain);
    CHECK(encode(plain) == first);

    const auto second = bytes({2, 1, 0, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 1, 44});
    const group_config limited{"g", true, false, 1, -1, 300};
    CHECK(decode_group("g", second) == limited);
    CHECK(encode(limited) == second);

    const auto third = bytes({3, 1, 1, 0, 0, 0, 1, 0, 0,  0,   16, 0, 0, 0, 0, 0, 0,   0,  0, // as in version 2
                              0, 1,                                                           // from min, orderly
                              0, 0, 0, 0, 0, 0, 0, 2, 0,  0,   0,  0, 0, 0, 0, 3,             // brokers to read from
                              0, 0, 0, 0, 5, 0, 0, 0, 20,                                     // told, sys flag, minutes
                              1, 1, 0, 0, 0, 0, 0, 0, 3,  232, 0,  0, 0, 0, 0, 0, 234, 96, 0, 0, 0, 0, 0, 0, 0, 3, // 1 s to 60 s, by 3
                              0, 0, 0, 2, 0, 0, 0, 0, 0,  0,   0,  7, 0, 0, 0, 0, 0,   0,  1, 0});                 // 7 and 256 ms
    const group_config full{"g", true, true, 1, 16, 0, false, true, 2, 3, false, 5, 20, {true, {7, 256}, true, 1'000, 60'000, 3}, {}};
    CHECK(decode_group("g", third) == full);
    CHECK(encode(full) == third);

    const auto topic = bytes(
        {1, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 7, 1, 0, 0, 0, 2, 0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b', 0, 0, 0, 1, 'c', 0, 0, 0, 0});
    CHECK(decode_topic("orders", topic) == orders());
    CHECK(encode(orders()) == topic);
}

TEST_CASE("metadata_format: what a newer Troupe wrote is told from what is damaged") {
    const auto newer = unreadable("/metadata", "gbilling", "\x04more");
    CHECK(newer.code == errc::not_supported);
    CHECK(newer.text == "/metadata: the value of \"gbilling\" was written by a newer Troupe (version 4 of it, this one knows up to 3); "
                        "start that Troupe again");
    CHECK(unreadable("/metadata", "torders", "\x02").code == errc::not_supported);
    CHECK(unreadable("/metadata", "torders", "\xFF").text.find("version 255 of it, this one knows up to 1") != std::string::npos);
    for (const std::string_view damaged : {"", "\x03", "\x01zz"}) {
        const auto why = unreadable("/metadata", "gbilling", damaged);
        CHECK(why.code == errc::corrupt);
        CHECK_MESSAGE(why.text.find("makes no sense; restore the directory from a copy") != std::string::npos, why.text);
    }
}

// Goal: a committed offset is there after power loss. How: drop everything not synced.
TEST_CASE("metadata_store: an acknowledged commit survives losing unsynced data") {
    auto files = fault_file_system::make(2);
    for (std::int64_t round = 0; round < 5; ++round) {
        {
            auto store = open_metadata(files);
            REQUIRE(store->commit(std::vector{entry("g", "t", 0, round)}).ok());
            files->crash(crash_mode::drop_unsynced);
        }
        files = files->restart();
        CHECK(open_metadata(files)->offsets().value() == std::vector{entry("g", "t", 0, round)});
    }
}

TEST_CASE("metadata_store: removing a topic removes its offsets and no others") {
    auto store = open_metadata(fault_file_system::make(3));
    REQUIRE(store->put_topic({.name = "t", .attributes = {}}).ok());
    REQUIRE(store->commit(std::vector{entry("g", "t", 0, 1), entry("g", "t2", 0, 2), entry("g", "s", 0, 3)}).ok());
    REQUIRE(store->remove_topic("t").ok());
    REQUIRE(store->remove_topic("t").ok());
    CHECK(store->topics().value().empty());
    CHECK(store->offsets().value() == std::vector{entry("g", "s", 0, 3), entry("g", "t2", 0, 2)});
}

TEST_CASE("metadata_store: removing a group takes its offsets only when asked") {
    auto store = open_metadata(fault_file_system::make(4));
    REQUIRE(store->put_group({.name = "g"}).ok());
    REQUIRE(store->commit(std::vector{entry("g", "t", 0, 1), entry("gg", "t", 0, 2)}).ok());
    REQUIRE(store->remove_group("g", false).ok());
    CHECK(store->groups().value().empty());
    CHECK(store->offsets().value().size() == 2);
    REQUIRE(store->remove_group("g", true).ok());
    CHECK(store->offsets().value() == std::vector{entry("gg", "t", 0, 2)});
}

TEST_CASE("metadata_store: a name with a zero byte is refused") {
    auto store = open_metadata(fault_file_system::make(5));
    CHECK(store->put_topic({.name = std::string{"a\0b", 3}, .attributes = {}}).code() == errc::argument_illegal);
    CHECK(store->commit(std::vector{entry("", "t", 0, 1)}).code() == errc::argument_illegal);
}

TEST_CASE("metadata_store: after any failed write a later one succeeds, and reading goes on") {
    for (const auto fault : all_call_faults) {
        for (const auto kind : {call_kind::write, call_kind::sync}) {
            CAPTURE(to_string(fault));
            CAPTURE(to_string(kind));
            const auto files = fault_file_system::make(6);
            auto store = open_metadata(files);
            REQUIRE(store->commit(std::vector{entry("g", "t", 0, 1)}).ok());
            bool failed = false;
            files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
                if (call.kind != kind || failed) {
                    return std::nullopt;
                }
                failed = true;
                return fault;
            });
            const bool is_full = fault == call_fault::disk_full || fault == call_fault::short_full;
            CHECK(store->commit(std::vector{entry("g", "t", 0, 2)}).code() == (is_full ? errc::disk_full : errc::io));
            REQUIRE(failed);
            const auto between = store->offsets().value();
            REQUIRE(between.size() == 1);
            CHECK(between[0].second <= queue_offset{2});
            REQUIRE(store->commit(std::vector{entry("g", "t", 0, 3)}).ok());
            store.reset();
            files->crash(crash_mode::drop_unsynced);
            CHECK(open_metadata(files->restart())->offsets().value() == std::vector{entry("g", "t", 0, 3)});
        }
    }
}

TEST_CASE("metadata_store: a full disk refuses writes, keeps reading, and lets go when there is room") {
    const auto files = fault_file_system::make(7);
    auto store = open_metadata(files);
    REQUIRE(store->commit(std::vector{entry("g", "t", 0, 1)}).ok());
    files->set_capacity(0);
    CHECK(store->commit(std::vector{entry("g", "t", 0, 2)}).code() == errc::disk_full);
    CHECK(store->commit(std::vector{entry("g", "t", 0, 3)}).code() == errc::disk_full);
    CHECK(store->offsets().value().size() == 1);
    files->set_capacity(std::nullopt);
    CHECK(store->commit(std::vector{entry("g", "t", 0, 4)}).ok());
    CHECK(store->offsets().value() == std::vector{entry("g", "t", 0, 4)});
}

TEST_CASE("metadata_store: a torn last write costs nothing acknowledged") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto files = fault_file_system::make(seed);
        auto store = open_metadata(files);
        REQUIRE(store->commit(std::vector{entry("g", "t", 0, 1)}).ok());
        bool crashed = false;
        files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
            if (call.kind == call_kind::sync && !crashed) {
                crashed = true;
                files->crash(crash_mode::torn_sectors);
            }
            return std::nullopt;
        });
        CHECK_FALSE(store->commit(std::vector{entry("g", "t", 0, 2)}).ok());
        store.reset();
        const auto offsets = open_metadata(files->restart())->offsets().value();
        REQUIRE(offsets.size() == 1);
        CHECK(offsets[0].second >= queue_offset{1});
    }
}

// Goal: no flipped bit makes the store give wrong topics, groups or offsets, or ends the process.
// How:  one bit in each of many places of each file, in a store that was closed and in one that was killed.
TEST_CASE("metadata_store: a flipped bit anywhere is refused, told, or harmless") {
    bool is_killed = false;
    SUBCASE("closed") {}
    SUBCASE("killed") {
        is_killed = true;
    }
    const auto files = fault_file_system::make(9);
    std::vector<commit_entry> offsets;
    {
        auto store = open_metadata(files);
        REQUIRE(store->put_topic(orders()).ok());
        REQUIRE(store->put_group(billing()).ok());
        for (std::int32_t queue = 0; queue < 20; ++queue) {
            offsets.push_back(entry("billing", "orders", queue, 1000 + queue));
            REQUIRE(store->commit({&offsets.back(), 1}).ok());
        }
        if (is_killed) { // before the store can close
            files->crash(crash_mode::drop_unsynced);
        }
    }
    const auto closed = is_killed ? files->restart() : files;
    std::size_t flips = 0;
    std::size_t noticed = 0;
    const auto entries = closed->list("/metadata").value();
    for (const auto& file : entries) {
        const std::string path = "/metadata/" + file.name;
        const auto good = closed->content(path).value();
        const auto step = std::max<std::size_t>(good.size() / 40, 1);
        for (std::size_t at = 0; at < good.size(); at += step) {
            CAPTURE(path);
            CAPTURE(at);
            const auto copy = closed->restart();
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
            copy->put(path, bad);
            ++flips;
            auto opened = metadata_store::open(copy, "/metadata");
            if (!opened) {
                ++noticed;
                CHECK_FALSE(opened.failure().text.empty());
                continue;
            }
            const auto topics = (*opened)->topics();
            const auto groups = (*opened)->groups();
            const auto found = (*opened)->offsets();
            if (!topics || !groups || !found || !(*opened)->recovery_note().empty()) {
                ++noticed;
                continue;
            }
            CHECK(*topics == std::vector{orders()});
            CHECK(*groups == std::vector{billing()});
            CHECK(*found == offsets);
        }
    }
    CHECK(flips > 60);
    CHECK(noticed > 10);
}

TEST_CASE("metadata_store: a missing CURRENT is damage, not a new store") {
    const auto files = fault_file_system::make(8);
    REQUIRE(open_metadata(files)->commit(std::vector{entry("g", "t", 0, 1)}).ok());
    REQUIRE(files->remove("/metadata/CURRENT").ok());
    const auto opened = metadata_store::open(files, "/metadata");
    REQUIRE(opened.code() == errc::corrupt);
    CHECK(opened.failure().text.find("/metadata") != std::string::npos);
}

TEST_CASE("metadata_store: a second one on the directory is locked out") {
    const auto files = fault_file_system::make(9);
    const auto store = open_metadata(files);
    CHECK_FALSE(metadata_store::open(files, "/metadata").ok());
}

TEST_CASE("metadata_store: when groups were seen comes back, goes with their offsets, and stays out of the groups") {
    const auto files = fault_file_system::make(1);
    const std::vector<metadata_store::group_sign> seen{{"gone", timestamp_ms{1LL << 40}}, {"g", timestamp_ms{0}}, {"h", timestamp_ms{7}}};
    const std::vector offsets{entry("gone", "orders", 0, 12), entry("g", "orders", 1, 3)};
    {
        auto store = open_metadata(files);
        REQUIRE(store->commit(offsets, seen).ok());
        REQUIRE(store->commit({}, std::vector<metadata_store::group_sign>{{"h", std::nullopt}, {"never", std::nullopt}}).ok());
        CHECK(store->commit({}, std::vector<metadata_store::group_sign>{{"", timestamp_ms{1}}}).code() == errc::argument_illegal);
    }
    auto store = open_metadata(files);
    using rows = std::vector<std::pair<std::string, timestamp_ms>>;
    CHECK(store->last_seen().value() == rows{{"g", timestamp_ms{0}}, {"gone", timestamp_ms{1LL << 40}}});
    CHECK(store->groups()->empty());
    REQUIRE(store->remove_offsets(std::vector{offsets[0].first}, std::vector<std::string>{"gone", "never"}).ok());
    CHECK(store->last_seen().value() == rows{{"g", timestamp_ms{0}}});
    CHECK(store->offsets().value() == std::vector{offsets[1]});
}

TEST_CASE("metadata_store: of when a group was seen only what was written is read") {
    CHECK(decode_seen("sg", encode(timestamp_ms{5})) == std::pair{std::string{"g"}, timestamp_ms{5}});
    CHECK_FALSE(decode_seen("s", encode(timestamp_ms{5})));
    CHECK_FALSE(decode_seen("sg", encode(timestamp_ms{-1})));
    CHECK_FALSE(decode_seen("sg", encode(timestamp_ms{5}) + "x"));
    CHECK_FALSE(decode_seen("sg", std::string{"\x02"} + encode(timestamp_ms{5}).substr(1)));
}

TEST_CASE("metadata_store: a deleted topic is remembered until its index is gone, or until it is made again") {
    const auto files = fault_file_system::make(1);
    {
        auto store = open_metadata(files);
        topic_config topic;
        for (const auto* name : {"a", "b", "c"}) {
            topic.name = name;
            REQUIRE(store->put_topic(topic).ok());
        }
        CHECK(store->deleted_topics()->empty());
        for (const auto* name : {"c", "a", "b"})
            REQUIRE(store->remove_topic(name).ok());
        REQUIRE(store->forget_deleted("a").ok());
        REQUIRE(store->forget_deleted("never").ok());
        CHECK(store->forget_deleted("").code() == errc::argument_illegal);
        topic.name = "c";
        REQUIRE(store->put_topic(topic).ok());
    }
    auto store = open_metadata(files);
    CHECK(store->deleted_topics().value() == std::vector<std::string>{"b"});
    CHECK(store->topics()->size() == 1);
    CHECK_FALSE(decode_deleted("d", encode_deleted()));
    CHECK_FALSE(decode_deleted("dx", ""));
}
