#include "storage/batch_header.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::storage;

namespace {

batch_header sample() {
    return {.epoch = log_epoch{3},
            .sequence = 0x0102030405060708,
            .position = log_position{0x1234},
            .durable = log_position{0x1200},
            .stored = timestamp_ms{1'700'000'000'001},
            .records_bytes = 321,
            .records = 2};
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += digits[static_cast<unsigned char>(byte) >> 4];
        text += digits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

} // namespace

TEST_CASE("batch_header: what is encoded is decoded") {
    const auto image = encode_batch_header(sample());
    const auto decoded = decode_batch_header({image.data(), image.size()}, log_position{0x1234});
    REQUIRE(decoded);
    CHECK(*decoded == sample());
}

// The bytes are documented in docs/formats/commit_log.md; a change here breaks every store in the field.
TEST_CASE("batch_header: the bytes on disk are those of the format page") {
    const auto image = encode_batch_header(sample());
    CHECK(hex({image.data(), image.size()}) == "00000040daa3b47c6271043000000001000000030102030405060708"
                                               "000000000000123400000000000012000000018bcfe56801000001410000000200000000");
    const auto filler = encode_filler(0x1000);
    CHECK(hex({filler.data(), filler.size()}) == "00001000cbd43194");
}

TEST_CASE("batch_header: any changed byte is noticed") {
    const auto image = encode_batch_header(sample());
    for (std::size_t i = 0; i < image.size(); ++i)
        for (const int mask : {0x01, 0x80, 0xFF}) {
            auto changed = image;
            changed[i] = static_cast<char>(changed[i] ^ mask);
            CAPTURE(i);
            CHECK(decode_batch_header({changed.data(), changed.size()}, log_position{0x1234}).code() == errc::corrupt);
        }
}

TEST_CASE("batch_header: a header elsewhere than it says, cut short, or vouching for itself is corrupt") {
    const auto image = encode_batch_header(sample());
    CHECK(decode_batch_header({image.data(), image.size()}, log_position{0x1235}).code() == errc::corrupt);
    CHECK(decode_batch_header({image.data(), image.size() - 1}, log_position{0x1234}).code() == errc::corrupt);
    auto boastful = sample();
    boastful.durable = log_position{0x1235};
    const auto wrong = encode_batch_header(boastful);
    CHECK(decode_batch_header({wrong.data(), wrong.size()}, log_position{0x1234}).code() == errc::corrupt);
}

TEST_CASE("peek_item: needs eight bytes") {
    CHECK_FALSE(peek_item("1234567"));
    const auto filler = encode_filler(99);
    const auto words = peek_item({filler.data(), filler.size()});
    REQUIRE(words);
    CHECK(words->bytes == 99);
    CHECK(words->magic == filler_magic);
}
