#include "apps/output.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace troupe::apps;

namespace {

table sample() {
    table rows{{{"name"}, {"queue_count"}, {"ratio"}, {"open"}, {"last_seen"}, {"tags"}}};
    rows.add({std::string{"orders"}, std::int64_t{8}, 0.5, true, moment{1'700'000'000'123}, std::vector<std::string>{"a", "b"}});
    rows.add({std::string{""}, std::int64_t{1024}, 12.345, false, moment{0}, std::vector<std::string>{}});
    return rows;
}

template <class Printed>
std::string print(const Printed& what, output_format format) {
    std::ostringstream out;
    what.print(out, format);
    return out.str();
}

} // namespace

TEST_CASE("output: a table aligns numbers right and text left, and shows nothing as a dash") {
    CHECK(print(sample(), output_format::table) == "NAME    QUEUE COUNT  RATIO  OPEN  LAST SEEN                 TAGS\n"
                                                   "orders            8   0.50  yes   2023-11-14T22:13:20.123Z  a, b\n"
                                                   "-              1024  12.35  no    -                         -\n");
}

TEST_CASE("output: JSON has the same data, times in milliseconds") {
    const auto json = nlohmann::json::parse(print(sample(), output_format::json));
    REQUIRE(json.size() == 2);
    CHECK(json[0]["name"] == "orders");
    CHECK(json[0]["queue_count"] == 8);
    CHECK(json[0]["open"] == true);
    CHECK(json[0]["last_seen"] == 1'700'000'000'123);
    CHECK(json[1]["tags"].empty());
}

TEST_CASE("output: no rows say so to people, and are an empty list for programs") {
    const table empty{{{"topic"}}};
    std::ostringstream out;
    empty.print(out, output_format::table, "There are no topics.");
    CHECK(out.str() == "There are no topics.\n");
    CHECK(print(empty, output_format::json) == "[]\n");
}

TEST_CASE("output: a record prints its tables below its properties") {
    record shown;
    shown.add("topic", std::string{"orders"});
    shown.add("first_offset", std::int64_t{3});
    table rows{{{"queue"}}};
    rows.add({std::int64_t{0}});
    shown.add("queues", std::move(rows));
    CHECK(print(shown, output_format::table) == "topic         orders\n"
                                                "first offset  3\n"
                                                "\n"
                                                "QUEUE\n"
                                                "    0\n");
    CHECK(nlohmann::json::parse(print(shown, output_format::json))["queues"][0]["queue"] == 0);
}

TEST_CASE("output: bytes that move a terminal's cursor are shown, not sent") {
    CHECK(printable("plain, \xC3\xA4\xC3\xB6\xC3\xBC, \xE2\x82\xAC, \xF0\x9F\x8E\xAD") ==
          "plain, \xC3\xA4\xC3\xB6\xC3\xBC, \xE2\x82\xAC, \xF0\x9F\x8E\xAD");
    CHECK(printable("a\x1B[31mb\n") == "a\\x1b[31mb\\x0a");
    CHECK(printable("\x7F") == "\\x7f");
    CHECK(printable("\xC2\x9B") == "\\xc2\\x9b");
    CHECK(printable("\xFF\xC3") == "\\xff\\xc3");
    CHECK(printable("\xC0\x80\xED\xA0\x80\xF4\x90\x80\x80") == "\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80");
    CHECK(printable(std::string_view{"\0", 1}) == "\\x00");
}

TEST_CASE("output: JSON keeps valid text as it is, and never fails on other bytes") {
    table rows{{{"body"}}};
    rows.add({std::string{"two\nlines"}});
    rows.add({std::string{"\xFF\x01"}});
    const auto json = nlohmann::json::parse(print(rows, output_format::json));
    CHECK(json[0]["body"] == "two\nlines");
    CHECK(json[1]["body"] == "\\xff\\x01");
}

TEST_CASE("output: lists and maps with bytes that are no UTF-8 are still JSON") {
    table rows{{{"tags"}, {"properties"}}};
    rows.add({std::vector<std::string>{"a\xff"}, std::map<std::string, std::string>{{"one", "1"}, {"two", "\xff"}}});
    const auto json = nlohmann::json::parse(print(rows, output_format::json));
    CHECK(json[0]["tags"][0] == "a\\xff");
    CHECK(json[0]["properties"]["one"] == "1");
    CHECK(json[0]["properties"]["two"] == "\\xff");
    CHECK(print(rows, output_format::table) == "TAGS   PROPERTIES\na\\xff  one=1, two=\\xff\n");
}

TEST_CASE("output: base64 is that of RFC 4648") {
    CHECK(to_base64("") == "");
    CHECK(to_base64("f") == "Zg==");
    CHECK(to_base64("fo") == "Zm8=");
    CHECK(to_base64("foo") == "Zm9v");
    CHECK(to_base64("foobar") == "Zm9vYmFy");
    CHECK(to_base64(std::string_view{"\xff\x00\xfe", 3}) == "/wD+");
}
