#include "protocol/batch_codec.hpp"

#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/support/hex.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;
using test_support::from_hex;

namespace {

const std::vector<batch_element> three{{0, payload{"a"}, ""}, {-7, payload{"bb"}, "k\1v\2"}, {9, payload{std::string(300, 'c')}, "x\1y\2"}};

} // namespace

TEST_CASE("a batch body has RocketMQ's bytes") {
    // Vector: one message as RocketMQ's MessageDecoder.encodeMessages lays it out.
    const auto bytes = from_hex("0000002c 00000000 00000000 00000000 00000002 6869 0014 5741495401747275650254414753015461674102");
    const std::vector<batch_element> one{{0, payload{"hi"}, "WAIT\1true\2TAGS\1TagA\2"}};
    CHECK(encode_batch(one).value() == bytes);
    CHECK(decode_batch(payload{bytes}).value() == one);
}

TEST_CASE("several messages of a batch come back in order with flags and properties") {
    CHECK(decode_batch(payload{encode_batch(three).value()}).value() == three);
}

TEST_CASE("a batch that no broker could store is refused before it is sent") {
    CHECK(encode_batch({}).code() == errc::message_illegal);
    CHECK(encode_batch(std::vector<batch_element>{{0, payload{}, ""}}).code() == errc::message_illegal);
    CHECK(encode_batch(std::vector<batch_element>{{0, payload{"x"}, std::string(32'768, 'p')}}).code() == errc::properties_too_large);
    const auto fits = limits::body_bytes_max - batch_element_head_bytes;
    CHECK(encode_batch(std::vector<batch_element>{{0, payload{std::string(fits, 'x')}, ""}}).ok());
    CHECK(encode_batch(std::vector<batch_element>{{0, payload{std::string(fits + 1, 'x')}, ""}}).code() == errc::body_too_large);
}

TEST_CASE("a batch cut at any length but between messages is refused") {
    const auto body = encode_batch(three).value();
    const std::size_t first_end = 23;
    const std::size_t second_end = first_end + 28;
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes) {
        const bool whole = bytes == first_end || bytes == second_end;
        CHECK(decode_batch(payload{body.substr(0, bytes)}).ok() == whole);
    }
}

TEST_CASE("lying lengths in a batch are refused, naming the message") {
    for (const std::size_t at : {23u, 23u + 16u})
        for (const std::uint32_t lie : {0u, 1u, 27u, 29u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
            auto body = encode_batch(three).value();
            store_be(body.data() + at, lie);
            const auto decoded = decode_batch(payload{body});
            REQUIRE(decoded.code() == errc::message_illegal);
            CHECK(decoded.failure().text.find("(message 1)") != std::string::npos);
        }
    CHECK(decode_batch(payload{std::string(limits::body_bytes_max + 1, 'x')}).code() == errc::body_too_large);
}
