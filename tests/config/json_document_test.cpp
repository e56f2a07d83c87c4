#include "config/json_document.hpp"

#include <doctest/doctest.h>

using namespace troupe::config;

namespace {

json_node parse_good(std::string_view text) {
    std::vector<json_error> errors;
    json_node root = parse_json(text, errors);
    REQUIRE(errors.empty());
    return root;
}

json_error parse_bad(std::string_view text) {
    std::vector<json_error> errors;
    (void)parse_json(text, errors);
    REQUIRE(errors.size() == 1);
    return errors.front();
}

} // namespace

TEST_CASE("json_document: every value knows where it stands") {
    const json_node root = parse_good("{\n  \"a\": 1,\n  \"b\": {\"c\": \"x\", \"d\": [true, null, -2.5]}\n}\n");
    REQUIRE(root.members.size() == 2);
    CHECK(root.position == text_position{1, 1});
    CHECK(root.members[0].key_position == text_position{2, 3});
    CHECK(root.members[0].value.position == text_position{2, 8});
    CHECK(root.members[0].value.integer == 1);
    const json_node& b = root.members[1].value;
    CHECK(b.position == text_position{3, 8});
    CHECK(b.members[0].key_position == text_position{3, 9});
    CHECK(b.members[0].value.position == text_position{3, 14});
    CHECK(b.members[0].value.text == "x");
    const json_node& d = b.members[1].value;
    REQUIRE(d.items.size() == 3);
    CHECK(d.items[0].position == text_position{3, 25});
    CHECK(d.items[0].text == "true");
    CHECK(d.items[1].position == text_position{3, 31});
    CHECK(d.items[1].kind == json_kind::null);
    CHECK(d.items[2].position == text_position{3, 37});
    CHECK(d.items[2].real == -2.5);
}

TEST_CASE("json_document: comments of both kinds are skipped, and positions still hold") {
    const json_node root = parse_good("// first: \"{\"\n{ /* a, b\n : c */ \"a\" /*x*/ : // y\n 7 /*z*/, \"b\": 1}");
    REQUIRE(root.members.size() == 2);
    CHECK(root.position == text_position{2, 1});
    CHECK(root.members[0].key_position == text_position{3, 9});
    CHECK(root.members[0].value.position == text_position{4, 2});
    CHECK(root.members[1].key_position == text_position{4, 11});
}

TEST_CASE("json_document: a number directly before a bracket does not move what follows") {
    const json_node root = parse_good("[[1],[22],{\"a\":3},\"x\"]");
    REQUIRE(root.items.size() == 4);
    CHECK(root.items[0].items[0].position == text_position{1, 3});
    CHECK(root.items[1].position == text_position{1, 6});
    CHECK(root.items[1].items[0].position == text_position{1, 7});
    CHECK(root.items[2].members[0].value.position == text_position{1, 16});
    CHECK(root.items[3].position == text_position{1, 19});
}

TEST_CASE("json_document: duplicate keys are kept, for the reader to complain about") {
    const json_node root = parse_good(R"({"a": 1, "a": 2})");
    REQUIRE(root.members.size() == 2);
    CHECK(root.members[1].value.integer == 2);
}

TEST_CASE("json_document: whole numbers beyond 64 bits become reals") {
    const json_node root = parse_good("[9223372036854775807, 9223372036854775808, -9223372036854775808, 99999999999999999999]");
    CHECK(root.items[0].kind == json_kind::integer);
    CHECK(root.items[1].kind == json_kind::real);
    CHECK(root.items[1].text == "9223372036854775808");
    CHECK(root.items[2].kind == json_kind::integer);
    CHECK(root.items[3].kind == json_kind::real);
}

TEST_CASE("json_document: a byte order mark is no part of the first line") {
    CHECK(parse_good("\xEF\xBB\xBF{\"a\":1}").members[0].value.integer == 1);
}

TEST_CASE("json_document: syntax errors name their place") {
    CHECK(parse_bad("").position == text_position{1, 1});
    CHECK(parse_bad("{\"a\": 1,\n \"b\" 2}").position == text_position{2, 6});
    CHECK(parse_bad("{\"a\": 1} x").position == text_position{1, 10});
    CHECK(parse_bad("{\"a\": 1e999}").text == "number overflow parsing '1e999'");
    CHECK(parse_bad("{\"a\": \"\xFF\"}").text.starts_with("invalid string: ill-formed UTF-8 byte"));
}

TEST_CASE("json_document: depth and size are bounded") {
    CHECK(parse_bad(std::string(100'000, '[')).text == "nested deeper than 16 levels");
    CHECK(parse_bad(std::string(json_bytes_max + 1, ' ')).text == "larger than 1048576 bytes");
    CHECK(parse_good(std::string(16, '[') + std::string(16, ']')).kind == json_kind::array);
}
