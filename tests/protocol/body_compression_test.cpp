#include "protocol/body_compression.hpp"

#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::protocol;

namespace {

constexpr std::size_t mib = 1u << 20;
constexpr auto methods = {compression::lz4, compression::zstd, compression::zlib};

std::string bytes_of(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
    return bytes;
}

std::string repeated(std::string_view word, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes)
        text += word;
    return text;
}

} // namespace

TEST_CASE("what RocketMQ's compressors write is read") {
    // "hello hello hello hello hello" by CompressorFactory of RocketMQ 5.5.0, level 5.
    const std::vector<std::pair<std::int32_t, std::string_view>> recorded{
        {0x101, "04224d186070730f0000006e68656c6c6f2006005068656c6c6f00000000"},
        {0x201, "28b52ffd00586400003068656c6c6f200100a94b11010000"},
        {0x301, "785ecb48cdc9c957c8c04e0200a3100ae5"},
        {0x001, "785ecb48cdc9c957c8c04e0200a3100ae5"},
    };
    for (const auto& each : recorded) {
        CAPTURE(each.first);
        const auto how = compression_of(each.first);
        REQUIRE(how.has_value());
        const auto body = unpack_body(*how, bytes_of(each.second), 100);
        REQUIRE(body.ok());
        CHECK(*body == "hello hello hello hello hello");
    }
}

TEST_CASE("a sys flag names the method, or none") {
    CHECK_FALSE(compression_of(0).has_value());
    CHECK_FALSE(compression_of(0x300).has_value()); // not compressed, whatever else it says
    CHECK_FALSE(compression_of(0x401).has_value()); // nobody has defined it
    for (const auto how : methods)
        CHECK(compression_of(sys_flag_of(how)) == how);
    CHECK(sys_flag_of(compression::zstd) == 0x201);
}

TEST_CASE("bodies of every method come back as they were") {
    std::mt19937_64 random{test_support::random_seed("body_compression", 7)};
    for (const auto how : methods)
        for (const std::size_t size : {100u, 4'096u, 70'000u, 300'000u, 4u << 20}) {
            CAPTURE(static_cast<int>(how));
            CAPTURE(size);
            auto body = repeated("hello ", size);
            for (int i = 0; i < 10; ++i)
                body[random() % body.size()] = static_cast<char>(random());
            const auto packed = pack_body(how, body);
            REQUIRE(packed.has_value());
            CHECK(packed->size() < body.size());
            const auto unpacked = unpack_body(how, *packed, body.size());
            REQUIRE(unpacked.ok());
            CHECK(*unpacked == body);
        }
}

TEST_CASE("bodies of every level of every method come back as they were") {
    const auto body = repeated("hello ", 4'096) + repeated("good bye ", 4'096);
    for (const auto how : methods) {
        const auto levels = levels_of(how);
        CHECK(levels.min <= levels.usual);
        CHECK(levels.usual <= levels.max);
        CHECK(pack_body(how, body) == pack_body(how, body, levels.usual));
        for (int level = levels.min; level <= levels.max; ++level) {
            CAPTURE(name_of(how));
            CAPTURE(level);
            const auto packed = pack_body(how, body, level);
            REQUIRE(packed.has_value());
            CHECK(*unpack_body(how, *packed, body.size()) == body);
        }
    }
}

TEST_CASE("a body that would not be smaller is not compressed") {
    std::mt19937_64 random{test_support::random_seed("body_compression", 7)};
    std::string noise;
    for (int i = 0; i < 5'000; ++i)
        noise += static_cast<char>(random());
    for (const auto how : methods) {
        CHECK_FALSE(pack_body(how, noise).has_value());
        CHECK_FALSE(pack_body(how, "x").has_value());
    }
}

TEST_CASE("a small body that unpacks to more than is allowed is refused") {
    for (const auto how : methods) {
        CAPTURE(static_cast<int>(how));
        const auto packed = pack_body(how, std::string(8 * mib, 'x'));
        REQUIRE(packed.has_value());
        const auto unpacked = unpack_body(how, *packed, 8 * mib - 1);
        CHECK(unpacked.code() == errc::protocol_error);
        CHECK(unpacked.failure().text.find(std::to_string(8 * mib - 1)) != std::string::npos);
        CHECK(unpack_body(how, *packed, 8 * mib).ok());
    }
}

TEST_CASE("a Zstandard frame that asks for much memory is refused") {
    // Magic, a header without a content size, a window of 2^27 bytes, one empty last block.
    CHECK(unpack_body(compression::zstd, bytes_of("28b52ffd0088010000"), mib).code() == errc::protocol_error);
    CHECK(unpack_body(compression::zstd, bytes_of("28b52ffd0058010000"), mib).ok()); // 2 MiB, as its producers ask for
}

TEST_CASE("a body that is cut anywhere, or followed by something, is refused") {
    for (const auto how : methods) {
        CAPTURE(static_cast<int>(how));
        const auto packed = *pack_body(how, repeated("hello ", 200));
        for (std::size_t cut = 0; cut < packed.size(); ++cut)
            CHECK(unpack_body(how, packed.substr(0, cut), mib).code() == errc::protocol_error);
        CHECK(unpack_body(how, packed + "x", mib).code() == errc::protocol_error);
        CHECK(unpack_body(how, "hello", mib).code() == errc::protocol_error);
    }
}
