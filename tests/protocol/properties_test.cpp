#include "protocol/properties.hpp"

#include "protocol/vocabulary/limits.hpp"
#include "tests/support/hex.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;
using test_support::from_hex;

TEST_CASE("properties have RocketMQ's bytes") {
    // Vector: RocketMQ's MessageDecoder.messageProperties2String, there in the other order.
    CHECK(encode_properties({{"WAIT", "true"}, {"TAGS", "TagA"}}).value() == from_hex("54414753 01 54616741 02 57414954 01 74727565 02"));
    CHECK(decode_properties(from_hex("57414954 01 74727565 02 54414753 01 54616741 02")) ==
          protocol::properties{{"WAIT", "true"}, {"TAGS", "TagA"}});
    CHECK(encode_properties({}).value().empty());
}

TEST_CASE("the last separator of properties may be missing") {
    CHECK(decode_properties("a\1b\2c\1d") == protocol::properties{{"a", "b"}, {"c", "d"}});
    CHECK(find_property("a\1b\2c\1d", "c") == "d");
}

TEST_CASE("pairs that RocketMQ drops are dropped, and the last duplicate wins") {
    const std::string odd = "a\1\2"
                            "b\2"
                            "\1c\2"
                            "\2\2"
                            "k\1v\1w\2"
                            "k\1x\2"
                            "z\1";
    CHECK(decode_properties(odd) == protocol::properties{{"k", "x"}});
    CHECK(find_property(odd, "k") == "x");
    CHECK(find_property(odd, "a") == std::nullopt);
    CHECK(find_property(odd, "b") == std::nullopt);
    CHECK(find_property("", "k") == std::nullopt);
    CHECK(decode_properties("k\1v\1w\2") == protocol::properties{{"k", "v\1w"}});
}

TEST_CASE("a property that a reader would misunderstand is refused by name") {
    CHECK(encode_properties({{"", "v"}}).code() == errc::property_illegal);
    CHECK(encode_properties({{"key", ""}}).failure().text == "property \"key\" has an empty value: readers would drop it, leave it out");
    CHECK(encode_properties({{"key", "a\1"}}).code() == errc::property_illegal);
    CHECK(encode_properties({{"k\2", "a"}}).code() == errc::property_illegal);
}

TEST_CASE("encoded properties may have exactly properties_bytes_max bytes") {
    const std::size_t value_bytes = limits::properties_bytes_max - 3;
    CHECK(encode_properties({{"k", std::string(value_bytes, 'v')}}).value().size() == limits::properties_bytes_max);
    CHECK(encode_properties({{"k", std::string(value_bytes + 1, 'v')}}).code() == errc::properties_too_large);
}
