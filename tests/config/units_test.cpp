#include "config/units.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::config;
using std::chrono::milliseconds;

TEST_CASE("units: sizes are powers of 1024") {
    CHECK(*parse_size("0B") == 0);
    CHECK(*parse_size("17B") == 17);
    CHECK(*parse_size("4KiB") == 4096);
    CHECK(*parse_size("64MiB") == 64u << 20);
    CHECK(*parse_size("2GiB") == 2ull << 30);
    CHECK(*parse_size("3TiB") == 3ull << 40);
}

TEST_CASE("units: durations go from milliseconds to days") {
    CHECK(*parse_duration("0ms") == milliseconds{0});
    CHECK(*parse_duration("500ms") == milliseconds{500});
    CHECK(*parse_duration("2s") == milliseconds{2000});
    CHECK(*parse_duration("5m") == milliseconds{300'000});
    CHECK(*parse_duration("72h") == milliseconds{259'200'000});
    CHECK(*parse_duration("1d") == milliseconds{86'400'000});
}

TEST_CASE("units: what is no size says what to write instead") {
    CHECK(parse_size("").failure().text == "\"\" is no size; write a whole number and a unit, like \"64MiB\"");
    CHECK(parse_size("large").failure().text == "\"large\" is no size; write a whole number and a unit, like \"64MiB\"");
    CHECK(parse_size("-1B").failure().text == "\"-1B\" is no size; write a whole number and a unit, like \"64MiB\"");
    CHECK(parse_size("64").failure().text == "\"64\" has no unit; write one of B, KiB, MiB, GiB, TiB behind the number");
    CHECK(parse_size("64MB").failure().text == "unknown unit \"MB\"; write MiB (powers of 1024)");
    CHECK(parse_size("64 MiB").failure().text == "unknown unit \" MiB\"; units are B, KiB, MiB, GiB, TiB");
    CHECK(parse_size("1.5GiB").failure().text == "\"1.5GiB\" has a fraction; write a whole number of a smaller unit");
    CHECK(parse_size("99999999999999999999B").failure().text == "\"99999999999999999999B\" is too large");
    CHECK(parse_size("9999999999TiB").failure().text == "\"9999999999TiB\" is too large");
    CHECK(parse_size("64MB").code() == errc::argument_illegal);
}

TEST_CASE("units: what is no duration says what to write instead") {
    CHECK(parse_duration("soon").failure().text == "\"soon\" is no duration; write a whole number and a unit, like \"500ms\"");
    CHECK(parse_duration("10").failure().text == "\"10\" has no unit; write one of ms, s, m, h, d behind the number");
    CHECK(parse_duration("10sec").failure().text == "unknown unit \"sec\"; units are ms, s, m, h, d");
    CHECK(parse_duration("10us").failure().text == "unknown unit \"us\"; units are ms, s, m, h, d");
}

TEST_CASE("units: what is printed reads back, in the largest unit that is exact") {
    CHECK(format_size(0) == "0B");
    CHECK(format_size(1023) == "1023B");
    CHECK(format_size(1024) == "1KiB");
    CHECK(format_size((1u << 20) + 1) == "1048577B");
    CHECK(format_size(1536ull << 20) == "1536MiB");
    CHECK(format_duration(milliseconds{0}) == "0ms");
    CHECK(format_duration(milliseconds{1500}) == "1500ms");
    CHECK(format_duration(milliseconds{60'000}) == "1m");
    CHECK(format_duration(std::chrono::hours{72}) == "3d");
    for (const std::uint64_t bytes : {0ull, 1ull, 1024ull, 4097ull, 1ull << 30, (1ull << 40) * 5}) {
        CHECK(*parse_size(format_size(bytes)) == bytes);
    }
}
