#include "actors/base/message_filter.hpp"

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

std::string properties_of(const protocol::properties& all) {
    return protocol::encode_properties(all).value();
}

} // namespace

TEST_CASE("parse_message_filter: a star, nothing, and blanks mean every message") {
    for (const auto* text : {"*", "", "  ", " * "}) {
        const auto filter = parse_message_filter(text, "TAG");
        REQUIRE(filter);
        CHECK(*filter == nullptr);
    }
}

TEST_CASE("parse_message_filter: tags are split at two bars, trimmed, sorted, each once") {
    const auto filter = parse_message_filter(" TagB ||TagA|| || TagB", "");
    REQUIRE(filter);
    REQUIRE(*filter != nullptr);
    CHECK((*filter)->tag_hashes == std::vector<std::int32_t>{2598919, 2598920});
    CHECK_FALSE((*filter)->wants);
    CHECK((*filter)->matches(properties_of({{"TAGS", "TagA"}})));
    CHECK_FALSE((*filter)->matches(properties_of({{"TAGS", "TagC"}})));
    CHECK_FALSE((*filter)->matches(""));
}

TEST_CASE("parse_message_filter: SQL92 decides by properties, whatever the tag") {
    const auto filter = parse_message_filter("a > 1 AND TAGS <> 'TagB'", "SQL92");
    REQUIRE(filter);
    REQUIRE(*filter != nullptr);
    CHECK((*filter)->tag_hashes.empty());
    CHECK((*filter)->matches(properties_of({{"a", "2"}, {"TAGS", "TagA"}})));
    CHECK_FALSE((*filter)->matches(properties_of({{"a", "2"}, {"TAGS", "TagB"}})));
    CHECK_FALSE((*filter)->matches(properties_of({{"TAGS", "TagA"}})));
}

TEST_CASE("parse_message_filter: what cannot be filtered is refused by name, or by column") {
    CHECK(parse_message_filter("x", "REGEX").code() == errc::subscription_illegal);
    CHECK(parse_message_filter(" || ", "TAG").code() == errc::subscription_illegal);
    CHECK(parse_message_filter(std::string(limits::expression_bytes_max + 1, 'x'), "TAG").code() == errc::subscription_illegal);
    // A star is no condition: RocketMQ refuses it too.
    for (const auto* text : {"*", "", "a > "})
        CHECK(parse_message_filter(text, "SQL92").code() == errc::subscription_illegal);
    CHECK(parse_message_filter("a = 5 b", "SQL92").failure().text == "SQL92 expression: column 7: expected AND, OR or the end, found b");
}

TEST_CASE("message_filters: what is equal is compiled once, and refused once") {
    message_filters filters;
    const auto first = filters.find("a > 1", "SQL92");
    REQUIRE(first);
    CHECK(*filters.find("a > 1", "SQL92") == *first);
    CHECK(*filters.find("a > 2", "SQL92") != *first);
    CHECK(*filters.find("a", "TAG") != *filters.find("b", "TAG"));
    CHECK(filters.size() == 4);
    CHECK(filters.find("a >", "SQL92").code() == errc::subscription_illegal);
    CHECK(filters.find("a >", "SQL92").code() == errc::subscription_illegal);
    CHECK(filters.size() == 5);
    // The same text means something else in the other language.
    CHECK(filters.find("a > 1", "TAG").ok());
    CHECK(*filters.find("a > 1", "TAG") != *first);
}

TEST_CASE("message_filters: what needs no filter, and what is refused for its length, is not kept") {
    message_filters filters;
    CHECK(*filters.find("*", "TAG") == nullptr);
    CHECK(*filters.find("", "") == nullptr);
    CHECK(filters.find(std::string(limits::expression_bytes_max + 1, 'x'), "SQL92").code() == errc::subscription_illegal);
    CHECK(filters.find("x", std::string(100'000, 'x')).code() == errc::subscription_illegal);
    CHECK(filters.find("*", "SQL92").code() == errc::subscription_illegal);
    CHECK(filters.size() == 1);
}

TEST_CASE("message_filters: their number and their bytes are bounded, and what was forgotten comes back") {
    message_filters few{3, 1'000};
    for (int i = 0; i < 10; ++i) {
        REQUIRE(few.find("a = " + std::to_string(i), "SQL92"));
        CHECK(few.size() <= 3);
    }
    message_filters small{100, 50};
    for (int i = 0; i < 10; ++i) {
        REQUIRE(small.find("a = 'some longer text' OR b = " + std::to_string(i), "SQL92"));
        CHECK(small.size() == 1);
    }
    const auto again = few.find("a = 0", "SQL92");
    REQUIRE(again);
    CHECK((*again)->matches(properties_of({{"a", "0"}})));
}
