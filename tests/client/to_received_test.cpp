#include "client/internal/to_received.hpp"

#include "protocol/body_compression.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::client;

namespace {

/// "hello hello hello hello hello", as java.util.zip.Deflater of a RocketMQ 5.3.3 producer wrote it (level 5).
constexpr std::string_view packed_hello{"\x78\x5e\xcb\x48\xcd\xc9\xc9\x57\xc8\xc0\x4e\x02\x00\xa3\x10\x0a\xe5", 17};

protocol::message stored(std::string_view body, std::int32_t sys_flag) {
    protocol::message record;
    record.topic = "orders";
    record.offset = queue_offset{7};
    record.position = log_position{1024};
    record.sys_flag = sys_flag;
    record.born = timestamp_ms{1000};
    record.stored = timestamp_ms{2000};
    record.store_host = *protocol::parse_host_address("10.0.0.1:10911");
    record.reconsume_times = 3;
    record.flag = 17;
    record.body = payload{std::string{body}};
    record.properties = "TAGS\001paid\002";
    return record;
}

} // namespace

TEST_CASE("a received message says what is stored of it") {
    const auto m = to_received({"orders", "a", 2}, stored("plain", 0));
    CHECK(m.queue == message_queue{"orders", "a", 2});
    CHECK(m.offset.value() == 7);
    CHECK(m.body.view() == "plain");
    CHECK_FALSE(m.compressed);
    CHECK(m.born.value() == 1000);
    CHECK(m.stored.value() == 2000);
    CHECK(m.reconsume_times == 3);
    CHECK(m.flag == 17);
    CHECK(m.offset_message_id == "0A00000100002A9F0000000000000400");
    CHECK(m.tags() == "paid");
}

TEST_CASE("a compressed body is unpacked by every method") {
    const std::string body = "hello hello hello hello hello hello hello hello hello hello hello hello";
    for (const auto how : {protocol::compression::lz4, protocol::compression::zstd, protocol::compression::zlib}) {
        const auto m = to_received({"orders", "a", 0}, stored(*protocol::pack_body(how, body), protocol::sys_flag_of(how)));
        CHECK(m.body.view() == body);
        CHECK_FALSE(m.compressed);
    }
}

TEST_CASE("a compressed body is unpacked, whether its producer named the method or knew only one") {
    for (const std::int32_t method : {0, 0x300}) {
        const auto m = to_received({"orders", "a", 0}, stored(packed_hello, 1 | method));
        CHECK(m.body.view() == "hello hello hello hello hello");
        CHECK_FALSE(m.compressed);
    }
}

TEST_CASE("a body that cannot be unpacked stays as it is stored, and says so") {
    std::string cut{packed_hello};
    cut.pop_back();
    for (const auto& [body, flags] : {std::pair{cut, 1}, std::pair{std::string{packed_hello}, 1 | 0x100}, // LZ4
                                      std::pair{std::string{"hello"}, 1}}) {
        const auto m = to_received({"orders", "a", 0}, stored(body, flags));
        CHECK(m.body.view() == body);
        CHECK(m.compressed);
    }
}

TEST_CASE("bodies of one answer share what they may unpack to; what is not compressed, or does not unpack, takes nothing of it") {
    const std::string body(100, 'x');
    const auto packed = *protocol::pack_body(protocol::compression::zlib, body);
    const auto flags = protocol::sys_flag_of(protocol::compression::zlib);
    unpacking_room room{250};
    const auto next = [&](std::string_view bytes, std::int32_t flag) { return to_received({"orders", "a", 0}, stored(bytes, flag), room); };
    CHECK(next(packed, flags).body.view() == body);
    CHECK(next(std::string(1'000, 'y'), 0).body.size() == 1'000);
    CHECK(next(packed.substr(1), flags).compressed);
    CHECK(next(packed, flags).body.view() == body);
    const auto beyond = next(packed, flags);
    CHECK(beyond.compressed);
    CHECK(beyond.body.view() == packed);
    CHECK(next(*protocol::pack_body(protocol::compression::zlib, std::string(50, 'z')), flags).body.size() == 50); // a smaller one fits
    CHECK(unpacking_room{}.for_one() == unpacked_bytes_max);
}
