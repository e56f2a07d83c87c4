#include "protocol/message_codec.hpp"

#include "protocol/checksum.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace troupe;
using namespace troupe::protocol;
using test_support::from_hex;
using test_support::to_hex;

namespace {

// Vector: made by RocketMQ's own Java classes; it has no checksum property.
const std::string java_record = from_hex(R"(
    0000007b daa320a7 3610a686 00000003 00000000 0000000000000007 0000000000001234 00000000
    0000018bcfe56800 0a000009 00009c40 0000018bcfe56801 7f000001 00002a9f 00000000 0000000000000000
    00000005 68656c6c6f 09 546f70696354657374 0012 4b455953016b3102 544147530154616741 02)");

message java_message() {
    message m;
    m.topic = "TopicTest";
    m.queue = queue_id{3};
    m.offset = queue_offset{7};
    m.position = log_position{0x1234};
    m.born = timestamp_ms{1700000000000};
    m.born_host = parse_host_address("10.0.0.9:40000").value();
    m.stored = timestamp_ms{1700000000001};
    m.store_host = parse_host_address("127.0.0.1:10911").value();
    m.body = payload{"hello"};
    m.properties = "KEYS\1k1\2TAGS\1TagA\2";
    return m;
}

/// Every field other than its default.
message full_message() {
    message m = java_message();
    m.flag = -5;
    m.sys_flag = message_sys_flag::compressed | 0x300;
    m.reconsume_times = 4;
    m.prepared_transaction = log_position{77};
    return m;
}

std::string placed(const message& m) {
    auto record = encode_record(m);
    REQUIRE_MESSAGE(record.ok(), (record.ok() ? "" : record.failure().text));
    place_record(*record, m.offset, m.position, m.stored);
    return *record;
}

} // namespace

TEST_CASE("a record of the original Java classes decodes to what they put in") {
    CHECK(java_record.size() == 123);
    CHECK(decode_record(payload{java_record}).value() == java_message());
    CHECK(crc32("hello") == 0x3610A686);
}

TEST_CASE("an encoded record has Java's bytes, with the checksum property behind the user's properties") {
    auto expected = java_record + "__CRC32#\1" + "0000000000" + "\2";
    store_be(expected.data(), static_cast<std::uint32_t>(expected.size()));
    store_be(expected.data() + java_record.size() - 20, std::uint16_t{18 + 20});
    const auto record = placed(java_message());
    REQUIRE(record.size() == expected.size());
    CHECK(to_hex(record.substr(0, record.size() - 11)) == to_hex(expected.substr(0, expected.size() - 11)));
    // Ten decimal digits, least significant first, of the checksum of everything before the property.
    auto digits = record.substr(record.size() - 11, 10);
    std::reverse(digits.begin(), digits.end());
    CHECK(std::stoul(digits) == (crc32(std::string_view{record}.substr(0, record.size() - 20)) & 0x7FFFFFFF));
    CHECK(record.back() == '\2');
}

TEST_CASE("a record comes back with every field, for each kind of host and topic") {
    for (const bool long_topic : {false, true})
        for (const char* born : {"1.2.3.4:5", "[::1]:65535"})
            for (const char* store : {"9.8.7.6:0", "[fe80::1:2]:10911"}) {
                message m = full_message();
                m.topic = long_topic ? "%RETRY%" + std::string(248, 'g') : std::string(127, 't');
                m.born_host = parse_host_address(born).value();
                m.store_host = parse_host_address(store).value();
                const auto record = placed(m);
                m.sys_flag |= m.born_host.is_ipv6 ? message_sys_flag::born_host_ipv6 : 0;
                m.sys_flag |= m.store_host.is_ipv6 ? message_sys_flag::store_host_ipv6 : 0;
                CHECK(check_record(record).ok());
                CHECK(decode_record(payload{record}).value() == m);
                CHECK(load_be<std::uint32_t>(record.data() + 4) == (long_topic ? 0xDAA320AB : 0xDAA320A7));
                CHECK(record_queue(record) == m.queue);
                CHECK(record_offset(record) == m.offset);
                CHECK(record_position(record) == m.position);
                CHECK(record_stored(record) == m.stored);
                const auto view = view_record(record);
                CHECK(view.topic == m.topic);
                CHECK(view.body == m.body.view());
                CHECK(view.properties == m.properties);
            }
}

TEST_CASE("address bits left from another host do not survive encoding") {
    message m = full_message();
    m.sys_flag |= message_sys_flag::born_host_ipv6 | message_sys_flag::store_host_ipv6;
    CHECK(decode_record(payload{placed(m)}).value().sys_flag == full_message().sys_flag);
}

TEST_CASE("a decoded body shares the record's memory") {
    const payload record{placed(java_message())};
    const auto body = decode_record(record).value().body.view();
    CHECK(body.data() >= record.view().data());
    CHECK(body.data() < record.view().data() + record.size());
}

TEST_CASE("placing a record again moves it") {
    auto record = placed(java_message());
    place_record(record, queue_offset{1} + (std::int64_t{1} << 40), log_position{1} + (std::int64_t{1} << 50), timestamp_ms{9});
    const auto m = decode_record(payload{record}).value();
    CHECK(m.offset.value() == (std::int64_t{1} << 40) + 1);
    CHECK(m.position.value() == (std::int64_t{1} << 50) + 1);
    CHECK(m.stored == timestamp_ms{9});
    CHECK(check_record(record).ok());
}

TEST_CASE("properties without their last separator get it, and a checksum property of an earlier life goes") {
    message m = java_message();
    m.properties = "KEYS\1k1\2__CRC32#\0019876543210\2TAGS\1TagA";
    CHECK(decode_record(payload{placed(m)}).value().properties == "KEYS\1k1\2TAGS\1TagA\2");
    m.properties = "X__CRC32#\1kept\2";
    CHECK(decode_record(payload{placed(m)}).value().properties == m.properties);
    m.properties = "";
    CHECK(decode_record(payload{placed(m)}).value().properties.empty());
}

TEST_CASE("each limit of a record is refused with its own error, just beyond it") {
    const auto code = [](auto change) {
        message m = java_message();
        change(m);
        const auto record = encode_record(m);
        return record.code();
    };
    CHECK(code([](message& m) { m.body = payload{std::string(limits::body_bytes_max, 'x')}; }) == errc::none);
    CHECK(code([](message& m) { m.body = payload{std::string(limits::body_bytes_max + 1, 'x')}; }) == errc::body_too_large);
    CHECK(code([](message& m) { m.body = {}; }) == errc::message_illegal);
    CHECK(code([](message& m) { m.topic = std::string(128, 't'); }) == errc::topic_illegal);
    CHECK(code([](message& m) { m.topic = "a/b"; }) == errc::topic_illegal);
    const auto user_bytes = limits::properties_bytes_max - checksum_property_bytes;
    CHECK(code([&](message& m) { m.properties = "k\1" + std::string(user_bytes - 3, 'v') + "\2"; }) == errc::none);
    CHECK(code([&](message& m) { m.properties = "k\1" + std::string(user_bytes - 2, 'v') + "\2"; }) == errc::properties_too_large);
    // One byte less, but the separator that is missing needs it.
    CHECK(code([&](message& m) { m.properties = "k\1" + std::string(user_bytes - 2, 'v'); }) == errc::properties_too_large);
}

TEST_CASE("the largest record is one: every size at its limit") {
    message m = full_message();
    m.topic = "%RETRY%" + std::string(248, 'g');
    m.born_host = m.store_host = parse_host_address("[::1]:1").value();
    m.body = payload{std::string(limits::body_bytes_max, 'x')};
    m.properties = "k\1" + std::string(limits::properties_bytes_max - checksum_property_bytes - 3, 'v') + "\2";
    const auto record = placed(m);
    CHECK(record.size() == record_bytes_max);
    CHECK(record_size(record).value() == record_bytes_max);
    CHECK(check_record(record).ok());
}

// Goal: any flipped bit of a stored record is detected (the log's promise).
// How:  every bit of records of each layout, one at a time.
TEST_CASE("any flipped bit anywhere in a record is detected") {
    for (const char* host : {"1.2.3.4:5", "[::1]:5"})
        for (const char* topic : {"T", "%RETRY%"}) {
            message m = full_message();
            m.born_host = parse_host_address(host).value();
            m.topic = topic + std::string(std::string_view{topic} == "T" ? 0 : 130, 'g');
            const auto record = placed(m);
            REQUIRE(check_record(record).ok());
            int undetected = 0;
            for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
                auto damaged = record;
                damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
                undetected += check_record(damaged).ok() ? 1 : 0;
            }
            CHECK(undetected == 0);
        }
}

TEST_CASE("a record cut at any length, or with bytes behind it, is corrupt") {
    const auto record = placed(full_message());
    for (std::size_t bytes = 0; bytes < record.size(); ++bytes) {
        const auto cut = record.substr(0, bytes);
        CHECK(record_size(cut).ok() == false);
        CHECK(check_record(cut).code() == errc::corrupt);
        CHECK(decode_record(payload{cut}).code() == errc::corrupt);
    }
    CHECK(check_record(record + "x").code() == errc::corrupt);
    CHECK(record_size(record + "x").value() == record.size());
}

TEST_CASE("a length word that no record can have is refused before anything else") {
    for (const std::uint32_t bytes : {0u, 1u, 90u, static_cast<std::uint32_t>(record_bytes_max) + 1, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
        auto record = placed(full_message());
        store_be(record.data(), bytes);
        CHECK(record_size(record).code() == errc::corrupt);
        CHECK(check_record(record).code() == errc::corrupt);
    }
    CHECK(record_size("").code() == errc::corrupt);
}

TEST_CASE("a record of another broker is verified by its body checksum only") {
    auto damaged = java_record;
    damaged[88] = 'H'; // the body
    CHECK(decode_record(payload{damaged}).failure().text == "record: its body checksum does not match its body");
    CHECK(check_record(java_record).failure().text == "record: its checksum property is missing or damaged");
}

TEST_CASE("records in a row come back in order, and damage names its place") {
    message second = full_message();
    second.body = payload{"second"};
    const auto first_bytes = placed(java_message());
    const auto both = first_bytes + placed(second);
    const auto all = decode_records(payload{both}).value();
    REQUIRE(all.size() == 2);
    CHECK(all[0] == java_message());
    CHECK(all[1] == second);
    CHECK(decode_records(payload{}).value().empty());
    const auto cut = decode_records(payload{both.substr(0, both.size() - 1)});
    CHECK(cut.code() == errc::corrupt);
    CHECK(cut.failure().text.find("at byte " + std::to_string(first_bytes.size())) != std::string::npos);
}

TEST_CASE("random damage of a record is refused or harmless, never a crash") {
    std::mt19937_64 random{test_support::random_seed("record damage", 1)};
    for (int round = 0; round < 20'000; ++round) {
        std::string record = round % 2 == 0 ? java_record : placed(full_message());
        for (auto changes = 1 + random() % 4; changes > 0; --changes)
            record[random() % record.size()] = static_cast<char>(random());
        const auto m = decode_record(payload{record});
        if (!m)
            CHECK(m.code() == errc::corrupt);
        else
            CHECK(m->body.size() <= record.size());
    }
}
