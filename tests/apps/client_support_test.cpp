#include "apps/commands/client_support.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

namespace {

constexpr timestamp_ms noon{1'700'000'000'000};

start_point point(std::string_view text) {
    const auto parsed = parse_start_point(text, noon);
    REQUIRE(parsed.ok());
    return *parsed;
}
std::int64_t time_of(std::string_view text) {
    const start_point parsed = point("time:" + std::string{text});
    CHECK(parsed.kind == start_point::kind_type::time);
    return parsed.time.value();
}
std::string complaint(std::string_view text) {
    const auto parsed = parse_start_point(text, noon);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.code() == errc::argument_illegal);
    return parsed.failure().text;
}

} // namespace

TEST_CASE("client_support: places to start from are read") {
    CHECK(point("first").kind == start_point::kind_type::first);
    CHECK(point("last").kind == start_point::kind_type::last);
    CHECK(point("offset:0").offset == queue_offset{0});
    CHECK(point("offset:4711").offset == queue_offset{4711});
}

TEST_CASE("client_support: times are read in milliseconds, as calendar time in UTC, and backwards from now") {
    CHECK(time_of("1700000000123") == 1'700'000'000'123);
    CHECK(time_of("2023-11-14T22:13:20Z") == 1'700'000'000'000);
    CHECK(time_of("2023-11-14T22:13:20") == 1'700'000'000'000);
    CHECK(time_of("2023-11-14T22:13") == 1'699'999'980'000);
    CHECK(time_of("2023-11-14") == 1'699'920'000'000);
    CHECK(time_of("1970-01-01") == 0);
    CHECK(time_of("2024-02-29") == 1'709'164'800'000);
    CHECK(time_of("-15m") == noon.value() - 900'000);
}

TEST_CASE("client_support: a moment is read in milliseconds and as calendar time") {
    CHECK(parse_moment("1700000000123").value() == timestamp_ms{1'700'000'000'123});
    CHECK(parse_moment("2023-11-14T22:13:20Z").value() == timestamp_ms{1'700'000'000'000});
    for (const std::string bad : {"", "-15m", "-1", "tomorrow", "2023-13-01"}) {
        CAPTURE(bad);
        CHECK(parse_moment(bad).failure() ==
              error{errc::argument_illegal, "\"" + bad + "\" is no time; write 2026-11-22T10:00:00Z, or milliseconds since 1970"});
    }
}

TEST_CASE("client_support: what is no place to start from says what would be one") {
    CHECK(complaint("frist") == "\"frist\" is none of first, last, time:T, offset:N; did you mean \"first\"?");
    CHECK(complaint("yesterday") == "\"yesterday\" is none of first, last, time:T, offset:N");
    CHECK(complaint("") == "\"\" is none of first, last, time:T, offset:N");
    CHECK(complaint("offset:-1") == "\"-1\" is no offset; write a whole number from 0 on");
    CHECK(complaint("offset:many") == "\"many\" is no offset; write a whole number from 0 on");
    CHECK(complaint("time:-15") == "\"15\" has no unit; write one of ms, s, m, h, d behind the number");
    for (const std::string bad : {"", "noon", "2023-13-01", "2023-02-29", "2023-11-14T24:00", "2023-11-14T22:60", "2023-11-14X22:13",
                                  "2023-11", "2023-11-14T22:13:20.5", "2023-11-14T"}) {
        CAPTURE(bad);
        CHECK(complaint("time:" + bad) ==
              "\"" + bad + "\" is no time; write 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m for 15 minutes ago");
    }
}

TEST_CASE("client_support: queues are named by broker and number") {
    CHECK(*parse_queue("orders", "broker-a:3") == client::message_queue{"orders", "broker-a", 3});
    for (const std::string bad : {"", "3", "broker-a", "broker-a:", ":3", "broker-a:x", "broker-a:-1", "broker-a:1024"}) {
        CAPTURE(bad);
        CHECK(parse_queue("orders", bad).failure().text == "\"" + bad + "\" is no queue; write BROKER:NUMBER, like broker-a:0");
    }
}

TEST_CASE("client_support: permissions read back as they print") {
    for (const std::string good : {"rw", "r", "w"}) {
        CHECK(format_permission(*parse_permission(good)) == good);
    }
    CHECK(format_permission(0) == "none");
    CHECK(parse_permission("x").failure().text == "\"x\" is none of rw, r, w");
}
