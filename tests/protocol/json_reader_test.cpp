#include "protocol/json_reader.hpp"

#include "protocol/json_writer.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <map>
#include <random>

using namespace troupe;
using namespace troupe::protocol;

namespace {

/// Reads any value into a tree, to compare with another parser's.
nlohmann::json read_tree(json_reader& json) {
    switch (json.peek()) {
    case json_kind::object: {
        auto tree = nlohmann::json::object();
        json.object([&](std::string_view key) {
            const std::string name{key};
            tree[name] = read_tree(json);
        });
        return tree;
    }
    case json_kind::array: {
        auto tree = nlohmann::json::array();
        json.array([&] { tree.push_back(read_tree(json)); });
        return tree;
    }
    case json_kind::text: return json.text();
    case json_kind::number: return json.real();
    case json_kind::boolean: return json.boolean();
    default: json.skip(); return nullptr;
    }
}

bool reads(std::string_view document) {
    json_reader json{document};
    json.skip();
    return json.finish("document").ok();
}

std::string text_of(std::string_view document) {
    json_reader json{document};
    return json.text();
}

} // namespace

TEST_CASE("strings come back without their escapes") {
    CHECK(text_of(R"("plain")") == "plain");
    CHECK(text_of(R"("a\"\\\/\b\f\n\r\t\u0001\u00e9\u4e2d\ud83d\ude00z")") == "a\"\\/\b\f\n\r\t\x01\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80z");
    CHECK(text_of(R"("\ud83d!")") == "\xEF\xBF\xBD!");
    CHECK(text_of(R"("\ude00\ud83d\u0041")") == "\xEF\xBF\xBD\xEF\xBF\xBD"
                                                "A");
    CHECK(text_of("\"中文\"") == "中文");
}

TEST_CASE("values of another kind are turned into text as they are written") {
    CHECK(text_of("12.50") == "12.50");
    CHECK(text_of("true") == "true");
    CHECK(text_of("null").empty());
    CHECK(text_of(R"( {"a":[1]} )") == R"({"a":[1]})");
}

TEST_CASE("whole numbers are read from numbers and strings, and refused when they do not fit") {
    const auto number = [](std::string_view document) -> std::optional<std::int32_t> {
        json_reader json{document};
        const auto x = json.integer<std::int32_t>();
        return json.finish("number").ok() ? std::optional{x} : std::nullopt;
    };
    CHECK(number("-2147483648") == -2147483648);
    CHECK(number("\"17\"") == 17);
    CHECK(number("null") == 0);
    CHECK(number("\"\"") == 0);
    CHECK(number("7.0") == 7);
    CHECK(number("7E3") == 7000);
    for (const char* wrong :
         {"2147483648", "1e300", "1e999", "7.5", "\"x\"", "\"nan\"", "true", "[]", "{}", "", "-", "99999999999999999999"})
        CHECK_MESSAGE(number(wrong) == std::nullopt, wrong);
    json_reader wide{"9223372036854775807"};
    CHECK(wide.integer<std::int64_t>() == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("booleans and fractions are read from every form peers write") {
    const auto boolean = [](std::string_view document) { return json_reader{document}.boolean(); };
    for (const char* yes : {"true", "\"true\"", "\"TRUE\"", "1"})
        CHECK_MESSAGE(boolean(yes), yes);
    for (const char* no : {"false", "\"false\"", "\"yes\"", "0", "null", "\"\"", "[]"})
        CHECK_FALSE_MESSAGE(boolean(no), no);
    const auto real = [](std::string_view document) { return json_reader{document}.real(); };
    CHECK(real("1.5E12") == 1.5e12);
    CHECK(real("\"0.25\"") == 0.25);
    CHECK(real("null") == 0);
    json_reader infinite{"\"inf\""};
    infinite.real();
    CHECK(infinite.failed());
}

TEST_CASE("keys may be strings, numbers and objects") {
    json_reader json{R"({"a\n":1,0:2,-3:4,{"x":{"y":"}"}}:5})"};
    std::map<std::string, int> members;
    json.object([&](std::string_view key) {
        const std::string name{key};
        members[name] = json.integer<int>();
    });
    CHECK(json.finish("document").ok());
    CHECK(members == std::map<std::string, int>{{"a\n", 1}, {"0", 2}, {"-3", 4}, {R"({"x":{"y":"}"}})", 5}});
}

TEST_CASE("what is no JSON is refused with the place") {
    for (const char* wrong : {"",      " ",        "{",   "[",   "}",  "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]",        "[1 2]",
                              "{a:1}", "{true:1}", "tru", "nul", "\"", "\"\\",    "\"\\x\"",  "\"\\u12\"",  "\"\\u12g4\"", "\"a\nb\"",
                              "1.",    ".5",       "1e",  "--1", "+1", "1 2",     "{}{}",     "'a'"})
        CHECK_FALSE_MESSAGE(reads(wrong), wrong);
    json_reader json{R"({"a":[1,x]})"};
    json.skip();
    CHECK(json.finish("thing").failure() == error{errc::protocol_error, "thing: a value is expected at byte 8 of 11"});
}

TEST_CASE("nesting is bounded, however deep the document") {
    const auto nested = [](std::size_t depth, char open, char close) { return std::string(depth, open) + "1" + std::string(depth, close); };
    CHECK(reads(nested(json_reader::depth_max, '[', ']')));
    CHECK_FALSE(reads(nested(json_reader::depth_max + 1, '[', ']')));
    CHECK_FALSE(reads(std::string(1u << 20, '[')));
    CHECK_FALSE(reads(std::string(1u << 20, '{'))); // objects in the place of keys nest too
    std::string objects;
    for (int i = 0; i < 100'000; ++i)
        objects += "{\"a\":";
    CHECK_FALSE(reads(objects));
}

TEST_CASE("the number of values is bounded") {
    const auto array_of = [](std::size_t count) {
        std::string document = "[1";
        for (std::size_t i = 1; i < count; ++i)
            document += ",1";
        return document + "]";
    };
    CHECK(reads(array_of(json_reader::values_max)));
    CHECK_FALSE(reads(array_of(json_reader::values_max + 1)));
}

TEST_CASE("references of fastjson are refused where they would hide data") {
    json_reader json{R"({"$ref":"$.a"})"};
    json.object([&](std::string_view key) { json.skip_member(key); });
    CHECK(json.finish("document").failure().text == "document: a reference to another value is not supported at byte 8 of 14");
}

TEST_CASE("after a failure nothing changes any more") {
    json_reader json{"[1,x,3]"};
    int elements = 0;
    json.array([&] {
        json.integer<int>();
        ++elements;
    });
    CHECK(elements == 2);
    CHECK(json.peek() == json_kind::none);
    CHECK(json.text().empty());
    CHECK(json.integer<int>() == 0);
}

// Goal: the reader agrees with a proven parser on everything that is standard JSON.
// How:  random documents, also damaged ones: what nlohmann/json takes, the reader takes too and reads the same.
TEST_CASE("random standard JSON is read as another parser reads it") {
    std::mt19937_64 random{test_support::random_seed("json", 1)};
    const auto below = [&](std::uint64_t end) { return random() % end; };
    std::function<nlohmann::json(int)> make = [&](int depth) -> nlohmann::json {
        switch (below(depth > 0 ? 7 : 5)) {
        case 0: return nullptr;
        case 1: return below(2) == 0;
        case 2: return static_cast<std::int64_t>(random());
        case 3: return std::ldexp(static_cast<double>(random()), static_cast<int>(below(200)) - 100);
        case 4: {
            std::string text;
            for (auto n = below(12); n > 0; --n)
                text += below(8) == 0 ? std::string{"\xE4\xB8\xAD"} : std::string(1, static_cast<char>(below(0x7F)));
            return text;
        }
        case 5: {
            auto array = nlohmann::json::array();
            for (auto n = below(5); n > 0; --n)
                array.push_back(make(depth - 1));
            return array;
        }
        default: {
            auto object = nlohmann::json::object();
            for (auto n = below(5); n > 0; --n)
                object["k" + std::to_string(below(100)) + (below(4) == 0 ? "\"\n" : "")] = make(depth - 1);
            return object;
        }
        }
    };
    for (int round = 0; round < 3000; ++round) {
        auto document = make(4).dump(below(2) == 0 ? -1 : 2, ' ', below(2) == 0);
        if (round % 3 == 0)
            document[below(document.size())] = static_cast<char>(1 + below(0x7E)); // the other parser ends at a zero byte
        const auto expected = nlohmann::json::parse(document, nullptr, false);
        if (expected.is_discarded())
            continue;
        json_reader json{document};
        const auto tree = read_tree(json);
        REQUIRE_MESSAGE(json.finish("document").ok(), document);
        // All numbers were read as fractions; the other tree's whole numbers compare equal to them.
        REQUIRE_MESSAGE(tree == expected, document);
    }
}

TEST_CASE("written JSON is compact, escaped, and read by another parser as meant") {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("te\"xt", "a\\b\n\x01\x1f"
                               "é");
    json.number_member("min", std::numeric_limits<std::int64_t>::min());
    json.boolean_member("yes", true);
    json.key("reals");
    json.begin_array();
    json.real(0);
    json.real(1.5);
    json.real(-2e300);
    json.real(std::nan(""));
    json.end_array();
    json.key("empty");
    json.begin_object();
    json.end_object();
    json.end_object();
    CHECK(out == "{\"te\\\"xt\":\"a\\\\b\\u000a\\u0001\\u001fé\",\"min\":-9223372036854775808,\"yes\":true,"
                 "\"reals\":[0.0,1.5,-2e+300,0.0],\"empty\":{}}");
    CHECK(nlohmann::json::parse(out)["te\"xt"] == "a\\b\n\x01\x1f"
                                                  "é");
}
