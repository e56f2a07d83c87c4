#include "protocol/message_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("host addresses of both families come back as they were written") {
    for (const char* text : {"10.0.0.1:10911", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[fe80::1:2]:10911", "[::]:0"})
        CHECK(to_string(parse_host_address(text).value()) == text);
    CHECK(parse_host_address("10.0.0.1:10911").value().port == 10911);
    CHECK_FALSE(parse_host_address("10.0.0.1:10911").value().is_ipv6);
    CHECK(parse_host_address("[::1]:80").value().address[15] == 1);
}

TEST_CASE("what is no host address is refused, quoted, and shown how to write one") {
    for (const char* text :
         {"", ":", "10.0.0.1", "10.0.0.1:", ":80", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:8x", "10.0.0:80", "localhost:80", "::1:80",
          "[::1:80", "[]:80", "[10.0.0.1]:80", "[::1]80", " 10.0.0.1:80", "10.0.0.1: 80", "10.0.0.256:80"})
        CHECK_MESSAGE(parse_host_address(text).code() == errc::argument_illegal, text);
    CHECK(parse_host_address(std::string_view{"1.2.3.4\0:80", 11}).code() == errc::argument_illegal);
    CHECK(parse_host_address("nowhere").failure().text == "\"nowhere\" is no host address: write 10.0.0.1:10911 or [::1]:10911");
}

TEST_CASE("offset message ids have RocketMQ's text") {
    // Vector: RocketMQ's MessageDecoder.createMessageId.
    const auto host = parse_host_address("127.0.0.1:10911").value();
    CHECK(offset_message_id(host, log_position{0x1234}) == "7F00000100002A9F0000000000001234");
    const auto [parsed_host, position] = parse_offset_message_id("7f00000100002A9F0000000000001234").value();
    CHECK(parsed_host == host);
    CHECK(position == log_position{0x1234});
}

TEST_CASE("an offset message id of an IPv6 host has 56 digits and comes back") {
    const auto host = parse_host_address("[fe80::1]:10911").value();
    const auto id = offset_message_id(host, log_position{7});
    CHECK(id.size() == 56);
    const auto parsed = parse_offset_message_id(id).value();
    CHECK(parsed.first == host);
    CHECK(parsed.second == log_position{7});
}

TEST_CASE("what is no offset message id is refused") {
    for (const char* id : {"", "7F", "7F00000100002A9F000000000000123", "7F00000100002A9F00000000000012345",
                           "7F00000100002A9F000000000000123G", "7F000001FFFFFFFF0000000000001234", "7F0000010001000000000000000012347",
                           "7F00000100002A9F8000000000001234", "7F000001000100000000000000001234"})
        CHECK_MESSAGE(parse_offset_message_id(id).code() == errc::argument_illegal, id);
}

TEST_CASE("tag hashes are Java's, also beyond ASCII") {
    // Vectors: Java's String.hashCode.
    CHECK(tag_hash("TagA") == 2598919);
    CHECK(tag_hash("TagB") == 2598920);
    CHECK(tag_hash("*") == 42);
    CHECK(tag_hash("中文") == 646394);
    CHECK(tag_hash("") == 0);
    // A character beyond the first plane counts as two UTF-16 units: 31 * 0xD83D + 0xDE00.
    CHECK(tag_hash("\xF0\x9F\x98\x80") == 31 * 0xD83D + 0xDE00);
    CHECK(tag_hash("zzzzzzzzzzzz") == static_cast<std::int32_t>([] {
              std::uint32_t hash = 0;
              for (int i = 0; i < 12; ++i)
                  hash = 31 * hash + 'z';
              return hash;
          }()));
}

TEST_CASE("bytes that are no UTF-8 hash as the replacement character, as Java decodes them") {
    CHECK(tag_hash("\xFF") == 0xFFFD);
    CHECK(tag_hash("\xC3") == 0xFFFD);
    CHECK(tag_hash("\xE4\xB8") == tag_hash("\xFF\xFF"));
}
