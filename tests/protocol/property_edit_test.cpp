#include "protocol/property_edit.hpp"

#include "protocol/properties.hpp"

#include <doctest/doctest.h>

using namespace troupe::protocol;

TEST_CASE("a property is set in place of all others of its name, and the rest stays byte for byte") {
    std::string encoded = "a\1"
                          "1\2"
                          "b\1"
                          "2\2"
                          "a\1"
                          "3\2";
    set_property(encoded, "a", "4");
    CHECK(encoded == "b\1"
                     "2\2"
                     "a\1"
                     "4\2");
    set_property(encoded, "c", "5");
    CHECK(decode_properties(encoded) == properties{{"a", "4"}, {"b", "2"}, {"c", "5"}});
}

TEST_CASE("a property is added behind a pair whose last separator is missing") {
    std::string encoded = "a\1x";
    set_property(encoded, "b", "y");
    CHECK(encoded == "a\1x\2b\1y\2");
    std::string empty;
    set_property(empty, "b", "y");
    CHECK(empty == "b\1y\2");
}

TEST_CASE("a property is removed wherever it is, and others that begin like it are not") {
    for (const std::string encoded : {"DELAY\1x\2DELAYED\1y\2", "DELAYED\1y\2DELAY\1x\2", "DELAY\1x\2DELAYED\1y\2DELAY\1z"}) {
        auto left = encoded;
        remove_property(left, "DELAY");
        CHECK(decode_properties(left) == properties{{"DELAYED", "y"}});
    }
    std::string odd = "DELAY\2x\1DELAY\2";
    const auto before = odd;
    remove_property(odd, "DELAY");
    CHECK(odd == before);
    set_property(odd, "x", "");
    CHECK(odd == "DELAY\2");
}

// A header may be as large as a frame, and whoever edits properties does so on a thread that others wait for.
TEST_CASE("very many properties of one name are removed in one pass") {
    std::string encoded;
    for (int i = 0; i < 1'000'000; ++i)
        encoded += i % 2 == 0 ? "POP_CK\1\2" : "k\1v\2";
    remove_property(encoded, "POP_CK");
    CHECK(encoded.size() == 500'000 * 4);
    CHECK(encoded.find("POP_CK") == std::string::npos);
}
