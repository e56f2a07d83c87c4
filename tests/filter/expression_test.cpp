#include "filter/expression.hpp"

#include "protocol/properties.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using filter::expression;
using filter::truth;

namespace {

expression compiled(const std::string& text) {
    auto parsed = expression::parse(text);
    REQUIRE_MESSAGE(parsed.ok(), parsed.failure().text);
    return *std::move(parsed);
}

} // namespace

TEST_CASE("expression: it tells its text and the properties that it reads, each once") {
    const auto wanted = compiled("b = 1 AND a = 'x' OR b IS NULL AND B = 2");
    CHECK(wanted.text() == "b = 1 AND a = 'x' OR b IS NULL AND B = 2");
    CHECK(wanted.properties() == std::vector<std::string>{"b", "a", "B"});
    CHECK(compiled("1 = 1").properties().empty());
}

TEST_CASE("expression: it matches the property string of a record, where the last value of a name counts") {
    const auto wanted = compiled("a > 5 AND region IN ('eu', 'us')");
    CHECK(wanted.matches(*protocol::encode_properties({{"KEYS", "k"}, {"a", "6"}, {"region", "us"}})));
    CHECK_FALSE(wanted.matches(*protocol::encode_properties({{"a", "6"}, {"region", "asia"}})));
    CHECK_FALSE(wanted.matches(""));
    CHECK_FALSE(wanted.matches(std::string{"a\x01"} + "6\x02region\x01us\x02" + "a\x01" + "5\x02"));
    CHECK(wanted.matches(std::string{"a\x01"} + "5\x02region\x01us\x02" + "a\x01" + "6\x02"));
    CHECK(compiled("a IS NULL").matches("a\x01\x02")); // an empty value is none in RocketMQ's encoding
}

TEST_CASE("expression: a copy outlives the original") {
    auto original = std::make_unique<expression>(compiled("a = 'x'"));
    const expression copy = *original;
    original.reset();
    CHECK(copy.evaluate([](std::string_view) { return std::optional<std::string_view>{"x"}; }) == truth::yes);
}

TEST_CASE("expression: each property is looked up once") {
    const auto wanted = compiled("a = 1 OR a = 2 OR a = 3");
    int lookups = 0;
    CHECK(wanted.evaluate([&](std::string_view name) {
        CHECK(name == "a");
        ++lookups;
        return std::optional<std::string_view>{"3"};
    }) == truth::yes);
    CHECK(lookups == 1);
}

TEST_CASE("expression: looking for a part takes linear time, even where each place nearly fits") {
    // With a search that takes the product of both lengths, this takes minutes.
    const auto part = std::string(1'000, 'a') + "b" + std::string(1'000, 'a');
    const auto wanted = compiled("a CONTAINS '" + part + "' OR a CONTAINS 'c" + part + "'");
    const auto properties = *protocol::encode_properties({{"a", std::string(32'000, 'a')}});
    for (int i = 0; i < 200; ++i)
        CHECK_FALSE(wanted.matches(properties));
}
