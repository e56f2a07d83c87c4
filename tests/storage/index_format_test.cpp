#include "storage/index_database.hpp"
#include "storage/index_entry.hpp"
#include "storage/key_index.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace troupe;
using namespace troupe::storage;

namespace {

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        out += digits[value >> 4];
        out += digits[value & 15];
    }
    return out;
}

} // namespace

// The sample in docs/formats/index.md.
TEST_CASE("index format: an entry has the documented bytes and reads back") {
    const index_entry entry{log_position{0x1234}, 1111, -2, timestamp_ms{1'700'000'000'000}};
    std::string bytes;
    append_entry(bytes, entry);
    CHECK(hex(bytes) == "0000000000001234"
                        "00000457"
                        "fffffffe"
                        "0000018bcfe56800");
    const auto decoded = decode_block(bytes);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == std::vector{entry});
}

TEST_CASE("index format: a block of a broken size is refused") {
    const std::string entry(index_entry_bytes, 'x');
    CHECK(decode_block("")->empty());
    CHECK_FALSE(decode_block(entry.substr(1)).has_value());
    std::string full;
    for (int i = 0; i < block_entries; ++i) {
        full += entry;
    }
    CHECK(decode_block(full)->size() == 32);
    CHECK_FALSE(decode_block(full + entry).has_value());
}

// Goal: indexes written by this version are found by the next. How: fixed values of the stored hash.
TEST_CASE("index format: the key hash is what is on disks already") {
    CHECK(hex([] {
              std::string out;
              append_be(out, key_hash("orders", "order-1"));
              append_be(out, key_hash("orders", "7F0000010001000000000000"));
              append_be(out, key_hash("", ""));
              return out;
          }()) == "5485d481f940007dbdf1d91ca90380010000000000000000");
}

TEST_CASE("index format: keys spread over all partitions, and topic and key do not run together") {
    std::set<std::uint16_t> used;
    for (int i = 0; i < 20'000; ++i) {
        used.insert(key_partition(key_hash("orders", "order-" + std::to_string(i))));
    }
    CHECK(used.size() == key_partitions);
    CHECK(key_hash("ab", "c") != key_hash("a", "bc"));
}

TEST_CASE("index format: tag and keys are found in one pass over the properties") {
    record_facts facts;
    find_facts("t", "KEYS\1a  b \2UNIQ_KEY\1u\2TAGS\1red\2", facts);
    CHECK(facts.key_hashes == std::vector{key_hash("t", "a"), key_hash("t", "b"), key_hash("t", "u")});
    CHECK(facts.tag_hash != 0);
    find_facts("t", "", facts);
    CHECK(facts.key_hashes.empty());
    CHECK(facts.tag_hash == 0);
    CHECK(has_key("KEYS\1a b\2", "b"));
    CHECK_FALSE(has_key("KEYS\1a bb\2TAGS\1b\2", "b"));
}
