#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/names.hpp"
#include "protocol/vocabulary/payload.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <string>

using namespace troupe;

TEST_CASE("numbers are stored big-endian and come back, at the edges of every size") {
    std::string out;
    append_be(out, std::uint32_t{0x01020304});
    append_be(out, std::int16_t{-2});
    append_be(out, std::numeric_limits<std::int64_t>::min());
    CHECK(out == std::string{"\x01\x02\x03\x04\xff\xfe\x80\0\0\0\0\0\0\0", 14});
    CHECK(load_be<std::uint32_t>(out.data()) == 0x01020304);
    CHECK(load_be<std::int16_t>(out.data() + 4) == -2);
    CHECK(load_be<std::int64_t>(out.data() + 6) == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("a byte reader never steps past its end or back") {
    byte_reader reader{std::string_view{"\0\0\0\x02xyz", 7}};
    CHECK(reader.number<std::int32_t>() == 2);
    CHECK(reader.bytes(-1) == std::nullopt);
    CHECK(reader.bytes(4) == std::nullopt);
    CHECK(reader.number<std::int32_t>() == std::nullopt);
    CHECK(reader.bytes(2) == "xy");
    CHECK(reader.left() == 1);
    CHECK(reader.bytes(std::numeric_limits<std::size_t>::max()) == std::nullopt);
    CHECK(reader.bytes(0) == "");
}

TEST_CASE("a topic name may have RocketMQ's characters and lengths, and nothing else") {
    CHECK(check_topic_name("a").ok());
    CHECK(check_topic_name("%RETRY%group-1_x|Y").ok());
    CHECK(check_topic_name(std::string(127, 't')).ok());
    CHECK(check_topic_name(std::string(128, 't')).code() == errc::topic_illegal);
    CHECK(check_topic_name("%RETRY%" + std::string(248, 't')).ok());
    CHECK(check_topic_name("%DLQ%" + std::string(250, 't')).ok());
    CHECK(check_topic_name("%DLQ%" + std::string(251, 't')).code() == errc::topic_illegal);
}

TEST_CASE("the error about a name says what is wrong, where, and what is allowed") {
    CHECK(check_topic_name("").failure().text == "topic name is empty: give it 1 to 127 characters of [%|a-zA-Z0-9_-]");
    CHECK(check_topic_name("ab/c").failure().text == "topic name \"ab/c\" has '/' at place 3, only [%|a-zA-Z0-9_-] is allowed");
    CHECK(check_topic_name(std::string{"a\0", 2}).failure().text ==
          "topic name \"a?\" has byte 0x00 at place 2, only [%|a-zA-Z0-9_-] is allowed");
    CHECK(check_group_name(std::string(121, 'g')).failure().text ==
          "group name \"" + std::string(64, 'g') + "...\" has 121 bytes, at most 120 are allowed");
}

TEST_CASE("every byte value is either an allowed name character or refused") {
    int allowed = 0;
    for (int byte = 0; byte < 256; ++byte)
        allowed += check_group_name(std::string(1, static_cast<char>(byte))).ok() ? 1 : 0;
    CHECK(allowed == 26 + 26 + 10 + 4);
    CHECK(check_group_name("g").ok());
    CHECK(check_group_name("..").code() == errc::group_illegal);
}

TEST_CASE("system names are known by prefix or by list") {
    for (const char* name : {"TBW102", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "rmq_sys_wheel_timer", "SELF_TEST_TOPIC"})
        CHECK_MESSAGE(is_system_topic(name), name);
    for (const char* name : {"", "TBW", "TBW1020", "orders", "%RETRY%g", "BenchmarkTest"})
        CHECK_FALSE_MESSAGE(is_system_topic(name), name);
    CHECK(is_predefined_group("TOOLS_CONSUMER"));
    CHECK_FALSE(is_predefined_group("CID_RMQ_SYS_own"));
    CHECK(is_system_group("CID_RMQ_SYS_own"));
    CHECK_FALSE(is_system_group("orders"));
    CHECK(is_retry_topic("%RETRY%g"));
    CHECK_FALSE(is_retry_topic("%DLQ%g"));
    CHECK(is_dead_letter_topic("%DLQ%g"));
}

TEST_CASE("every error kind has a name of its own") {
    std::set<std::string_view> names;
    int kinds = 0;
    for (int value = 0; value <= 99; ++value)
        if (const auto name = to_string_view(static_cast<errc>(value)); name != "unknown") {
            names.insert(name);
            ++kinds;
        }
    CHECK(names.size() == static_cast<std::size_t>(kinds));
    CHECK(to_string(error{errc::busy, "queue full"}) == "busy: queue full");
    CHECK(to_string(error{errc::busy, ""}) == "busy");
}

TEST_CASE("a slice of a payload is cut to what is there") {
    const payload whole{"hello"};
    CHECK(whole.slice(1, 3).view() == "ell");
    CHECK(whole.slice(1, 3).slice(1, 99).view() == "ll");
    CHECK(whole.slice(9, 1).empty());
    CHECK(payload{}.slice(0, 1).view() == "");
    CHECK(whole.slice(0, 5) == whole);
}
