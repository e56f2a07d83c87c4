#include "actors/name_server/kv_config.hpp"
#include "actors/name_server/kv_keeper.hpp"

#include "tests/actors/virtual_system.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

TEST_CASE("kv config: what was put is found, and the last key takes its namespace along") {
    kv_config config;
    REQUIRE(config.put("n", "a", "1").ok());
    REQUIRE(config.put("n", "b", "2").ok());
    REQUIRE(config.put("n", "a", "3").ok());
    CHECK(*config.find("n", "a") == "3");
    CHECK(config.find("n", "c") == nullptr);
    CHECK(config.find("m", "a") == nullptr);
    CHECK(config.find_all("n")->size() == 2);
    config.remove("n", "a");
    config.remove("n", "a");
    config.remove("n", "b");
    CHECK(config.find_all("n") == nullptr);
    CHECK(config.all().empty());
}

// Anybody who reaches the port may add to it.
TEST_CASE("kv config: names, values, their number and their bytes are bounded, and what is deleted makes room") {
    kv_config config{{2, 3, 4, 12}};
    CHECK(config.put("", "a", "1").code() == errc::argument_illegal);
    CHECK(config.put("n", "", "1").code() == errc::argument_illegal);
    CHECK(config.put("name", "a", "1").code() == errc::argument_illegal);
    CHECK(config.put("n", "keys", "1").code() == errc::argument_illegal);
    CHECK(config.put("n", "a", "12345").code() == errc::argument_illegal);
    REQUIRE(config.put("n", "a", "1234").ok());
    REQUIRE(config.put("n", "b", "1234").ok());
    CHECK(config.put("n", "c", "").code() == errc::busy);
    CHECK(config.put("n", "b", "12").ok());
    config.remove("n", "b");
    CHECK(config.put("n", "cd", "1234").code() == errc::busy); // 13 bytes
    CHECK(config.put("n", "c", "1234").ok());
}

namespace {

struct keeper_world : virtual_system {
    std::shared_ptr<fault_file_system> files = fault_file_system::make(1);
    kv_keeper_actor keeper = spawn_kv_keeper(system(), files, "/names/kvConfig.json");

    ~keeper_world() {
        caf::anon_send(keeper, finish{});
        run();
    }
    result<kv_config_written> write(const std::string& value) {
        return **ask<kv_config_written>(keeper, write_kv_config{{{"n", {{"k", value}}}}});
    }
};

} // namespace

TEST_CASE_FIXTURE(keeper_world, "kv keeper: what was answered survives power loss, and replaces what was there") {
    CHECK(load_kv_config(*files, "/names/kvConfig.json")->all().empty());
    REQUIRE(write("1").ok());
    REQUIRE(write("2").ok());
    files->crash(crash_mode::drop_unsynced);
    const auto later = files->restart();
    CHECK(later->content("/names/kvConfig.json") == R"({"configTable":{"n":{"k":"2"}}})");
    CHECK(*load_kv_config(*later, "/names/kvConfig.json")->find("n", "k") == "2");
}

TEST_CASE_FIXTURE(keeper_world, "kv keeper: a disk that fails is answered with its failure, and the file is whole") {
    REQUIRE(write("1").ok());
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write ? std::optional{call_fault::short_full} : std::nullopt;
    });
    CHECK(write("2").code() == errc::disk_full);
    files->set_hook({});
    CHECK(*load_kv_config(*files, "/names/kvConfig.json")->find("n", "k") == "1");
    CHECK(write("3").ok());
}

TEST_CASE("kv keeper: a file that is no KV config, or too large for one, is refused by name") {
    const auto files = fault_file_system::make(1);
    for (const auto& content : {std::string{"{"}, std::string{R"({"configTable":{"":{"k":"v"}}})"},
                                R"({"configTable":{"n":{"k":")" + std::string(100'000, 'x') + "\"}}}"}) {
        files->put("/names/kvConfig.json", content);
        const auto loaded = load_kv_config(*files, "/names/kvConfig.json");
        CHECK(loaded.code() == errc::corrupt);
        CHECK(loaded.failure().text.find("/names/kvConfig.json") != std::string::npos);
    }
}
