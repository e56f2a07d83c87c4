#include "actors/tag_expression.hpp"

#include "protocol/message_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

TEST_CASE("parse_tag_expression: a star, nothing, and blanks mean every message") {
    for (const auto* text : {"*", "", "  ", " * "}) {
        const auto filter = parse_tag_expression(text, "TAG");
        REQUIRE(filter);
        CHECK(*filter == nullptr);
    }
}

TEST_CASE("parse_tag_expression: tags are split at two bars, trimmed, sorted, each once") {
    const auto filter = parse_tag_expression(" TagB ||TagA|| || TagB", "");
    REQUIRE(filter);
    REQUIRE(*filter != nullptr);
    CHECK((*filter)->hashes == std::vector<std::int32_t>{2598919, 2598920});
}

TEST_CASE("parse_tag_expression: what cannot be filtered is refused by name") {
    CHECK(parse_tag_expression("a > 1", "SQL92").code() == errc::not_supported);
    CHECK(parse_tag_expression("x", "REGEX").code() == errc::subscription_illegal);
    CHECK(parse_tag_expression(" || ", "TAG").code() == errc::subscription_illegal);
}
