#include "storage/missing_metadata.hpp"

#include "storage/message_store.hpp"
#include "storage/metadata_store.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

constexpr const char* metadata_directory = "/store/metadata";

topic_config orders() {
    topic_config topic;
    topic.name = "orders";
    return topic;
}

result<void> check(fault_file_system& files, std::int64_t log_end) {
    return check_metadata_there(files, "/store", log_position{log_end});
}

} // namespace

TEST_CASE("missing metadata: beside a log that was never written to it may be made, beside another one it is refused by name") {
    const auto files = fault_file_system::make(1);
    CHECK(check(*files, 0).ok());
    const auto refused = check(*files, 1);
    REQUIRE(refused.code() == errc::corrupt);
    CHECK(refused.failure().text.find("/store/metadata is missing") == 0);
    CHECK(refused.failure().text.find("troupe store new-metadata /store`") != std::string::npos);
    REQUIRE(files->make_directories(metadata_directory).ok()); // as when only its content was deleted
    CHECK(check(*files, 1).code() == errc::corrupt);
    files->put("/store/metadata/LOCK", "");
    files->put("/store/metadata/MANIFEST-000001", "");
    CHECK(check(*files, 1).code() == errc::corrupt);
    REQUIRE(metadata_store::open(files, metadata_directory).ok());
    CHECK(check(*files, 1).ok());
    // A database without its file CURRENT is damaged, which opening it says in its own words.
    REQUIRE(files->remove("/store/metadata/CURRENT").ok());
    CHECK(check(*files, 1).ok());
    CHECK(metadata_store::open(files, metadata_directory).code() == errc::corrupt);
}

TEST_CASE("missing metadata: an empty one is made in a store that has none, and in nothing else") {
    const auto files = fault_file_system::make(1);
    CHECK(make_empty_metadata(files, "/store").code() == errc::not_found);
    CHECK_FALSE(*files->exists("/store"));
    store_options options;
    options.directory = "/store";
    options.segment_bytes = 1 << 20;
    options.disk_reserve_bytes = 0;
    {
        const auto store = message_store::open(files, options);
        REQUIRE(store);
        CHECK(make_empty_metadata(files, "/store").code() == errc::locked);
        CHECK_FALSE(*files->exists(metadata_directory));
    }
    REQUIRE(make_empty_metadata(files, "/store").ok());
    CHECK(check(*files, 1).ok());
    {
        auto made = metadata_store::open(files, metadata_directory);
        REQUIRE(made);
        CHECK((*made)->topics()->empty());
        REQUIRE((*made)->put_topic(orders()).ok());
    }
    CHECK(make_empty_metadata(files, "/store").code() == errc::already_exists);
    auto kept = metadata_store::open(files, metadata_directory);
    REQUIRE(kept);
    CHECK((*kept)->topics()->size() == 1);
}

// Goal: a first start that fails, at whatever call, leaves a store that the next one takes.
// How:  a store is opened and closed without a record in it, as when what is opened next cannot be.
TEST_CASE("missing metadata: a log that nothing was written to ends at 0 after it was closed, too") {
    const auto files = fault_file_system::make(1);
    store_options options;
    options.directory = "/store";
    options.segment_bytes = 1 << 20;
    options.disk_reserve_bytes = 0;
    for (int start = 0; start < 3; ++start) {
        const auto store = message_store::open(files, options);
        REQUIRE(store);
        CHECK((*store)->stats().log_end == log_position{0});
    }
}
